"""One number of several models: a dot with its interval each, the highest at the top."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyrite.analysis.figures.chart import BLUE, GREY, INK, Chart, drawable, markup, short_labels
from pyrite.analysis.resample import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Dots"]


@dataclass(frozen=True)
class Dots(Chart):
    """Estimates of named models; `chance` is the value of one who knows nothing."""

    title: str
    caption: str
    label: str
    names: Sequence[str]
    estimates: Sequence[Estimate]
    chance: float | None

    def ordered(self) -> list[tuple[str, Estimate]]:
        """Labels with their estimates, the highest first."""
        found = zip(short_labels(self.names), self.estimates, strict=True)
        return sorted(found, key=lambda x: -x[1].value)

    def draw(self, axes: Axes) -> None:
        """Dots, intervals, the numbers beside them and the line of chance."""
        for place, (_, estimate) in enumerate(self.ordered()):
            ends = [estimate.low, estimate.high]
            axes.plot(ends, [-place, -place], color=BLUE, lw=4, solid_capstyle="butt")
            axes.plot(estimate.value, -place, "o", color="white", mec=BLUE, mew=2, ms=9)
            axes.annotate(
                str(estimate),
                (1.0, -place),
                xycoords=("axes fraction", "data"),
                xytext=(8, 0),
                textcoords="offset points",
                va="center",
                size=11,
                color=GREY,
            )
        if self.chance is not None:
            axes.axvline(self.chance, color=INK, lw=1, ls="--", label=f"chance {self.chance:g}")
            axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), borderaxespad=0.2)
        labels = [drawable(label) for label, _ in self.ordered()]
        axes.set_yticks([-place for place in range(len(labels))], labels)
        axes.set_ylim(-len(labels) + 0.4, 0.6)
        axes.set_xlabel(drawable(self.label))
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=False, axis="y")

    def traces(self) -> tuple[list[Any], dict[str, Any]]:
        """The same; hover says n."""
        import plotly.graph_objects as go

        found = [estimate for _, estimate in self.ordered()]
        places = [-place for place in range(len(found))]
        dots = go.Scatter(
            x=[e.value for e in found],
            y=places,
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [e.high - e.value for e in found],
                "arrayminus": [e.value - e.low for e in found],
                "thickness": 4,
                "width": 0,
            },
            customdata=[[e.low, e.high, e.rows, e.groups] for e in found],
            hovertemplate="%{x:.3f} [%{customdata[0]:.3f}, %{customdata[1]:.3f}]"
            "<br>%{customdata[2]} rows in %{customdata[3]} prompts<extra></extra>",
            mode="markers",
            marker={"size": 11, "color": BLUE},
            showlegend=False,
        )
        labels = [markup(label) for label, _ in self.ordered()]
        layout: dict[str, Any] = {
            "xaxis": {"title": {"text": markup(self.label)}},
            "yaxis": {"tickvals": places, "ticktext": labels, "showgrid": False},
            "height": max(400, 160 + 36 * len(labels)),
        }
        if self.chance is not None:
            line = {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "line": {"dash": "dash"}}
            layout["shapes"] = [{**line, "x0": self.chance, "x1": self.chance}]
        return [dots], layout
