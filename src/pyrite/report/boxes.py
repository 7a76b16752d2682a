"""Boxes of quantiles: a distribution in five numbers, whatever the number of rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pyrite.report import Figure
from pyrite.report.cells import figure

__all__ = ["QUANTILES", "boxes", "quantiles"]

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
WHISKERS = "Boxes: 25, 50 and 75 %; whiskers: 5 and 95 %."


def quantiles(values: np.ndarray) -> list[float]:
    """The five quantiles of finite values."""
    return [float(x) for x in np.quantile(values, QUANTILES)]


def boxes(
    labels: Sequence[str],
    fives: Sequence[Sequence[float]],
    *,
    id: str,
    title: str,
    caption: str,
    axis: str,
) -> Figure:
    """One box per label, the first at the top."""
    import plotly.graph_objects as go

    from pyrite.analysis.figures.chart import BLUE, markup, shorten

    places = list(range(len(labels)))
    low, first, middle, third, high = zip(*fives, strict=True)
    trace = go.Box(
        y=places,
        orientation="h",
        lowerfence=low,
        q1=first,
        median=middle,
        q3=third,
        upperfence=high,
        marker={"color": BLUE},
        showlegend=False,
    )
    names = [markup(shorten(label, 40)) for label in labels]
    layout: dict[str, Any] = {
        "xaxis": {"title": {"text": markup(axis)}},
        "yaxis": {"tickvals": places, "ticktext": names, "autorange": "reversed"},
        "height": max(320, 140 + 30 * len(labels)),
    }
    return figure([trace], layout, id=id, title=title, caption=f"{caption} {WHISKERS}")
