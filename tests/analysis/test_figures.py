from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread

from pyrite.analysis.agreement import Agreement
from pyrite.analysis.association import Corrected
from pyrite.analysis.binned import Bin
from pyrite.analysis.figures.chart import Chart, Namer, render, short_labels, shorten
from pyrite.analysis.figures.distribution import Distribution
from pyrite.analysis.figures.dots import Dots
from pyrite.analysis.figures.forest import Forest, Line
from pyrite.analysis.figures.grid import Grid, Panel
from pyrite.analysis.figures.heatmap import Heatmap
from pyrite.analysis.figures.models_forest import ModelsForest
from pyrite.analysis.figures.scatter import (
    HEXAGONS_ABOVE,
    MAX_POINTS,
    Calibration,
    Scatter,
    points_shown,
    view_of,
)
from pyrite.analysis.resample import Estimate

HOSTILE = "</script><script>alert(1)</script> $\\frac{$ {x} %s 漢 \x00"


def estimate(value: float) -> Estimate:
    return Estimate(value, value - 0.1, value + 0.1, 50, 40)


def corrected(value: float) -> Corrected:
    return Corrected(estimate(value), 0.05, 0.01, 0.02, value - 0.2, value + 0.2)


def scatter(rows: int, text: str = "words") -> Scatter:
    generator = np.random.default_rng(0)
    x = generator.normal(size=rows)
    bins = [Bin(0.0, 0.1, 0.0, 0.2, 50, 40), Bin(1.0, 0.3, 0.1, 0.4, 50, 40)]
    y = x + generator.normal(size=rows)
    return Scatter(text, text, text, text, x, y, bins, (0.0, 1.0), view_of(x))


def charts(text: str) -> list[Chart]:
    values = np.random.default_rng(1).normal(size=200)
    bins = [Bin(0.5, 0.4, 0.3, 0.5, 50, 40), Bin(0.8, 0.6, 0.5, 0.7, 50, 40)]
    names = [text, f"{text} 2", "owner/third"]
    agreements = [
        Agreement(names[i], names[j], "score", estimate(0.3)) for i, j in ((0, 1), (0, 2), (1, 2))
    ]
    lines = [Line(text, corrected(0.4), corrected(-0.2)), Line("other", corrected(0.1), None)]
    return [
        scatter(100, text),
        scatter(HEXAGONS_ABOVE + 1, text),
        Distribution(text, text, text, values, split=True),
        Distribution(text, text, text, np.full(5, 2.0), split=False),
        Calibration(text, text, text, text, bins),
        Forest(text, text, lines),
        Heatmap(text, text, names, agreements),
        Dots(text, text, text, names, [estimate(x) for x in (0.1, 0.5, 0.3)], 0.5),
        ModelsForest(text, text, text, [text, "b"], names, [[corrected(0.3)] * 3, [None] * 3]),
        Grid(text, text, [Panel(text, text, scatter(50, text)) for _ in range(5)]),
        Grid(text, text, [Panel(text, text, Distribution(text, text, text, values, split=True))]),
    ]


@pytest.mark.parametrize("place", range(11))
def test_every_chart_is_drawn_and_holds_no_markup_of_others(tmp_path: Path, place: int) -> None:
    figure = render(charts(HOSTILE)[place], Namer()("query", HOSTILE), tmp_path)
    picture = imread(figure.png)
    assert picture.shape[:2] == (800, 1200)
    assert np.std(picture) > 0.02
    page = figure.html.read_text(encoding="utf-8")
    assert "alert(1)" in page
    assert "<script>alert" not in page.lower()
    assert 'src="plotly.min.js"' in page
    assert "http" not in page.replace("http://www.w3.org", "")
    assert len(page) < 1_500_000


def test_the_script_is_written_once(tmp_path: Path) -> None:
    for name in ("a", "b"):
        render(scatter(20), name, tmp_path)
    assert sorted(x.name for x in tmp_path.iterdir()) == [
        "a.html",
        "a.plotly.json",
        "a.png",
        "b.html",
        "b.plotly.json",
        "b.png",
        "plotly.min.js",
    ]
    assert (tmp_path / "plotly.min.js").stat().st_size > 1_000_000


def test_file_names_are_slugs_and_differ() -> None:
    namer = Namer()
    names = [namer("q", "../../etc/passwd"), namer("q", "../../etc/passwd"), namer("Q", "é\n/")]
    assert names == ["q-etc-passwd", "q-etc-passwd-2", "Q"]
    assert namer("/", "..") == "figure"
    assert len(namer("x" * 500)) <= 60


def test_points_are_drawn_from_all() -> None:
    shown = points_shown(100_000, seed=0)
    assert len(shown) == MAX_POINTS
    assert len(set(shown.tolist())) == MAX_POINTS
    assert 45_000 < shown.mean() < 55_000
    assert len(points_shown(10, seed=0)) == 10


def test_a_far_outlier_does_not_squeeze_the_picture() -> None:
    x = np.r_[np.linspace(0, 10, 5000), 400.0]
    low, high = view_of(x)
    assert low == 0.0
    assert high < 11
    assert view_of(np.array([0.0, 1.0, 2.0])) == (0.0, 2.0)


def test_margins_below_zero_have_a_colour_of_their_own() -> None:
    values = np.r_[np.full(30, -1.0), np.linspace(0.1, 3, 70)]
    counts, edges = Distribution("", "", "margin", values, split=True).bins()
    assert counts.sum() == 100
    assert 0.0 in np.round(edges, 12)
    assert counts[edges[1:] <= 1e-12].sum() == 30


def test_models_stand_in_the_order_of_their_number() -> None:
    dots = Dots("", "", "", ["a", "b", "c"], [estimate(x) for x in (0.1, 0.5, 0.3)], None)
    assert [label for label, _ in dots.ordered()] == ["b", "c", "a"]


def test_panels_keep_axes_of_their_own() -> None:
    grid = Grid("", "", [Panel("m", "", scatter(50)) for _ in range(5)])
    assert grid.shape() == (2, 3)
    traces, layout = grid.traces()
    assert {trace.xaxis for trace in traces} == {"x", "x2", "x3", "x4", "x5"}
    domains = {
        (tuple(layout[f"xaxis{n}"]["domain"]), tuple(layout[f"yaxis{n}"]["domain"]))
        for n in ("", 2, 3, 4, 5)
    }
    assert len(domains) == 5


def test_labels_of_models_stay_apart() -> None:
    long = "Some-Very-Long-Reward-Model-Name-"
    assert short_labels(["a/one", "b/two"]) == ["one", "two"]
    assert short_labels(["a/one", "b/one"]) == ["a/one", "b/one"]
    labels = short_labels([f"x/{long * 3}{i}{long * 3}" for i in range(3)])
    assert len(set(labels)) == 3
    assert max(map(len, labels)) <= 36
    assert shorten("a  b\n c") == "a b c"


def test_a_realistic_look(shared_data: Path, tmp_path: Path) -> None:
    """Recorded scores of four reward models beside human ratings of the same things."""
    import pandas as pd

    from pyrite.analysis import analyse
    from pyrite.config.sections import AnalyzeSection, Plot

    from .fake_table import FakeTable

    path = shared_data / "rm_scores" / "elo_entities_greatest_ever_single.csv.gz"
    data = pd.read_csv(path).iloc[::5]
    names = data["name"].fillna("").tolist()

    def table(place: int, model: str) -> Any:
        numeric = {
            "score": data[model].to_numpy(float),
            "elo_score": data["elo_score"].to_numpy(float),
            "elo_matches": data["elo_matches"].to_numpy(float),
        }
        groups = np.arange(len(data))
        texts = {"response": names}
        return FakeTable(texts, numeric, ("score",), groups, id=f"q{place}", model_id=model)

    models = [name for name in data.columns if "/" in name][::3]
    section = AnalyzeSection(
        plot=[Plot(y="score", x=["elo_matches"])], gold="elo_score", bootstrap=500
    )
    tables = [table(i, model) for i, model in enumerate(models)]
    result = analyse(section, tables, out=tmp_path)
    assert len(result.agreements) == 10
    assert all(x.spearman.low > 0 for x in result.agreements)
    assert [x.name for x in result.figures] == [
        "rank-correlation-with-gold",
        "agreement",
        "score-associations",
        "score-distribution",
        "score-elo_matches",
    ]
    for measure in result.measures:
        assert measure.name == "rank correlation with gold"
        assert 0.15 < measure.estimate.value < 0.7
