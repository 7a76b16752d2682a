"""How scores and margins are distributed: all rows, by subset, by length."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow.compute as pc

from pyrite.analysis.association import rank_correlations
from pyrite.analysis.binned import binned_means
from pyrite.analysis.measures import means_of, shares_of
from pyrite.analysis.resample import MIN_GROUPS, Estimate
from pyrite.report import Block, Notice, Section, Table
from pyrite.report.boxes import boxes, quantiles
from pyrite.report.cells import columns, drawn, interval
from pyrite.report.estimates import finite_rows, measured, sizes
from pyrite.report.material import CONFIDENCE, Material, View
from pyrite.report.subsets import Subsets, subsets
from pyrite.types import Json

__all__ = ["section"]

MOST_VIEWS = 12
MOST_WITH_SUBSETS = 3

_SUBSETS = columns(
    ("subset", "subset", "text"),
    ("rows", "rows", "count"),
    ("prompts", "prompts", "count"),
    ("mean", "mean", "interval"),
    ("median", "median", "number"),
    ("accuracy", "margin above 0 (ties half)", "interval", "share"),
)


def section(material: Material) -> Section:
    """A histogram per model; boxes and tables by subset; the score against the text's length."""
    views = [view for view in material.views if view.target]
    blocks: list[Block] = []
    known: dict[str, list[Subsets]] = {}
    for at, view in enumerate(views[:MOST_VIEWS]):
        values = view.numbers(view.target or "")
        if not np.isfinite(values).any():
            text = f"{view.title}: no row has a number for {view.target}."
            blocks.append(Notice(level="warning", text=text, cure="the column `problem` says why"))
            continue
        blocks.append(_histogram(material, view, values))
        if at >= MOST_WITH_SUBSETS:
            continue
        if view.data not in known:
            known[view.data] = subsets(view.stored)
        for one in known[view.data]:
            blocks += _by_subset(material, view, values, one)
        blocks += _by_length(material, view, values)
    if len(views) > MOST_VIEWS:
        text = f"{len(views)} models were queried; the first {MOST_VIEWS} are drawn here."
        blocks.append(Notice(level="note", text=text))
    return Section(
        id="distributions",
        title="Scores and margins, by subset and by length",
        lead="All rows with a score are in histograms, boxes and means by subset; figures against "
        "length say how many rows they hold.",
        blocks=blocks,
    )


def _histogram(material: Material, view: View, values: np.ndarray) -> Block:
    from pyrite.analysis.figures.distribution import Distribution

    finite = values[np.isfinite(values)]
    prompts = material.scope(view).clusters.count(np.flatnonzero(np.isfinite(values)))
    split = view.target == "margin"
    five = ", ".join(f"{x:.3g}" for x in quantiles(finite))
    caption = f"n = {len(finite):,} rows in {prompts:,} prompts, {len(values) - len(finite):,} "
    caption += f"rows without a number. Quantiles 5, 25, 50, 75, 95 %: {five}."
    if split:
        below, tied = np.mean(finite < 0), np.mean(finite == 0)
        caption += f" Margin = chosen minus rejected: {below:.1%} below 0, {tied:.1%} equal to 0."
    title = f"Distribution of {view.target}, {view.title}"
    chart = Distribution(title, caption, view.target or "", finite, split)
    return drawn(chart, id=f"distribution-{view.id}")


def _by_subset(
    material: Material, view: View, values: np.ndarray, split: Subsets
) -> Iterator[Block]:
    scope = material.scope(view)
    members = [
        np.flatnonzero((split.codes == code) & np.isfinite(values))
        for code in range(len(split.values))
    ]
    shown = [(name, rows) for name, rows in zip(split.values, members, strict=True) if len(rows)]
    if len(shown) < 2:
        return
    pairs = view.target == "margin"
    means = measured(means_of, scope, [(rows, values[rows]) for _, rows in shown])
    right = np.where(values == 0, 0.5, values > 0)
    rights = [(rows, right[rows]) for _, rows in shown]
    accuracies = measured(shares_of, scope, rights) if pairs else [None] * len(shown)
    cells: list[list[Json]] = [
        [
            name,
            len(rows),
            scope.clusters.count(rows),
            interval(mean),
            float(np.median(values[rows])),
            interval(accuracy),
        ]
        for (name, rows), mean, accuracy in zip(shown, means, accuracies, strict=True)
    ]
    used = _SUBSETS if pairs else _SUBSETS[:-1]
    yield boxes(
        [f"{name} (n = {len(rows):,})" for name, rows in shown],
        [quantiles(values[rows]) for _, rows in shown],
        id=f"subsets-{view.id}-{split.column}",
        title=f"{view.target} by {split.column}, {view.title}",
        caption="The means with their intervals stand in the table.",
        axis=view.target or "",
    )
    yield Table(
        id=f"subset-means-{view.id}-{split.column}",
        caption=f"{view.target} of {view.title} by {split.column}: 95 % intervals with prompts "
        f"resampled; not measured where a subset has fewer than {MIN_GROUPS} prompts.",
        columns=used,
        rows=[row[: len(used)] for row in cells],
        total=len(cells),
    )


def _by_length(material: Material, view: View, values: np.ndarray) -> Iterator[Block]:
    from pyrite.analysis.figures.scatter import Scatter, view_of

    found = _lengths(view)
    if found is None:
        return
    label, lengths = found
    rows, total = finite_rows(values, lengths)
    scope = material.scope(view)
    x, y = lengths[rows], values[rows]
    if not len(rows) or np.ptp(x) == 0:
        return
    rho = rank_correlations(scope.clusters, [(rows, x, y)], confidence=CONFIDENCE)[0]
    told = f"Spearman {rho}" if isinstance(rho, Estimate) else f"not measured, because {rho}"
    chart = Scatter(
        title=f"{view.target} by length, {view.title}",
        caption=f"{told}; {sizes(scope, rows, total)}. An association, not an effect. At most "
        "5,000 points are shown, drawn at random; means and the correlation are of all n rows.",
        x_label=label,
        y_label=view.target or "",
        x=x,
        y=y,
        bins=binned_means(scope.clusters, rows, x, y, confidence=CONFIDENCE),
        line=None,
        view=view_of(x),
    )
    yield drawn(chart, id=f"length-{view.id}")


def _lengths(view: View) -> tuple[str, np.ndarray] | None:
    if view.pairs:
        sides, label = ["chosen", "rejected"], "characters, chosen minus rejected"
    elif "response" in view.stored.sides:
        sides, label = ["response"], "characters of the response"
    else:
        return None
    parts = []
    for batch in view.stored.rows.batches(sides):
        lengths = [
            pc.utf8_length(batch.column(side)).to_numpy(zero_copy_only=False).astype(np.float64)
            for side in sides
        ]
        parts.append(lengths[0] - lengths[1] if len(sides) == 2 else lengths[0])
    return label, np.concatenate(parts)
