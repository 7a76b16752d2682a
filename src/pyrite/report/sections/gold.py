"""Accuracy, agreement with gold, calibration; and along training, reward against gold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from pyrite.analysis.association import rank_correlations
from pyrite.analysis.binned import binned_means
from pyrite.analysis.measures import Scope, means_of
from pyrite.analysis.resample import MIN_GROUPS, Estimate
from pyrite.report import Block, Fact, Facts, Figure, Notice, Section, Table
from pyrite.report.cells import cells, columns, drawn, figure, interval
from pyrite.report.estimates import finite_rows, measured, sizes
from pyrite.report.material import CONFIDENCE, Material, View
from pyrite.types import Json

__all__ = ["section"]

STEPS = ("step", "global_step", "training_step", "train_step", "iteration", "epoch", "checkpoint")
"""Names of columns that say where in training a row was made."""
MOST_STEPS = 60
MOST_VIEWS = 6

_MEASURES = columns(
    ("query", "query", "text"),
    ("target", "score", "text"),
    ("name", "measure", "text"),
    ("against", "against", "text"),
    ("estimate", "value", "interval"),
    ("chance", "of one who knows nothing", "number"),
    ("estimate_rows", "rows", "count"),
    ("estimate_groups", "prompts", "count"),
)
_DRIFT = columns(
    ("step", "step", "number"),
    ("rows", "rows", "count"),
    ("prompts", "prompts", "count"),
    ("reward", "reward", "interval"),
    ("gold", "gold", "interval"),
)


def section(material: Material) -> Section:
    """What the analyses measured, figures of the score against gold, and drift."""
    blocks: list[Block] = []
    for step in material.steps("analyze"):
        rows = material.records(step, "measures.parquet") if step.finished else []
        if rows:
            table = Table(
                id=f"measures-{step.id}",
                caption=f"{step.id}: accuracy, agreement and calibration; intervals resample "
                "prompts.",
                columns=_MEASURES,
                rows=[cells(row, _MEASURES) for row in rows],
                total=len(rows),
            )
            blocks.append(table)
    compared = [(v, name) for v in material.views if v.target and (name := material.gold(v))]
    for view, name in compared[:MOST_VIEWS]:
        blocks += _against_gold(material, view, name)
    if len(compared) > MOST_VIEWS:
        text = f"{len(compared)} models have gold; figures are of the first {MOST_VIEWS}."
        blocks.append(Notice(level="note", text=text))
    return Section(
        id="gold",
        title="Accuracy, gold and calibration",
        lead="Gold is the column of human scores or verified correctness that an analysis names.",
        blocks=blocks,
    )


def _against_gold(material: Material, view: View, name: str) -> Iterator[Block]:
    from pyrite.analysis.figures.scatter import Scatter, view_of

    score, gold = view.numbers(view.target or ""), view.numbers(name)
    scope = material.scope(view)
    rows, total = finite_rows(score, gold)
    if not len(rows) or view.target == name or np.ptp(score[rows]) == 0:
        return
    x, y = score[rows], gold[rows]
    bins = binned_means(scope.clusters, rows, x, y, confidence=CONFIDENCE)
    if bins:
        chart = Scatter(
            title=f"{name} against {view.target}, {view.title}",
            caption=f"Means of {name} in bins of the score, 95 % intervals with prompts resampled; "
            f"{sizes(scope, rows, total)}. Where the line does not rise, a higher score is no "
            f"better by {name}.",
            x_label=view.target or "",
            y_label=name,
            x=x,
            y=y,
            bins=bins,
            line=None,
            view=view_of(x),
        )
        yield drawn(chart, id=f"gold-{view.id}")
    for column in _step_columns(view):
        yield from _drift(scope, view, name, column, score, gold)


def _step_columns(view: View) -> list[str]:
    numeric = view.stored.numeric_columns()
    return [name for name in view.stored.rows.columns if name.lower() in STEPS and name in numeric]


def _drift(
    scope: Scope, view: View, name: str, column: str, score: np.ndarray, gold: np.ndarray
) -> Iterator[Block]:
    steps = view.stored.numbers(column)
    rows, total = finite_rows(steps, score, gold)
    values = np.unique(steps[rows])
    if len(values) < 2:
        return
    places = np.unique(np.linspace(0, len(values) - 1, MOST_STEPS).round().astype(int))
    shown = values[places] if len(values) > MOST_STEPS else values
    members = [rows[steps[rows] == value] for value in shown]
    rewards, golds = (
        measured(means_of, scope, [(own, of[own]) for own in members]) for of in (score, gold)
    )
    yield _trends(scope, rows, steps, score, gold, view=view, name=name, column=column)
    cells: list[list[Json]] = [
        [float(value), len(own), scope.clusters.count(own), interval(a), interval(b)]
        for value, own, a, b in zip(shown, members, rewards, golds, strict=True)
    ]
    yield Table(
        id=f"drift-{view.id}-{column}",
        caption=f"Mean {view.target} and mean {name} of {view.title} by {column}; "
        f"{len(rows):,} of {total:,} rows; 95 % intervals with prompts resampled, not "
        f"measured below {MIN_GROUPS} prompts.",
        columns=_DRIFT,
        rows=cells,
        total=len(values),
        sampled=f"{len(shown)} values of {column}, evenly spread"
        if len(shown) < len(values)
        else "",
    )
    drawable = [row for row in cells if row[3] is not None]
    if len(drawable) > 1:
        yield _drift_figure(drawable, view=view, name=name, column=column)


def _trends(
    scope: Scope,
    rows: np.ndarray,
    steps: np.ndarray,
    score: np.ndarray,
    gold: np.ndarray,
    *,
    view: View,
    name: str,
    column: str,
) -> Facts:
    pairs = [(rows, steps[rows], of[rows]) for of in (score, gold)]
    found = rank_correlations(scope.clusters, pairs, confidence=CONFIDENCE)
    items = []
    for label, one in zip((str(view.target), name), found, strict=True):
        if isinstance(one, Estimate):
            value = f"Spearman {one}"
            note = f"n = {one.rows:,} rows, {one.groups:,} prompts"
        else:
            value, note = "not measured", f"because {one}"
        items.append(Fact(label=f"{label} with {column}", value=value, note=note))
    return Facts(title=f"Drift along {column}, {view.title}", items=items)


def _drift_figure(rows: Sequence[list[Json]], *, view: View, name: str, column: str) -> Figure:
    from pyrite.analysis.figures.chart import BLUE, ORANGE, markup

    x = [row[0] for row in rows]
    traces: list[dict[str, Any]] = []
    for at, label, colour, axis in ((3, view.target, BLUE, "y"), (4, name, ORANGE, "y2")):
        cells = [row[at] for row in rows]
        traces.append(
            {
                "type": "scatter",
                "x": x,
                "y": [cell[0] for cell in cells],
                "error_y": {
                    "type": "data",
                    "symmetric": False,
                    "array": [cell[2] - cell[0] for cell in cells],
                    "arrayminus": [cell[0] - cell[1] for cell in cells],
                },
                "mode": "lines+markers",
                "name": markup(str(label)),
                "marker": {"color": colour},
                "line": {"color": colour},
                "yaxis": axis,
            }
        )
    layout = {
        "xaxis": {"title": {"text": markup(column)}},
        "yaxis": {"title": {"text": markup(str(view.target))}},
        "yaxis2": {
            "title": {"text": markup(name)},
            "overlaying": "y",
            "side": "right",
            "showgrid": False,
        },
        "margin": {"r": 80},
    }
    first, last = rows[0], rows[-1]
    told = "; ".join(
        f"{label} {first[at][0]:.3g} [{first[at][1]:.3g}, {first[at][2]:.3g}] at the first and "
        f"{last[at][0]:.3g} [{last[at][1]:.3g}, {last[at][2]:.3g}] at the last"
        for at, label in ((3, view.target), (4, name))
    )
    return figure(
        traces,
        layout,
        id=f"drift-figure-{view.id}-{column}",
        title=f"Reward against {name} along {column}, {view.title}",
        caption=f"Means with 95 % intervals, prompts resampled: {told}. Two axes.",
    )
