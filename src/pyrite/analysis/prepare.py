"""One query made ready for its analysis; what queries over the same rows share is made once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyrite.analysis.columns import (
    EMBEDDING,
    Scalar,
    TableColumns,
    column_name,
    item_text,
    sides_of,
)
from pyrite.analysis.identity import rows_digest
from pyrite.analysis.measure import Measurement, Wanted, measure, open_feature
from pyrite.analysis.measures import Scope
from pyrite.analysis.predict import Prediction
from pyrite.analysis.resample import Clusters
from pyrite.analysis.targets import Targets, choose_targets
from pyrite.errors import AnalysisError

if TYPE_CHECKING:
    from pyrite.config.sections import AnalyzeSection
    from pyrite.tables import QueryTable

__all__ = ["Analysed", "Preparation"]


@dataclass
class Analysed:
    """One query while it is analysed; `rows` is equal for queries over the same rows."""

    table: QueryTable
    rows: str
    columns: TableColumns
    targets: Targets
    scope: Scope
    features: dict[str, list[Scalar]] = field(default_factory=dict)
    predictions: list[Prediction] = field(default_factory=list)


class Preparation:
    """Prepares the queries of one analysis.

    Args:
        section: what to compute, predict and plot.
        alone: there is one query only, so that no rows are compared.
    """

    def __init__(self, section: AnalyzeSection, *, alone: bool) -> None:
        self.section = section
        self.alone = alone
        self.notes: list[str] = []
        self._clusters: dict[str, Clusters] = {}
        self._measured: dict[tuple[str, ...], dict[str, Measurement]] = {}

    def __call__(self, table: QueryTable) -> Analysed:
        """Choose the targets, measure the features and find every column that is named.

        Raises:
            AnalysisError: a name in `plot` or `predict` that nothing has.
        """
        section = self.section
        targets = choose_targets(section, table)
        self.notes += targets.notes
        rows = "" if self.alone else rows_digest(table)
        if rows not in self._clusters:
            self._clusters[rows] = Clusters(
                table.groups(), resamples=section.bootstrap, seed=section.seed
            )
        scope = Scope(table.id, table.model_id, self._clusters[rows], section.confidence)
        measured = self._measure(table, rows, self._wanted(table, list(targets.values)))
        columns = TableColumns(table, section.compute, measured)
        one = Analysed(table, rows, columns, targets, scope)
        for target in targets.values:
            one.features[target] = columns.features(target)
            for plot in section.plot:
                if plot.y == target:
                    one.features[target] += _named(one, plot.x, target)
        for item in section.predict:  # a wrong name is told now, not after an hour
            if item.target in targets.values:
                _named(one, item.x, item.target)
        return one

    def _measure(
        self, table: QueryTable, rows: str, wanted: Sequence[Wanted]
    ) -> dict[str, Measurement]:
        key = (rows, *(f"{x.column} {x.sides} {x.feature.model_dump_json()}" for x in wanted))
        if key not in self._measured:
            self._measured[key] = measure(table, wanted)
        return self._measured[key]

    def _wanted(self, table: QueryTable, targets: Sequence[str]) -> list[Wanted]:
        wanted: dict[str, Wanted] = {}
        owner: dict[str, str] = {}
        for item in self.section.compute:
            if item.name == EMBEDDING:
                continue
            feature = open_feature(item.name, item.args)
            for text in dict.fromkeys(item_text(item, table, target) for target in targets):
                sides, name = sides_of(text), column_name(item, text)
                if missing := [side for side in sides if side not in table.sides]:
                    self.notes.append(
                        f"{table.id}: {name} was not measured, because the rows have no "
                        f"{' and no '.join(missing)} text (they have {', '.join(table.sides)})."
                    )
                    continue
                if owner.setdefault(name, item.id) != item.id:
                    raise AnalysisError(
                        f"compute: {owner[name]!r} and {item.id!r} both name the column {name!r}: "
                        f"rename one"
                    )
                wanted[name] = Wanted(name, text, feature, sides)
        return list(wanted.values())


def _named(one: Analysed, names: Sequence[str], target: str) -> list[Scalar]:
    known = {x.name for x in one.features[target]}
    found = []
    for name in names:
        if one.columns.embedding(name) is not None:
            continue
        scalar = one.columns.scalar(name, target)
        if scalar is not None and scalar.name not in known and scalar.name != target:
            known.add(scalar.name)
            found.append(scalar)
    return found
