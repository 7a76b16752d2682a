"""The small pictures of figures that have none: for paper and where no script runs."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pyrite import Run
from pyrite.report import Figure
from pyrite.report.build import build
from pyrite.report.html import figures, render
from pyrite.report.html.static_picture import picture
from tests.report.browser_sample import HOSTILE, figure, heatmap
from tests.report.runs import blocks

BLUE, ORANGE = (0, 114, 178), (213, 94, 0)


def drawn(*traces: Any, **layout: Any) -> np.ndarray:
    """The picture's pixels, [height, width, 3]."""
    made = picture({"data": list(traces), "layout": layout})
    assert made is not None
    assert len(made) < 30_000
    return np.asarray(Image.open(io.BytesIO(made)).convert("RGB")).astype(int)


def coloured(pixels: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Where this colour is, [height, width]."""
    return np.asarray(np.abs(pixels - np.array(colour)).sum(axis=2) < 30)


def bars(heights: list[float]) -> dict[str, Any]:
    return {"type": "bar", "x": [0, 1, 2], "y": heights, "marker": {"color": "#0072B2"}}


def test_bars_are_as_high_as_their_numbers() -> None:
    found = coloured(drawn(bars([1, 2, 4]), height=480), BLUE).sum(axis=0)
    heights = np.unique(found[found > 5])
    assert len(heights) <= 5
    assert heights.max() / heights.min() == pytest.approx(4, rel=0.05)


def test_packed_numbers_are_read_as_the_same() -> None:
    packed = base64.b64encode(np.array([1, 2, 4], "<f4").tobytes()).decode()
    given_packed = bars([]) | {"y": {"dtype": "f4", "bdata": packed}}
    np.testing.assert_array_equal(drawn(given_packed), drawn(bars([1, 2, 4])))


def test_means_have_their_intervals() -> None:
    mean = {"type": "scatter", "mode": "markers", "x": [1, 2], "y": [1, 2], "name": "mean"}
    mean["marker"] = {"color": "#D55E00", "size": 6}
    bare = coloured(drawn(mean, yaxis={"range": [0, 4]}), ORANGE)
    mean["error_y"] = {"array": [0.5, 1.0], "arrayminus": [0.5, 1.0]}
    with_ends = coloured(drawn(mean, yaxis={"range": [0, 4]}), ORANGE)
    tall = (with_ends.sum(axis=0) > 40).sum()
    assert tall >= 2
    assert (bare.sum(axis=0) > 40).sum() == 0


def test_every_figure_of_a_report_has_a_picture(trained: Run) -> None:
    report = build(trained)
    made = [one for one in blocks(report) if isinstance(one, Figure)]
    assert any(one.png is None for one in made)
    for one in made:
        shown = figures.view(one, id="f", folder=trained.path, budget=figures.Budget())
        assert shown.png is not None, one.id
        assert shown.size is not None
        assert not shown.missing
    page = render(report, trained.path)
    assert page.count("<img ") == len(made)


def test_boxes_and_heat_maps() -> None:
    box = go.Box(q1=[1], median=[2], q3=[3], lowerfence=[0], upperfence=[4], y=[0], orientation="h")
    box.marker.color = "#0072B2"
    assert coloured(drawn(box.to_plotly_json()), BLUE).any()
    assert picture(heatmap().plotly or {}) is not None


@pytest.mark.parametrize("text", [*HOSTILE, "$\\frac{1}$", "漢字 \U0001f642", "a<br>b &lt;i&gt;"])
def test_labels_are_never_more_than_text(text: str) -> None:
    one = figure("f").plotly
    assert one is not None
    one["data"][0]["name"] = text
    one["layout"]["xaxis"]["title"] = text
    one["layout"]["yaxis"]["ticktext"][0] = text
    assert picture(one) is not None


@pytest.mark.parametrize(
    "other",
    [
        {"data": [{"type": "pie", "values": [1]}], "layout": {}},
        {"data": [bars([1, 2, 4])], "layout": {"xaxis2": {}}},
        {"data": [bars([1, 2])], "layout": {}},
        {"data": [bars([1, 2, 4]) | {"y": {"dtype": "f8", "bdata": "?"}}], "layout": {}},
        {"data": [bars([1, 2, 4]) | {"y": {"dtype": "O", "bdata": "AAAAAAAAAAA="}}], "layout": {}},
        {"data": [], "layout": {}},
        {},
    ],
)
def test_what_cannot_be_drawn_has_none(other: dict[str, Any]) -> None:
    assert picture(other) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=4,
)


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(["bar", "box", "scatter", "heatmap"]),
    st.dictionaries(
        st.sampled_from(
            ["x", "y", "z", "mode", "marker", "line", "name", "error_y", "width", "q1"]
        ),
        JSON,
    ),
    st.dictionaries(st.sampled_from(["height", "xaxis", "yaxis"]), JSON),
)
def test_a_figure_of_any_shape_breaks_no_page(
    kind: str, trace: dict[str, Any], layout: dict[str, Any]
) -> None:
    made = picture({"data": [{**trace, "type": kind}], "layout": layout})
    assert made is None or made.startswith(b"\x89PNG")


def test_a_missing_file_is_drawn_instead(tmp_path: Path) -> None:
    one = figure("f", png="gone.png")
    shown = figures.view(one, id="f", folder=tmp_path, budget=figures.Budget())
    assert shown.png is not None
    assert not shown.missing
