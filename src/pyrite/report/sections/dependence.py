"""What the reward depends on: associations, surrogates, the share that the surface explains."""

from __future__ import annotations

from collections.abc import Sequence

from pyrite.analysis.targets import main_target
from pyrite.report import Block, Fact, Facts, Section, Table
from pyrite.report.cells import bounds, columns, shares_words
from pyrite.report.material import Material, StepLeft
from pyrite.types import Json

__all__ = ["section"]

MOST_ROWS = 500
_LEARNERS = {"HistGradientBoostingRegressor": "boosted trees", "Ridge": "ridge"}

_ASSOCIATIONS = columns(
    ("query", "query", "text"),
    ("target", "score", "text"),
    ("feature", "goes with", "text"),
    ("spearman", "Spearman", "interval"),
    ("wide", "corrected for all tried", "interval"),
    ("within", "within prompts", "interval"),
    ("slope", "slope", "interval", "score per unit"),
    ("unit", "unit", "text"),
    ("spearman_q", "q", "number"),
    ("spearman_rows", "rows", "count"),
    ("spearman_groups", "prompts", "count"),
    ("dropped", "rows left out", "count"),
)
_SURROGATES = columns(
    ("query", "query", "text"),
    ("target", "score", "text"),
    ("purpose", "purpose", "text"),
    ("estimator", "estimator", "text"),
    ("x", "predicted from", "text"),
    ("r2", "R² out of fold", "interval"),
    ("spearman", "Spearman", "interval"),
    ("error", "mean absolute error", "interval", "score"),
    ("baseline_error", "that of the mean", "interval", "score"),
    ("by_construction", "by construction", "text"),
    ("r2_rows", "rows", "count"),
    ("r2_groups", "prompts", "count"),
)


def section(material: Material) -> Section | None:
    """The tables of all analyses."""
    blocks: list[Block] = []
    for step in material.steps("analyze"):
        if not step.finished:
            continue
        surrogates = material.records(step, "surrogates.parquet")
        surface = [row for row in surrogates if row["purpose"] == "surface"]
        if surface:
            blocks.append(_shares(surface, step))
        associations = material.records(step, "associations.parquet")
        if associations:
            blocks.append(_associations(associations, step))
        if surrogates:
            blocks.append(_surrogates(surrogates, step))
    if not blocks:
        return None
    return Section(
        id="dependence",
        title="What the reward depends on",
        lead="Associations and predictions: what goes with the score, not what causes it. "
        "Intervals are at 95 % unless the analysis says otherwise, with prompts resampled.",
        blocks=blocks,
    )


def _shares(rows: Sequence[dict[str, Json]], step: StepLeft) -> Facts:
    items = [
        Fact(
            label=f"{row['query']}: {row['target']}, "
            f"{_LEARNERS.get(row['estimator'], row['estimator'])}",
            value=_share(row),
            note=f"{row['num_columns']} features, {row['folds']} folds of whole prompts, n = "
            f"{row['r2_rows']:,} rows, {row['r2_groups']:,} prompts",
        )
        for row in rows
    ]
    return Facts(
        title=f"{step.id}: share of the score's variance that surface features explain out of fold",
        items=items,
    )


def _share(row: dict[str, Json]) -> str:
    cell = bounds(row, "r2")
    if cell[1] is not None and cell[1] > 0:
        return shares_words(cell)
    return f"no share that can be told from none: R² {shares_words(cell)}"


def _associations(rows: list[dict[str, Json]], step: StepLeft) -> Table:
    main = main_target(dict.fromkeys(row["target"] for row in rows))
    rows.sort(key=lambda row: (row["target"] != main, -abs(row["spearman"])))
    cells = [
        [
            [row["spearman"], row["spearman_wide_low"], row["spearman_wide_high"]]
            if column.name == "wide"
            else bounds(row, column.name)
            if column.type == "interval"
            else row[column.name]
            for column in _ASSOCIATIONS
        ]
        for row in rows[:MOST_ROWS]
    ]
    return Table(
        id=f"associations-{step.id}",
        caption=f"{step.id}: all {len(rows):,} associations tried, those of {main} first. "
        "q is Benjamini and Hochberg's, over all rank correlations of this analysis.",
        columns=_ASSOCIATIONS,
        rows=cells,
        total=len(rows),
        sampled=f"the first {MOST_ROWS} in this order" if len(rows) > MOST_ROWS else "",
    )


def _surrogates(rows: Sequence[dict[str, Json]], step: StepLeft) -> Table:
    cells = [
        [
            bounds(row, column.name)
            if column.type == "interval"
            else ("yes" if row["by_construction"] else "no")
            if column.name == "by_construction"
            else row[column.name]
            for column in _SURROGATES
        ]
        for row in rows[:MOST_ROWS]
    ]
    return Table(
        id=f"surrogates-{step.id}",
        caption=f"{step.id}: the score predicted from columns, on prompts that the estimator has "
        "not seen. R² 0 is what the mean of the other prompts gives.",
        columns=_SURROGATES,
        rows=cells,
        total=len(rows),
        sampled=f"the first {MOST_ROWS}" if len(rows) > MOST_ROWS else "",
    )
