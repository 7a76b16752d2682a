"""Which scores of a query are analysed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pyrite.component import nearest
from pyrite.config.sections import AnalyzeSection
from pyrite.errors import AnalysisError

if TYPE_CHECKING:
    from pyrite.tables import QueryTable

__all__ = ["Targets", "check_names", "choose_targets", "main_target"]

MAX_OUTPUTS = 12
_REDUCTIONS = ("scores.max", "scores.argmax")
_KNOWN = (
    "score",
    "chosen_end_scores",
    "rejected_end_scores",
    "margin",
    "loss",
    "entropy",
    "softmax",
)
_MAIN = ("margin", "score", "scores.max", "chosen_end_scores")


@dataclass
class Targets:
    """The targets of one query with their columns, and what was left out."""

    values: dict[str, np.ndarray] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def named_targets(section: AnalyzeSection) -> list[str]:
    """Targets that the experiment names, in `predict` and `plot`."""
    names = [x.target for x in section.predict] + [x.y for x in section.plot]
    return list(dict.fromkeys(names))


def check_names(section: AnalyzeSection, tables: Sequence[QueryTable]) -> None:
    """Fail before any work on a name that no query has.

    Raises:
        AnalysisError: a target, gold column or estimator that does not exist.
    """
    targets = {x for table in tables for x in table.targets}
    columns = {x for table in tables for x in table.columns}
    for name in named_targets(section):
        if name not in targets | columns | set(_KNOWN) | set(_REDUCTIONS):
            raise AnalysisError(f"no query has a target {name!r} ({nearest(name, list(targets))})")
    if section.gold is not None and section.gold not in columns | targets:
        raise AnalysisError(
            f"gold: no query has a column {section.gold!r} ({nearest(section.gold, list(columns))})"
        )
    estimators = [x.id for x in section.estimators]
    for predict in section.predict:
        if predict.estimator not in estimators:
            raise AnalysisError(
                f"predict {predict.target}: no estimator has the id {predict.estimator!r} "
                f"({nearest(predict.estimator, estimators)})"
            )


def choose_targets(section: AnalyzeSection, table: QueryTable) -> Targets:
    """The targets of `table` that can be analysed, with plain sentences for those that cannot."""
    chosen = Targets()
    for name in _candidates(section, table, chosen.notes):
        if name not in table.targets and name not in table.columns:
            chosen.notes.append(
                f"{table.id}: {name} was not analysed, because the query has no such score (it "
                f"has {', '.join(table.targets)})."
            )
            continue
        values = table.numbers(name)
        finite = values[np.isfinite(values)]
        if not len(finite):
            because = "it has no number in any row"
        elif np.ptp(finite) == 0:
            because = f"it is {finite[0]:g} in every row"
        else:
            chosen.values[name] = values
            if len(finite) < len(values):
                chosen.notes.append(
                    f"{table.id}: {len(values) - len(finite)} of {len(values)} rows without a "
                    f"{name} are left out of its analysis."
                )
            continue
        chosen.notes.append(f"{table.id}: {name} was not analysed, because {because}.")
    return chosen


def _candidates(section: AnalyzeSection, table: QueryTable, notes: list[str]) -> list[str]:
    named = named_targets(section)
    outputs = [x for x in table.targets if x.startswith("scores.") and x not in _REDUCTIONS]
    names = [x for x in table.targets if x != "scores.argmax"]
    if "scores.argmax" in table.targets:
        notes.append(
            f"{table.id}: scores.argmax was not analysed, because it is the number of an output "
            f"and not a quantity."
        )
    if len(outputs) > MAX_OUTPUTS:
        kept = [x for x in outputs if x in named]
        names = [x for x in names if x not in outputs or x in kept]
        told = f"those that the experiment names ({', '.join(kept)})" if kept else "none of them"
        notes.append(
            f"{table.id}: the model has {len(outputs)} outputs; {told} and the reductions are "
            f"analysed. Name an output in `plot` to have it analysed."
        )
    return list(dict.fromkeys([*names, *(x for x in named if x != "scores.argmax")]))


def main_target(names: Iterable[str]) -> str | None:
    """The score that stands for the model: margin, score, scores.max or the chosen text's."""
    names = list(names)
    present = [name for name in _MAIN if name in names]
    return present[0] if present else next(iter(names), None)
