"""Several figures of one kind side by side: one panel per model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from typing import TYPE_CHECKING, Any

from pyrite.analysis.figures.chart import GREY, INK, LIGHT, Chart, drawable, markup, shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

__all__ = ["MAX_PANELS", "Grid", "Panel"]

MAX_PANELS = 12
_SMALL = 10


@dataclass(frozen=True)
class Panel:
    """One figure of the grid: whose it is, and a few words or numbers below the name."""

    name: str
    brief: str
    chart: Chart


@dataclass(frozen=True)
class Grid(Chart):
    """At most `MAX_PANELS` panels; their axes have scales of their own."""

    title: str
    caption: str
    panels: Sequence[Panel]

    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        columns = min(4, ceil(sqrt(len(self.panels))))
        return ceil(len(self.panels) / columns), columns

    def draw(self, axes: Axes) -> None:
        """The first panel alone."""
        self.panels[0].chart.draw(axes)

    def draw_on(self, canvas: Canvas) -> None:
        """All panels; labels of axes and the legend stand once."""
        rows, columns = self.shape()
        legend: tuple[list[Any], list[str]] = ([], [])
        for place, panel in enumerate(self.panels):
            axes = canvas.add_subplot(rows, columns, place + 1)
            panel.chart.draw(axes)
            handles, labels = axes.get_legend_handles_labels()
            if (own := axes.get_legend()) is not None:
                own.remove()
            legend = legend if legend[0] else (handles, [_general(x) for x in labels])
            told = f"{drawable(shorten(panel.name, 34))}\n{drawable(panel.brief)}"
            axes.set_title(told, fontsize=_SMALL + 1, loc="left")
            axes.tick_params(labelsize=_SMALL - 1)
            axes.set_ylabel(axes.get_ylabel() if place % columns == 0 else "", fontsize=_SMALL)
            below = place + columns >= len(self.panels)
            axes.set_xlabel(axes.get_xlabel() if below else "", fontsize=_SMALL)
        if legend[0]:
            self._add_legend(canvas, *legend)

    @staticmethod
    def _add_legend(canvas: Canvas, handles: list[Any], labels: list[str]) -> None:
        """One legend above the panels, which make room for it."""
        engine: Any = canvas.get_layout_engine()
        left, bottom, width, height = engine.get()["rect"]
        engine.set(rect=(left, bottom, width, height - 0.04))
        corner = (left, bottom + height)
        legend = canvas.legend(
            handles, labels, loc="upper left", bbox_to_anchor=corner, ncols=3, fontsize=_SMALL + 1
        )
        legend.set_in_layout(False)
        for handle in legend.legend_handles:
            if handle is not None:
                handle.set_alpha(1.0)

    def traces(self) -> tuple[list[Any], dict[str, Any]]:
        """The same."""
        from plotly.subplots import make_subplots

        rows, columns = self.shape()
        names = [f"{markup(shorten(x.name, 34))}<br>{markup(x.brief)}" for x in self.panels]
        figure = make_subplots(
            rows=rows,
            cols=columns,
            subplot_titles=names,
            horizontal_spacing=0.06,
            vertical_spacing=0.16 if rows < 3 else 0.12,
        )
        traces: list[Any] = []
        layout: dict[str, Any] = {}
        for place, panel in enumerate(self.panels):
            number = str(place + 1) if place else ""
            found, changes = panel.chart.traces()
            for trace in found:
                trace.update(xaxis=f"x{number}", yaxis=f"y{number}")
                trace.update(name=_general(trace.name or ""), showlegend=False)
            traces += found
            for axis in ("xaxis", "yaxis"):
                domain = figure.layout[f"{axis}{number}"].domain
                anchor = f"{'y' if axis == 'xaxis' else 'x'}{number}"
                look = {"gridcolor": LIGHT, "zeroline": False, "linecolor": GREY}
                own = {**changes.get(axis, {}), "domain": domain, "anchor": anchor}
                layout[f"{axis}{number}"] = {**look, **own}
                layout[f"{axis}{number}"].pop("title", None)
            layout |= {k: v for k, v in changes.items() if k not in ("xaxis", "yaxis", "height")}
        titles = [
            {**x.to_plotly_json(), "font": {"size": 12, "color": INK}}
            for x in figure.layout.annotations
        ]
        layout |= {"annotations": titles, "height": 110 + 250 * rows, "margin": {"t": 60}}
        return traces, layout


def _general(label: str) -> str:
    """A label of one panel as it holds for all: without the number of its median."""
    return "median" if label.startswith("median ") else label
