"""A target against a feature: points, means in bins with intervals, and the linear trend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pyrite.analysis.binned import Bin
from pyrite.analysis.figures.chart import BLUE, GREY, INK, LIGHT, ORANGE, Chart, drawable, markup

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["MAX_POINTS", "Calibration", "Scatter", "points_shown", "view_of"]

MAX_POINTS = 5_000
HEXAGONS_ABOVE = 20_000


@dataclass(frozen=True)
class Scatter(Chart):
    """Points [n] with their trend.

    `line` is (intercept, slope), None where it is not drawn; `view` is the part of the x axis that
    is shown at first.
    """

    title: str
    caption: str
    x_label: str
    y_label: str
    x: np.ndarray
    y: np.ndarray
    bins: Sequence[Bin]
    line: tuple[float, float] | None
    view: tuple[float, float]
    seed: int = 0

    def draw(self, axes: Axes) -> None:
        """Points, or hexagons where there are many; means and trend above them."""
        from matplotlib.colors import LinearSegmentedColormap
        from matplotlib.ticker import FuncFormatter

        low, high = self.view
        if len(self.x) > HEXAGONS_ABOVE:
            inside = (self.x >= low) & (self.x <= high)
            cells = axes.hexbin(
                self.x[inside],
                self.y[inside],
                gridsize=60,
                bins="log",
                cmap=LinearSegmentedColormap.from_list("greys", [LIGHT, INK]),
                mincnt=1,
                linewidths=0.1,
            )
            bar = axes.figure.colorbar(cells, ax=axes, pad=0.01)
            bar.set_label("rows in a cell (log scale)")
            bar.formatter = FuncFormatter(lambda count, _: f"{count:,g}")
            bar.update_ticks()
        else:
            shown = points_shown(len(self.x), self.seed)
            alpha = float(np.clip(150 / np.sqrt(len(shown)) / 10, 0.12, 0.6))
            axes.plot(
                self.x[shown], self.y[shown], "o", ms=4, color=GREY, alpha=alpha, mew=0, label="row"
            )
        if self.line is not None:
            ends = np.array(self.view)
            axes.plot(ends, self.line[0] + self.line[1] * ends, color=ORANGE, lw=2, label=_TREND)
        if self.bins:
            y = np.array([b.y for b in self.bins])
            reach = [y - [b.low for b in self.bins], [b.high for b in self.bins] - y]
            axes.errorbar(
                [b.x for b in self.bins],
                y,
                yerr=reach,
                fmt="o-",
                color=BLUE,
                capsize=4,
                lw=1.6,
                ms=7,
                label=_MEANS,
            )
        edge = 0.03 * (high - low)
        axes.set_xlim(low - edge, high + edge)
        axes.set_xlabel(drawable(self.x_label))
        axes.set_ylabel(drawable(self.y_label))
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3, borderaxespad=0.2)

    def traces(self) -> tuple[list[Any], dict[str, Any]]:
        """The same; points only, also where there are many."""
        import plotly.graph_objects as go

        shown = points_shown(len(self.x), self.seed)
        traces: list[Any] = [
            go.Scattergl(
                x=self.x[shown],
                y=self.y[shown],
                mode="markers",
                marker={"size": 5, "color": GREY, "opacity": 0.35},
                name="row",
            )
        ]
        if self.line is not None:
            ends = np.array(self.view)
            y = self.line[0] + self.line[1] * ends
            traces.append(
                go.Scatter(x=ends, y=y, mode="lines", line={"color": ORANGE}, name=_TREND)
            )
        if self.bins:
            traces.append(_means(self.bins, _MEANS))
        labels = {
            "xaxis": {"title": {"text": markup(self.x_label)}, "range": list(self.view)},
            "yaxis": {"title": {"text": markup(self.y_label)}},
        }
        return traces, labels


_TREND = "linear trend"
_MEANS = "mean in a bin, with its interval"


def _means(bins: Sequence[Bin], name: str) -> Any:
    import plotly.graph_objects as go

    return go.Scatter(
        x=[b.x for b in bins],
        y=[b.y for b in bins],
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [b.high - b.y for b in bins],
            "arrayminus": [b.y - b.low for b in bins],
        },
        customdata=[[b.rows, b.groups] for b in bins],
        hovertemplate="%{y:.4g} at %{x:.4g}<br>%{customdata[0]} rows in %{customdata[1]} prompts",
        mode="lines+markers",
        marker={"color": BLUE, "size": 9},
        line={"color": BLUE},
        name=name,
    )


def view_of(x: np.ndarray) -> tuple[float, float]:
    """The range of x to show: all of it, or where its ends lie far out, without the farthest."""
    low, high = float(x.min()), float(x.max())
    inner_low, inner_high = (float(q) for q in np.quantile(x, [0.002, 0.998]))
    room = 0.5 * (inner_high - inner_low)
    if room > 0 and low < inner_low - room:
        low = inner_low
    if room > 0 and high > inner_high + room:
        high = inner_high
    return low, high


def points_shown(count: int, seed: int) -> np.ndarray:
    """Indices of at most `MAX_POINTS` points, drawn at random."""
    if count <= MAX_POINTS:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, MAX_POINTS, replace=False))


@dataclass(frozen=True)
class Calibration(Chart):
    """Means of what happened in bins of what was predicted, beside the line of equality."""

    title: str
    caption: str
    x_label: str
    y_label: str
    bins: Sequence[Bin]

    def draw(self, axes: Axes) -> None:
        """Bins with intervals and the diagonal."""
        ends = self._ends()
        axes.plot(ends, ends, color=INK, lw=1.2, ls="--", label="predicted = actual")
        y = np.array([b.y for b in self.bins])
        reach = [y - [b.low for b in self.bins], [b.high for b in self.bins] - y]
        x = [b.x for b in self.bins]
        axes.errorbar(x, y, yerr=reach, fmt="o-", color=BLUE, capsize=4, ms=8, label=_MEANS)
        axes.set_xlabel(drawable(self.x_label))
        axes.set_ylabel(drawable(self.y_label))
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2, borderaxespad=0.2)

    def traces(self) -> tuple[list[Any], dict[str, Any]]:
        """The same."""
        import plotly.graph_objects as go

        ends = self._ends()
        line = {"color": INK, "dash": "dash"}
        equal = go.Scatter(x=ends, y=ends, mode="lines", line=line, name="predicted = actual")
        labels = {
            "xaxis": {"title": {"text": markup(self.x_label)}},
            "yaxis": {"title": {"text": markup(self.y_label)}},
        }
        return [equal, _means(self.bins, _MEANS)], labels

    def _ends(self) -> list[float]:
        x = [b.x for b in self.bins]
        return [min(x), max(x)]
