"""A small picture of a figure that has none: for paper, for mail, and where no script runs.

It is drawn from the figure's own plotly JSON, so that every figure of the report has one, whoever
made it. What is not drawn here (several panels, other kinds of traces) has no picture, as before.
"""

from __future__ import annotations

import base64
import html
import io
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pyrite.report.html.texts import prose
from pyrite.types import Json

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes

__all__ = ["picture"]

WIDTH = 8.4
"""Inches; with `DPI`, 756 pixels, which a page 44 rem wide shows as they are."""
DPI = 90
PER_INCH = 137
"""Pixels of plotly's layout in an inch of the picture: its 1,150 are `WIDTH`."""
COLOURS = 48
MOST_POINTS = 20_000
_MARK = re.compile(r"<[^<>]*>")
_KINDS = frozenset({"bar", "box", "heatmap", "scatter", "scattergl"})


class _UndrawableError(ValueError):
    """The JSON is none that can be drawn here."""


def picture(figure: Mapping[str, Json]) -> bytes | None:
    """The PNG, about 10 kB; None where the figure is of no kind that is drawn here."""
    traces, layout = figure.get("data"), figure.get("layout")
    if not isinstance(traces, list) or not traces or not isinstance(layout, Mapping):
        return None
    if "xaxis2" in layout or ("yaxis2" in layout and not _second(layout)):
        return None
    if not all(isinstance(one, Mapping) and one.get("type") in _KINDS for one in traces):
        return None
    try:
        return _png(traces, layout)
    except (_UndrawableError, TypeError, ValueError, KeyError, IndexError):
        # A figure of another version or another program; the drawing itself shows it.
        return None


def _png(traces: Sequence[Mapping[str, Json]], layout: Mapping[str, Json]) -> bytes:
    import matplotlib
    from matplotlib.figure import Figure as Canvas
    from PIL import Image

    from pyrite.analysis.figures.chart import STYLE

    height = min(max(float(layout.get("height") or 480), 200.0), 1600.0) / PER_INCH
    with matplotlib.rc_context({**STYLE, "font.size": 9.0, "axes.labelsize": 9.0}):
        canvas = Canvas(figsize=(WIDTH, height), dpi=DPI, layout="constrained")
        axes = canvas.add_subplot()
        beside = axes.twinx() if _second(layout) else axes
        for trace in traces:
            _DRAW[trace["type"]](beside if trace.get("yaxis") == "y2" else axes, trace)
        _axis(axes, layout.get("xaxis"), "x")
        _axis(axes, layout.get("yaxis"), "y")
        if beside is not axes:
            beside.spines["right"].set_visible(True)
            beside.grid(visible=False)
            _axis(beside, layout["yaxis2"], "y")
        if any(one.get_legend_handles_labels()[1] for one in (axes, beside)):
            canvas.legend(loc="outside upper left", ncols=4, fontsize=8.5)
        drawn = io.BytesIO()
        canvas.savefig(drawn)
    small = io.BytesIO()
    # Few colours make a page with many figures a third as large.
    image = Image.open(drawn).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    image.save(small, "PNG", optimize=True)
    return small.getvalue()


def _second(layout: Mapping[str, Json]) -> Mapping[str, Json]:
    """The axis of a second scale over the same panel, on the right; empty where there is none."""
    axis = _map(layout.get("yaxis2"))
    return axis if axis.get("overlaying") == "y" else {}


def _scatter(axes: Axes, trace: Mapping[str, Json]) -> None:
    x, y = _places(trace.get("x")), _places(trace.get("y"))
    mode = str(trace.get("mode") or "lines")
    line, marker = _map(trace.get("line")), _map(trace.get("marker"))
    colour = _colour(marker.get("color") or line.get("color"))
    label = None if trace.get("showlegend") is False else _words(trace.get("name")) or None
    if "lines" in mode:
        dash = "--" if line.get("dash") else "-"
        width = float(line["width"]) * 0.6 if _is_number(line.get("width")) else 1.4
        axes.plot(x, y, dash, color=_colour(line.get("color")) or colour, lw=width, label=label)
        label = None
    for name in ("error_x", "error_y"):
        error = _map(trace.get(name))
        if "array" in error:
            ends = [_numbers(error.get("arrayminus", error["array"])), _numbers(error["array"])]
            bars: dict[str, Any] = {name.replace("error_", "") + "err": ends}
            axes.errorbar(x, y, fmt="none", ecolor=colour, **bars)
    if "markers" in mode:
        size = marker.get("size")
        area = (float(size) * 0.55) ** 2 if isinstance(size, int | float) else 16.0
        alpha = marker.get("opacity", trace.get("opacity"))
        edge = _map(marker.get("line"))
        looks: dict[str, Any] = {"alpha": alpha, "label": label, "zorder": 3, "linewidths": 0}
        if edge.get("width"):
            looks |= {"edgecolors": _colour(edge.get("color")), "linewidths": 1.2}
        axes.scatter(x, y, s=area, color=colour, **looks)


def _bar(axes: Axes, trace: Mapping[str, Json]) -> None:
    marker = _map(trace.get("marker"))
    given = marker.get("color")
    colours = [_colour(one) for one in given] if isinstance(given, list) else _colour(given)
    across = trace.get("orientation") == "h"
    at, size = ("y", "x") if across else ("x", "y")
    width = trace.get("width")
    widths = 0.8 if width is None else float(width) if _is_number(width) else _numbers(width)
    draw = axes.barh if across else axes.bar
    label = None if trace.get("showlegend") is False else _words(trace.get("name")) or None
    draw(_places(trace.get(at)), _numbers(trace.get(size)), widths, color=colours, label=label)


def _box(axes: Axes, trace: Mapping[str, Json]) -> None:
    names = {
        "q1": "q1",
        "med": "median",
        "q3": "q3",
        "whislo": "lowerfence",
        "whishi": "upperfence",
    }
    columns = {short: _numbers(trace[long]) for short, long in names.items()}
    across = trace.get("orientation") == "h"
    places = _numbers(trace["y" if across else "x"])
    stats = [
        {"fliers": [], **{name: column[at] for name, column in columns.items()}}
        for at in range(len(places))
    ]
    colour = _colour(_map(trace.get("marker")).get("color"))
    looks: dict[str, Any] = {
        name: {"color": colour} for name in ("boxprops", "whiskerprops", "capprops", "medianprops")
    }
    axes.bxp(
        stats,
        positions=places,
        widths=0.5,
        orientation="horizontal" if across else "vertical",
        showfliers=False,
        manage_ticks=False,
        **looks,
    )


def _heatmap(axes: Axes, trace: Mapping[str, Json]) -> None:
    import numpy as np

    values = _numbers(trace["z"])
    if values.ndim != 2:
        raise _UndrawableError("a heat map is a table")
    ends: dict[str, Any] = {"vmin": trace.get("zmin"), "vmax": trace.get("zmax")}
    drawn = axes.imshow(values, aspect="auto", cmap="Blues", interpolation="nearest", **ends)
    axes.grid(visible=False)
    for name, count in (("x", values.shape[1]), ("y", values.shape[0])):
        labels = trace.get(name)
        if isinstance(labels, list) and len(labels) == count and count <= 40:
            set_ticks = getattr(axes, f"set_{name}ticks")
            set_ticks(np.arange(count), [_words(one) for one in labels])
    axes.figure.colorbar(drawn, ax=axes, shrink=0.8)


_DRAW: dict[str, Any] = {
    "bar": _bar,
    "box": _box,
    "heatmap": _heatmap,
    "scatter": _scatter,
    "scattergl": _scatter,
}


def _axis(axes: Axes, given: Json, name: str) -> None:
    axis = _map(given)
    title = axis.get("title")
    words = _words(title.get("text") if isinstance(title, Mapping) else title)
    getattr(axes, f"set_{name}label")(words)
    values, texts = axis.get("tickvals"), axis.get("ticktext")
    if isinstance(values, list) and isinstance(texts, list) and len(values) == len(texts):
        getattr(axes, f"set_{name}ticks")(_numbers(values), [_words(one) for one in texts])
    ends = axis.get("range")
    if isinstance(ends, list) and len(ends) == 2 and all(map(_is_number, ends)):
        getattr(axes, f"set_{name}lim")(*ends)
    elif axis.get("autorange") == "reversed" and not getattr(axes, f"{name}axis_inverted")():
        getattr(axes, f"invert_{name}axis")()
    if axis.get("type") == "log":
        getattr(axes, f"set_{name}scale")("log")


def _numbers(value: Json) -> np.ndarray:
    """Plotly's numbers, as a list or packed: float64, NaN where there is none."""
    import numpy as np

    if isinstance(value, Mapping):
        flat = np.frombuffer(base64.b64decode(str(value["bdata"])), np.dtype(str(value["dtype"])))
        shape = value.get("shape")
        sizes = [int(x) for x in str(shape).split(",")] if shape else [len(flat)]
        found = flat.astype(np.float64).reshape(sizes)
    else:
        found = np.array(value, dtype=np.float64)
    if found.size > MOST_POINTS:
        raise _UndrawableError("too many points for a small picture")
    return found


def _places(value: Json) -> Any:
    """Numbers, or names of categories as texts that can be drawn."""
    if isinstance(value, list) and any(isinstance(one, str) for one in value):
        return [_words(one) for one in value]
    return _numbers(value)


def _words(value: Json) -> str:
    from pyrite.analysis.figures.chart import drawable, shorten

    plain = html.unescape(_MARK.sub(" ", prose(str(value)))) if value is not None else ""
    return drawable(shorten(plain, 60))


def _colour(value: Json) -> Any:
    from matplotlib.colors import is_color_like

    return value if is_color_like(value) else None


def _map(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, Mapping) else {}


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
