"""Associations of several models with the same features: a row per feature, a mark per model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyrite.analysis.association import Corrected
from pyrite.analysis.figures.chart import (
    COLOURS,
    INK,
    LIGHT,
    Chart,
    drawable,
    markup,
    short_labels,
    shorten,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["MAX_MARKS", "ModelsForest"]

MAX_MARKS = 90
_MARKERS = (("o", "circle"), ("s", "square"), ("D", "diamond"), ("^", "triangle-up"))


@dataclass(frozen=True)
class ModelsForest(Chart):
    """`tests[i][j]` is feature i of model j, None where it was not measured."""

    title: str
    caption: str
    label: str
    features: Sequence[str]
    models: Sequence[str]
    tests: Sequence[Sequence[Corrected | None]]

    def draw(self, axes: Axes) -> None:
        """A mark and two intervals each; within a row models stand in the order of the legend."""
        size = 8 if self._marks() < 40 else 5
        for label, colour, marker, points in self._series():
            for y, test in points:
                axes.plot([test.wide_low, test.wide_high], [y, y], color=colour, lw=1)
                ends = [test.estimate.low, test.estimate.high]
                axes.plot(ends, [y, y], color=colour, lw=size / 2, solid_capstyle="butt")
                axes.plot(
                    test.estimate.value, y, marker[0], color="white", mec=colour, mew=1.6, ms=size
                )
            look: dict[str, Any] = {"mfc": "white", "mew": 1.6, "ms": 7, "lw": 3}
            axes.plot([], [], f"{marker[0]}-", color=colour, label=drawable(label), **look)
        for place in range(1, len(self.features)):
            axes.axhline(-place + 0.5, color=LIGHT, lw=1)
        axes.axvline(0, color=INK, lw=1)
        axes.set_yticks(
            [-place for place in range(len(self.features))],
            [drawable(shorten(name, 40)) for name in self.features],
        )
        axes.set_ylim(-len(self.features) + 0.48, 0.52)
        axes.set_xlabel(drawable(self.label))
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=False, axis="y")
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=11, borderaxespad=0)

    def traces(self) -> tuple[list[Any], dict[str, Any]]:
        """The same; hover says the intervals, q and n."""
        import plotly.graph_objects as go

        traces: list[Any] = []
        for label, colour, marker, points in self._series():
            tests = [test for _, test in points]
            values = [test.estimate.value for test in tests]
            traces.append(_thin(points, colour, group=label))
            traces.append(
                go.Scatter(
                    x=values,
                    y=[y for y, _ in points],
                    error_x={
                        "type": "data",
                        "symmetric": False,
                        "array": [t.estimate.high - t.estimate.value for t in tests],
                        "arrayminus": [t.estimate.value - t.estimate.low for t in tests],
                        "thickness": 3,
                        "width": 0,
                    },
                    customdata=[
                        [
                            *(t.estimate.low, t.estimate.high, t.wide_low, t.wide_high),
                            *(t.q, t.estimate.rows, t.estimate.groups),
                        ]
                        for t in tests
                    ],
                    hovertemplate="%{x:.3f} [%{customdata[0]:.3f}, %{customdata[1]:.3f}]"
                    "<br>corrected [%{customdata[2]:.3f}, %{customdata[3]:.3f}], "
                    "q = %{customdata[4]:.3g}<br>%{customdata[5]} rows in "
                    "%{customdata[6]} prompts",
                    mode="markers",
                    marker={"size": 9, "color": colour, "symbol": marker[1]},
                    name=markup(label),
                    legendgroup=markup(label),
                )
            )
        names = [markup(shorten(name, 40)) for name in self.features]
        layout = {
            "xaxis": {"title": {"text": markup(self.label)}, "zeroline": True},
            "yaxis": {
                "tickvals": [-place for place in range(len(names))],
                "ticktext": names,
                "showgrid": False,
            },
            "legend": {"orientation": "v", "x": 1.01, "y": 1},
            "height": max(450, 160 + 12 * self._marks()),
        }
        return traces, layout

    def _marks(self) -> int:
        return len(self.features) * len(self.models)

    def _series(
        self,
    ) -> Iterator[tuple[str, str, tuple[str, str], list[tuple[float, Corrected]]]]:
        """Of every model: label, colour, marker, and its tests with where they stand."""
        step = 0.84 / len(self.models)
        for place, label in enumerate(short_labels(self.models)):
            colour = COLOURS[place % len(COLOURS)]
            marker = _MARKERS[place // len(COLOURS) % len(_MARKERS)]
            offset = 0.42 - step * (place + 0.5)
            points = [
                (offset - row, tests[place])
                for row, tests in enumerate(self.tests)
                if tests[place] is not None
            ]
            yield label, colour, marker, [(y, test) for y, test in points if test is not None]


def _thin(points: Sequence[tuple[float, Corrected]], colour: str, *, group: str) -> Any:
    """The intervals that hold for all at once, hidden and shown with their model."""
    import plotly.graph_objects as go

    return go.Scatter(
        x=[x for _, test in points for x in (test.wide_low, test.wide_high, None)],
        y=[y for place, _ in points for y in (place, place, None)],
        mode="lines",
        line={"color": colour, "width": 1},
        hoverinfo="skip",
        showlegend=False,
        legendgroup=markup(group),
    )
