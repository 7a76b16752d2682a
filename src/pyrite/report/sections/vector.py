"""A model with many outputs: each output's distribution, where it leads, and over the data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow.compute as pc

from pyrite.analysis.measures import Scope, means_of, shares_of
from pyrite.report import Block, Figure, Notice, Section, Table
from pyrite.report.boxes import boxes, quantiles
from pyrite.report.cells import columns, drawn, figure, interval
from pyrite.report.estimates import measured
from pyrite.report.material import Material, View, matrix, spread
from pyrite.steps.stored_table import StoredTable
from pyrite.types import Json

__all__ = ["section"]

MOST_ROWS = 20_000
MOST_OUTPUTS = 64
HEAT_ROWS = 200
SIDES = ("", "chosen_", "rejected_")

_OUTPUTS = columns(
    ("output", "output", "text"),
    ("mean", "mean", "interval"),
    ("q5", "5 %", "number"),
    ("q50", "median", "number"),
    ("q95", "95 %", "number"),
    ("top", "among the top", "interval", "share"),
    ("first", "the highest of all", "interval", "share"),
)


def section(material: Material) -> Section:
    """Every query whose model gives a vector."""
    blocks: list[Block] = []
    for view in material.views:
        names = set(view.stored.chunks.schema().names)
        if view.stored.outputs and not view.stored.models:
            for side in SIDES:
                if f"{side}scores" in names:
                    blocks += _vector(material, view, side)
    return Section(
        id="vector",
        title="The model's outputs, one by one",
        lead="Distributions of every output, how often it is among the highest, and the entropy.",
        blocks=blocks,
    )


def _vector(material: Material, view: View, side: str) -> Iterator[Block]:
    stored, what = view.stored, f"{view.title}{f', {side[:-1]}' if side else ''}"
    rows = spread(stored.num_rows, MOST_ROWS)
    scores, top = _sampled(stored, side, rows)
    whole = np.isfinite(scores).all(axis=1)
    rows, scores, top = rows[whole], scores[whole], top[whole]
    if not len(rows):
        yield Notice(level="warning", text=f"{what}: no row has a score for every output.")
        return
    size = f"n = {len(rows):,} of {stored.num_rows:,} rows"
    if stored.num_rows > MOST_ROWS:
        yield Notice(
            level="note",
            text=f"{what}: measured on {len(rows):,} of {stored.num_rows:,} rows, drawn at random "
            "with a fixed seed.",
        )
    shown = np.argsort(-scores.mean(axis=0), kind="stable")[:MOST_OUTPUTS]
    scope = material.scope_of(view, rows)
    yield _outputs(scope, stored, scores, top, shown, what=what, size=size, id=f"{side}{view.id}")
    names = [stored.outputs[at] for at in shown]
    yield boxes(
        names,
        [quantiles(scores[:, at]) for at in shown],
        id=f"outputs-{side}{view.id}",
        title=f"Every output of {what}",
        caption=f"The highest mean first; {size}.",
        axis="score",
    )
    yield _heat(scores, rows, shown, names, what=what, id=f"heat-{side}{view.id}")
    yield from _entropy(stored, side, what, view.id)


def _sampled(stored: StoredTable, side: str, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scores [rows, outputs] and membership in the top k [rows, outputs], chunk by chunk."""
    width = len(stored.outputs)
    scores = np.full((len(rows), width), np.nan, dtype=np.float32)
    top = np.zeros((len(rows), width), dtype=bool)
    start = 0
    for table in stored.chunks.tables([f"{side}scores", f"{side}topk_uids"]):
        first, last = np.searchsorted(rows, [start, start + table.num_rows])
        own = rows[first:last] - start
        if len(own):
            part = table.take(own)
            scores[first:last] = matrix(part[f"{side}scores"])
            for at, named in enumerate(part[f"{side}topk_uids"].to_pylist(), start=first):
                top[at, named or []] = True
        start += table.num_rows
    return scores, top


def _outputs(
    scope: Scope,
    stored: StoredTable,
    scores: np.ndarray,
    top: np.ndarray,
    shown: np.ndarray,
    *,
    what: str,
    size: str,
    id: str,
) -> Table:
    every = np.arange(len(scores))
    cells: list[list[Json]] = []
    k = int(top.sum(axis=1).max())
    highest = scores.argmax(axis=1)

    def parts(of: Callable[[int], np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
        return [(every, of(at).astype(np.float64)) for at in shown]

    means = measured(means_of, scope, parts(lambda at: scores[:, at]))
    tops = measured(shares_of, scope, parts(lambda at: top[:, at]))
    firsts = measured(shares_of, scope, parts(lambda at: highest == at))
    for place, at in enumerate(shown):
        five = quantiles(scores[:, at])
        cells.append(
            [
                stored.outputs[at],
                interval(means[place]),
                five[0],
                five[2],
                five[4],
                interval(tops[place]),
                interval(firsts[place]),
            ]
        )
    return Table(
        id=f"output-table-{id}",
        caption=f"{what}: every output, and the share of rows in which it is among the {k} highest "
        f"({size}, {scope.clusters.num_groups:,} prompts; 95 % intervals with prompts resampled).",
        columns=_OUTPUTS,
        rows=cells,
        total=len(stored.outputs),
        sampled=f"the {len(shown)} with the highest mean"
        if len(shown) < len(stored.outputs)
        else "",
    )


def _heat(
    scores: np.ndarray,
    rows: np.ndarray,
    shown: np.ndarray,
    names: list[str],
    *,
    what: str,
    id: str,
) -> Figure:
    import plotly.graph_objects as go

    from pyrite.analysis.figures.chart import markup, shorten

    taken = spread(len(rows), HEAT_ROWS)
    places = list(range(len(names)))
    heat: Any = go.Heatmap(
        z=scores[np.ix_(taken, shown)],
        x=places,
        y=[f"row {row}" for row in rows[taken]],
        colorscale="Viridis",
        hovertemplate="%{y}: %{z:.4g}<extra></extra>",
    )
    ticks = [markup(shorten(name, 24)) for name in names]
    layout = {
        "xaxis": {"tickvals": places, "ticktext": ticks, "tickangle": 45, "showgrid": False},
        "yaxis": {"autorange": "reversed", "showgrid": False},
        "height": 700,
    }
    said = f"{len(taken):,} of {len(rows):,} rows, drawn at random with a fixed seed, in the order "
    return figure(
        [heat],
        layout,
        id=id,
        title=f"Outputs over the data, {what}",
        caption=f"{said}of the data; outputs by their mean.",
    )


def _entropy(stored: StoredTable, side: str, what: str, id: str) -> Iterator[Block]:
    from pyrite.analysis.figures.distribution import Distribution

    name = f"{side}entropy"
    if name not in stored.chunks.schema().names:
        return
    parts = [pc.cast(table[name], "float64").to_numpy() for table in stored.chunks.tables([name])]
    values = np.concatenate(parts)
    finite = values[np.isfinite(values)]
    if not len(finite):
        return
    highest = np.log(len(stored.outputs))
    caption = (
        f"In nats, of the softmax over all outputs; equal outputs would give {highest:.3g}. "
        f"n = {len(finite):,} rows, median {np.median(finite):.3g}."
    )
    chart = Distribution(
        f"Entropy of the outputs, {what}", caption, "entropy (nats)", finite, False
    )
    yield drawn(chart, id=f"entropy-{side}{id}")
