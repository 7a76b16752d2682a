"""How alike models rank the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pyrite.analysis.agreement import Agreement
from pyrite.analysis.figures.chart import Chart, drawable, markup, short_labels
from pyrite.analysis.resample import interval, two

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Heatmap"]


@dataclass(frozen=True)
class Heatmap(Chart):
    """Rank correlations of all pairs of `names`; the interval stands below each number."""

    title: str
    caption: str
    names: Sequence[str]
    agreements: Sequence[Agreement]

    def matrix(self) -> np.ndarray:
        """float64 [names, names], NaN where a pair was not measured."""
        values = np.full((len(self.names), len(self.names)), np.nan)
        np.fill_diagonal(values, 1.0)
        for (row, column), found in self._cells().items():
            values[row, column] = values[column, row] = found.spearman.value
        return values

    def draw(self, axes: Axes) -> None:
        """Lower triangle as colours and numbers; with many models the numbers only."""
        values = np.where(np.tri(len(self.names), k=-1, dtype=bool), self.matrix(), np.nan)
        values = values[1:, :-1]
        image = axes.imshow(values, cmap="RdBu", vmin=-1, vmax=1, aspect="auto")
        bar = axes.figure.colorbar(image, ax=axes, pad=0.01)
        bar.set_label("Spearman's rank correlation")
        labels = [drawable(label) for label in short_labels(self.names)]
        slant: dict[str, Any] = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"}
        axes.set_xticks(range(len(labels) - 1), labels[:-1], size=11, **slant)
        axes.set_yticks(range(len(labels) - 1), labels[1:], size=11)
        axes.grid(visible=False)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        crowded = len(self.names) > 8
        for (first, second), found in self._cells().items():
            row, column = max(first, second) - 1, min(first, second)
            estimate = found.spearman
            text = two(estimate.value)
            if not crowded:
                text += f"\n{interval(estimate.low, estimate.high)}"
            colour = "white" if abs(estimate.value) > 0.65 else "#222222"
            axes.text(column, row, text, ha="center", va="center", size=11, color=colour)

    def traces(self) -> tuple[list[Any], dict[str, Any]]:
        """The whole matrix; hover says interval and n."""
        import plotly.graph_objects as go

        names = [markup(label) for label in short_labels(self.names)]
        told = [["" for _ in names] for _ in names]
        for (row, column), found in self._cells().items():
            e = found.spearman
            text = f"{e.value:.3f} [{e.low:.3f}, {e.high:.3f}], {e.rows} rows, {e.groups} prompts"
            told[row][column] = told[column][row] = text
        places = list(range(len(names)))
        heat = go.Heatmap(
            z=self.matrix(),
            x=places,
            y=places,
            customdata=told,
            colorscale="RdBu",
            zmin=-1,
            zmax=1,
            hovertemplate="%{customdata}<extra></extra>",
        )
        ticks = {"tickvals": places, "ticktext": names, "showgrid": False}
        layout = {
            "xaxis": {**ticks, "tickangle": 30},
            "yaxis": {**ticks, "autorange": "reversed"},
            "height": max(600, 200 + 45 * len(names)),
        }
        return [heat], layout

    def _cells(self) -> dict[tuple[int, int], Agreement]:
        place = {name: i for i, name in enumerate(self.names)}
        return {(place[x.first], place[x.second]): x for x in self.agreements}
