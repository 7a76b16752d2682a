"""What the reward depends on: associations, surrogates, the share that the surface explains."""

from __future__ import annotations

from collections.abc import Sequence

from pyrite.analysis.targets import main_target
from pyrite.report import Block, Fact, Facts, Section, Table
from pyrite.report.cells import bounds, cells, columns, first_rows, shares_words
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


def section(material: Material) -> Section:
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
    found = bounds(row, "r2")
    if found[1] is not None and found[1] > 0:
        return shares_words(found)
    return f"no share that can be told from none: R² {shares_words(found)}"


def _associations(rows: Sequence[dict[str, Json]], step: StepLeft) -> Table:
    main = main_target(dict.fromkeys(row["target"] for row in rows))
    ordered = sorted(rows, key=lambda row: (row["target"] != main, -abs(row["spearman"])))
    return first_rows(
        (cells(row | _wide(row), _ASSOCIATIONS) for row in ordered),
        id=f"associations-{step.id}",
        caption=f"{step.id}: all {len(rows):,} associations tried, those of {main} first. "
        "q is Benjamini and Hochberg's, over all rank correlations of this analysis.",
        columns=_ASSOCIATIONS,
        total=len(rows),
        most=MOST_ROWS,
        order=" in this order",
    )


def _wide(row: dict[str, Json]) -> dict[str, Json]:
    """Spearman's correlation again, with the interval that holds for all that were tried."""
    ends = {end: row[f"spearman_{end}"] for end in ("wide_low", "wide_high")}
    return {"wide": row["spearman"], **ends}


def _surrogates(rows: Sequence[dict[str, Json]], step: StepLeft) -> Table:
    words = ({"by_construction": "yes" if row["by_construction"] else "no"} for row in rows)
    return first_rows(
        (cells(row | word, _SURROGATES) for row, word in zip(rows, words, strict=True)),
        id=f"surrogates-{step.id}",
        caption=f"{step.id}: the score predicted from columns, on prompts that the estimator has "
        "not seen. R² 0 is what the mean of the other prompts gives.",
        columns=_SURROGATES,
        total=len(rows),
        most=MOST_ROWS,
    )
