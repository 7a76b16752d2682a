"""Several models over the same rows, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from pyrite.analysis.agreement import Agreement, agreements
from pyrite.analysis.measures import Scope, shares_of
from pyrite.analysis.resample import Estimate
from pyrite.report import Block, Notice, Section, Table
from pyrite.report.boxes import boxes, quantiles
from pyrite.report.cells import columns, drawn, interval
from pyrite.report.estimates import measured
from pyrite.report.material import CONFIDENCE, MOST_COMPARED, Material, View, spread
from pyrite.types import Json

__all__ = ["section"]

MOST_MODELS = 16

_DISTRIBUTIONS = columns(
    ("model", "model", "text"),
    ("query", "query", "text"),
    ("rows", "rows with a score", "count"),
    ("mean", "mean", "number"),
    ("sd", "SD", "number"),
    ("q5", "5 %", "number"),
    ("q25", "25 %", "number"),
    ("q50", "median", "number"),
    ("q75", "75 %", "number"),
    ("q95", "95 %", "number"),
)
_AGREEMENTS = columns(
    ("first", "model", "text"),
    ("second", "other model", "text"),
    ("spearman", "Spearman", "interval"),
    ("same", "prefer the same text", "interval", "share"),
    ("rows", "rows", "count"),
    ("prompts", "prompts", "count"),
)


def section(material: Material) -> Section:
    """Agreement, rank correlation and distribution of the models that scored the same rows."""
    together: dict[tuple[str, str | None], list[View]] = {}
    for view in material.views:
        if view.target:
            together.setdefault((view.data, view.target), []).append(view)
    blocks: list[Block] = []
    for (data, target), views in together.items():
        if len(views) > 1:
            blocks += _compared(material, views[:MOST_MODELS], data, target or "")
        if len(views) > MOST_MODELS:
            text = f"{data}: {len(views)} models; the first {MOST_MODELS} are compared."
            blocks.append(Notice(level="note", text=text))
    return Section(
        id="models",
        title="Models side by side on the same rows",
        lead="Scores of different models have different units: compare ranks and preferences, not "
        "the scores themselves. Overlapping intervals do not show that two models are equal.",
        blocks=blocks,
    )


def _compared(material: Material, views: Sequence[View], data: str, target: str) -> Iterator[Block]:
    from pyrite.analysis.figures.heatmap import Heatmap

    rows = spread(views[0].table.num_rows, MOST_COMPARED)
    scores = dict(zip(_names(views), (view.numbers(target)[rows] for view in views), strict=True))
    sampled = len(rows) < views[0].table.num_rows
    if sampled:
        said = f"{data}: compared on {len(rows):,} of {views[0].table.num_rows:,} rows, drawn at "
        yield Notice(level="note", text=f"{said}random with a fixed seed.")
    scope = material.scope_of(views[0], rows)
    found, notes = agreements(scope.clusters, scores, target=target, confidence=CONFIDENCE)
    yield _distributions(views, scores, data, target)
    yield from _boxes(scores, data, target)
    if found:
        chart = Heatmap(
            title=f"How alike the models rank the same rows ({target}, {data})",
            caption="Spearman's rank correlation of all pairs; the table has the 95 % intervals.",
            names=list(scores),
            agreements=found,
        )
        yield drawn(chart, id=f"agreement-{data}-{target}")
        yield _agreements(scope, scores, found, data, target)
    for note in notes:
        yield Notice(level="note", text=note)


def _names(views: Sequence[View]) -> list[str]:
    models = [view.model for view in views]
    return models if len(set(models)) == len(models) else [view.id for view in views]


def _distributions(
    views: Sequence[View], scores: dict[str, np.ndarray], data: str, target: str
) -> Table:
    cells: list[list[Json]] = []
    for view, values in zip(views, scores.values(), strict=True):
        finite = values[np.isfinite(values)]
        row: list[Json] = [view.model, view.id, len(finite)]
        row += (
            [float(finite.mean()), float(finite.std()), *quantiles(finite)]
            if len(finite)
            else [None] * 7
        )
        cells.append(row)
    return Table(
        id=f"models-{data}-{target}",
        caption=f"{target} of every model over the rows of {data}, in each model's own units.",
        columns=_DISTRIBUTIONS,
        rows=cells,
        total=len(cells),
    )


def _boxes(scores: dict[str, np.ndarray], data: str, target: str) -> Iterator[Block]:
    fives = {}
    for name, values in scores.items():
        finite = values[np.isfinite(values)]
        if len(finite) and np.ptp(finite) > 0:
            fives[name] = quantiles((finite - finite.mean()) / finite.std())
    if fives:
        yield boxes(
            list(fives),
            list(fives.values()),
            id=f"model-boxes-{data}-{target}",
            title=f"Shape of {target} by model, {data}",
            caption="Every model in SDs from its own mean.",
            axis=f"{target}, in the model's own SD",
        )


def _agreements(
    scope: Scope,
    scores: dict[str, np.ndarray],
    found: Sequence[Agreement],
    data: str,
    target: str,
) -> Table:
    same = _same_preference(scope, scores) if target == "margin" else {}
    cells: list[list[Json]] = [
        [
            one.first,
            one.second,
            interval(one.spearman),
            interval(same.get((one.first, one.second))),
            one.spearman.rows,
            one.spearman.groups,
        ]
        for one in sorted(found, key=lambda x: x.spearman.value)
    ]
    used = [c for c in _AGREEMENTS if same or c.name != "same"]
    keep = [at for at, c in enumerate(_AGREEMENTS) if c in used]
    return Table(
        id=f"agreements-{data}-{target}",
        caption=f"Rank correlation of {target} between the models over the same rows of {data}, "
        "the least alike first; 95 % intervals with prompts resampled.",
        columns=used,
        rows=[[row[at] for at in keep] for row in cells],
        total=len(cells),
    )


def _same_preference(
    scope: Scope, scores: dict[str, np.ndarray]
) -> dict[tuple[str, str], Estimate]:
    """Share of pairs in which both models prefer the same text; pairs with a tie left out."""
    names, parts = list(combinations(scores, 2)), []
    for first, second in names:
        product = scores[first] * scores[second]
        rows = np.flatnonzero(np.isfinite(product) & (product != 0))
        parts.append((rows, (product[rows] > 0).astype(np.float64)))
    found = zip(names, measured(shares_of, scope, parts), strict=True)
    return {pair: share for pair, share in found if share is not None}
