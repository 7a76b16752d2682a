"""The distribution of a score, or of margins with the share below 0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pyrite.analysis.figures.chart import BLUE, INK, ORANGE, Chart, drawable, markup

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Distribution"]


@dataclass(frozen=True)
class Distribution(Chart):
    """A histogram of finite values [n]; `split` colours what lies below 0."""

    title: str
    caption: str
    label: str
    values: np.ndarray
    split: bool

    def bins(self) -> tuple[np.ndarray, np.ndarray]:
        """Counts and edges: the rule of Freedman and Diaconis, 10 to 80 bins, an edge at 0."""
        low, high = float(self.values.min()), float(self.values.max())
        if low == high:
            low, high = low - 0.5, high + 0.5
        quarter, three = np.quantile(self.values, [0.25, 0.75])
        width = 2 * (three - quarter) / len(self.values) ** (1 / 3)
        count = int(np.clip((high - low) / width if width > 0 else 10, 10, 80))
        edges = np.linspace(low, high, count + 1)
        if self.split and low < 0 < high:
            step = (high - low) / count
            edges = np.arange(np.floor(low / step), np.ceil(high / step) + 1) * step
        counts, _ = np.histogram(self.values, edges)
        return counts, edges

    def draw(self, axes: Axes) -> None:
        """Bars, and a line at the median."""
        counts, edges = self.bins()
        axes.bar(
            edges[:-1],
            counts,
            width=np.diff(edges),
            align="edge",
            color=self._colours(edges),
            edgecolor="white",
            linewidth=0.5,
        )
        median = float(np.median(self.values))
        axes.axvline(median, color=INK, lw=1.6, ls="--", label=f"median {median:.3g}")
        if self.split:
            axes.axvline(0, color=INK, lw=1.2, label="0: both texts score the same")
        axes.set_xlabel(drawable(self.label))
        axes.set_ylabel("pairs" if self.split else "rows")
        axes.grid(visible=False, axis="x")
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3, borderaxespad=0.2)

    def traces(self) -> tuple[list[Any], dict[str, Any]]:
        """The same."""
        import plotly.graph_objects as go

        counts, edges = self.bins()
        bars = go.Bar(
            x=(edges[:-1] + edges[1:]) / 2,
            y=counts,
            width=np.diff(edges),
            marker={"color": self._colours(edges), "line": {"color": "white", "width": 0.5}},
            customdata=np.stack([edges[:-1], edges[1:]], axis=1),
            hovertemplate="%{customdata[0]:.4g} to %{customdata[1]:.4g}: %{y}<extra></extra>",
            showlegend=False,
        )
        median = float(np.median(self.values))
        line = {"color": INK, "dash": "dash"}
        middle = go.Scatter(
            x=[median, median],
            y=[0, counts.max()],
            mode="lines",
            line=line,
            name=f"median {median:.3g}",
        )
        layout = {
            "bargap": 0,
            "xaxis": {"title": {"text": markup(self.label)}},
            "yaxis": {"title": {"text": "pairs" if self.split else "rows"}},
        }
        return [bars, middle], layout

    def _colours(self, edges: np.ndarray) -> list[str]:
        middle = (edges[:-1] + edges[1:]) / 2
        return [ORANGE if self.split and m < 0 else BLUE for m in middle]
