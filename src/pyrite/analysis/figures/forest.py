"""All associations of one target: estimate, its interval, and the simultaneous one, thin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyrite.analysis.association import Corrected
from pyrite.analysis.figures.chart import BLUE, INK, ORANGE, Chart, drawable, markup, shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Forest", "Line"]


@dataclass(frozen=True, slots=True)
class Line:
    """One feature: its name, and its rank correlation overall and within prompts."""

    name: str
    overall: Corrected
    within: Corrected | None


@dataclass(frozen=True)
class Forest(Chart):
    """Lines from the strongest at the top to the weakest."""

    title: str
    caption: str
    lines: Sequence[Line]

    def draw(self, axes: Axes) -> None:
        """A thick line for the interval of one, a thin one for the interval of all."""
        for name, colour, offset, tests in self._series():
            for place, test in enumerate(tests):
                if test is None:
                    continue
                y = -place - offset
                axes.plot([test.wide_low, test.wide_high], [y, y], color=colour, lw=1.2)
                low, high = test.estimate.low, test.estimate.high
                axes.plot([low, high], [y, y], color=colour, lw=4, solid_capstyle="butt")
                axes.plot(test.estimate.value, y, "o", color="white", mec=colour, mew=2, ms=8)
            axes.plot([], [], "o-", color=colour, lw=4, mfc="white", mew=2, ms=8, label=name)
        axes.axvline(0, color=INK, lw=1)
        axes.set_yticks(
            [-place for place in range(len(self.lines))],
            [drawable(shorten(line.name, 40)) for line in self.lines],
        )
        axes.set_ylim(-len(self.lines) + 0.4, 0.6)
        axes.set_xlabel("Spearman's rank correlation")
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=False, axis="y")
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2, borderaxespad=0.2)

    def traces(self) -> tuple[list[Any], dict[str, Any]]:
        """The same; hover says q and n."""
        import plotly.graph_objects as go

        traces: list[Any] = []
        for name, colour, offset, tests in self._series():
            for wide, width in ((True, 1), (False, 5)):
                x: list[float | None] = []
                y: list[float | None] = []
                for place, test in enumerate(tests):
                    if test is not None:
                        ends = _ends(test, wide=wide)
                        x += [*ends, None]
                        y += [-place - offset, -place - offset, None]
                line = {"color": colour, "width": width}
                traces.append(
                    go.Scatter(
                        x=x, y=y, mode="lines", line=line, hoverinfo="skip", showlegend=False
                    )
                )
            known = [(place, test) for place, test in enumerate(tests) if test is not None]
            traces.append(
                go.Scatter(
                    x=[t.estimate.value for _, t in known],
                    y=[-place - offset for place, _ in known],
                    customdata=[
                        [t.estimate.low, t.estimate.high, t.q, t.estimate.rows, t.estimate.groups]
                        for _, t in known
                    ],
                    hovertemplate="%{x:.3f} [%{customdata[0]:.3f}, %{customdata[1]:.3f}]"
                    "<br>q = %{customdata[2]:.3g}<br>%{customdata[3]} rows in "
                    "%{customdata[4]} prompts",
                    mode="markers",
                    marker={"size": 10, "color": "white", "line": {"color": colour, "width": 2}},
                    name=name,
                )
            )
        names = [markup(shorten(line.name, 40)) for line in self.lines]
        ticks = {"tickvals": [-i for i in range(len(names))], "ticktext": names}
        layout = {
            "xaxis": {"title": {"text": "Spearman's rank correlation"}, "zeroline": True},
            "yaxis": {**ticks, "showgrid": False},
            "height": max(400, 140 + 36 * len(names)),
        }
        return traces, layout

    def _series(self) -> list[tuple[str, str, float, list[Corrected | None]]]:
        overall: list[Corrected | None] = [line.overall for line in self.lines]
        within = [line.within for line in self.lines]
        if not any(within):
            return [("over all rows", BLUE, 0.0, overall)]
        return [
            ("over all rows", BLUE, -0.16, overall),
            ("within prompts", ORANGE, 0.16, within),
        ]


def _ends(test: Corrected, *, wide: bool) -> tuple[float, float]:
    if wide:
        return test.wide_low, test.wide_high
    return test.estimate.low, test.estimate.high
