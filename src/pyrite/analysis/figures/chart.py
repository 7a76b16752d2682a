"""What every figure is made with: one look, two files (PNG and HTML), and safe names and labels.

Labels come from experiments and data. They are never markup: mathematical text of matplotlib is
off, HTML is escaped for plotly, and file names are slugs.
"""

from __future__ import annotations

import html
import re
import textwrap
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyrite.analysis.result import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

__all__ = [
    "BLUE",
    "COLOURS",
    "GREY",
    "INK",
    "LIGHT",
    "ORANGE",
    "PLOTLY",
    "STYLE",
    "Chart",
    "Namer",
    "drawable",
    "markup",
    "plotly_figure",
    "render",
    "short_labels",
    "shorten",
]

# Okabe and Ito's palette, told apart with any colour vision.
BLUE, ORANGE = "#0072B2", "#D55E00"
COLOURS = (BLUE, ORANGE, "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#222222", "#8C6D31")
INK, GREY, LIGHT = "#222222", "#6B6B6B", "#E3E3E3"
PLOTLY = ".plotly.json"
"""Ending of the file with a figure's plotly JSON, beside its PNG."""

STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 13.0,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.labelsize": 13.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.formatter.use_mathtext": False,
    "grid.color": LIGHT,
    "grid.linewidth": 0.8,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "legend.fontsize": 12.0,
    "figure.facecolor": "white",
    "text.parse_math": False,
}
"""matplotlib's settings for every figure."""
_CAPTION_WIDTH = 145
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<script src="plotly.min.js"></script>
<style>body{{font-family:system-ui,sans-serif;color:#222;margin:24px;max-width:1200px}}
h1{{font-size:20px;font-weight:600}} p{{color:#555;font-size:14px}}</style></head>
<body><h1>{title}</h1>
{body}
<p>{caption}</p></body></html>
"""


class Chart(ABC):
    """A figure before it is drawn: holds numbers only, never a text of the data."""

    title: str
    caption: str

    @abstractmethod
    def draw(self, axes: Axes) -> None:
        """Draw on matplotlib axes."""

    def draw_on(self, canvas: Canvas) -> None:
        """Draw on a whole picture: one pair of axes, unless a kind of figure has several."""
        self.draw(canvas.add_subplot())

    @abstractmethod
    def traces(self) -> tuple[list[Any], dict[str, Any]]:
        """The plotly traces, and what they change in the layout."""


class Namer:
    """File names from parts: slugs, never the same twice."""

    def __init__(self) -> None:
        self._used: set[str] = set()

    def __call__(self, *parts: str) -> str:
        """A slug of the parts, numbered where it was given before."""
        slugs = [re.sub(r"[^A-Za-z0-9_.]+", "-", part).strip("-.")[:40] for part in parts]
        stem = "-".join(slug for slug in slugs if slug) or "figure"
        name, count = stem, 2
        while name.lower() in self._used:
            name, count = f"{stem}-{count}", count + 1
        self._used.add(name.lower())
        return name


def render(chart: Chart, name: str, folder: Path) -> Figure:
    """Write `<name>.png` (1200 × 800), `<name>.html` and its figure as `<name>.plotly.json`.

    `plotly.min.js` is written once beside them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    png, page = folder / f"{name}.png", folder / f"{name}.html"
    _write_png(chart, png)
    _write_page(chart, page)
    return Figure(name=name, title=chart.title, caption=chart.caption, png=png, html=page)


def _write_png(chart: Chart, path: Path) -> None:
    import matplotlib
    from matplotlib.figure import Figure as Canvas

    with matplotlib.rc_context(STYLE):
        canvas = Canvas(figsize=(12, 8), dpi=100, layout="constrained")
        caption = textwrap.wrap(drawable(chart.caption), _CAPTION_WIDTH)
        foot = 0.022 + 0.026 * len(caption)
        title = textwrap.fill(drawable(chart.title), 78)
        head = 0.03 + 0.034 * len(title.splitlines())
        engine: Any = canvas.get_layout_engine()
        engine.set(rect=(0.012, foot, 0.97, 1 - foot - head))
        chart.draw_on(canvas)
        canvas.text(0.02, 0.982, title, size=16, weight="bold", color=INK, va="top")
        canvas.text(0.02, 0.015, "\n".join(caption), size=11, color=GREY, va="bottom")
        canvas.savefig(path)


def plotly_figure(traces: list[Any], changes: dict[str, Any]) -> Any:
    """A plotly figure of these traces in the look of all figures."""
    import plotly.graph_objects as go

    axis = {"gridcolor": LIGHT, "zeroline": False, "linecolor": GREY, "automargin": True}
    layout = {
        "template": "none",
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "font": {"family": "system-ui, sans-serif", "size": 14, "color": INK},
        "margin": {"l": 80, "r": 30, "t": 30, "b": 70},
        "width": 1150,
        "height": 700,
        "hoverlabel": {"bgcolor": "white"},
        "legend": {"orientation": "h", "y": 1.06, "x": 0},
        "xaxis": axis,
        "yaxis": axis,
    }
    figure = go.Figure(data=traces, layout=layout)
    figure.update_layout(changes)
    return figure


def _write_page(chart: Chart, path: Path) -> None:
    from plotly.offline import get_plotlyjs

    figure = plotly_figure(*chart.traces())
    # Beside the page, for a report: the same figure as data.
    path.with_suffix(PLOTLY).write_text(figure.to_json(), encoding="utf-8", errors="replace")
    body = figure.to_html(
        full_html=False,
        include_plotlyjs=False,
        div_id=path.stem,
        config={"displaylogo": False, "responsive": True},
    )
    script = path.parent / "plotly.min.js"
    if not script.exists():
        script.write_text(get_plotlyjs(), encoding="utf-8")
    page = _PAGE.format(
        title=html.escape(chart.title), body=body, caption=html.escape(chart.caption)
    )
    path.write_text(page, encoding="utf-8", errors="replace")


def shorten(text: str, limit: int = 48) -> str:
    """A label no longer than `limit`, cut in its middle, where names of models differ least."""
    text = re.sub(r"\s+", " ", text).strip()
    if len(text) <= limit:
        return text
    head = (limit - 1) // 2
    return f"{text[:head]}…{text[-(limit - 1 - head) :]}"


def short_labels(names: Sequence[str]) -> list[str]:
    """Labels for names of models, all different: without the owner where that is enough."""
    bare = [name.rstrip("/").rpartition("/")[2] for name in names]
    labels = [shorten(x, 32) for x in (bare if len(set(bare)) == len(bare) else names)]
    if len(set(labels)) == len(labels):
        return labels
    return [f"{place}: {label}" for place, label in enumerate(labels, 1)]


def markup(text: str) -> str:
    """A label for plotly, which reads HTML in labels."""
    return html.escape(text)


def drawable(text: str) -> str:
    """A text for matplotlib: characters that its font lacks become an empty box."""
    known = _font_characters()
    return "".join(c if ord(c) in known or c == "\n" else "□" for c in text)


@cache
def _font_characters() -> frozenset[int]:
    from matplotlib.font_manager import findfont, get_font

    return frozenset(get_font(findfont("DejaVu Sans")).get_charmap())
