"""`compare_runs`: which steps of two runs belong together, and what they say of one another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pyrite.analysis.resample import Clusters
from pyrite.analysis.targets import main_target
from pyrite.compare.checks import changed_checks
from pyrite.compare.fates import compare_exploits
from pyrite.compare.paired import CONFIDENCE, accuracy_change, score_change
from pyrite.compare.result import (
    ChangedCheck,
    ComparedExploits,
    ComparedQuery,
    Comparison,
    Part,
    Side,
)
from pyrite.compare.sameness import (
    ROWS_FLAG,
    TEMPLATE_FLAG,
    Matched,
    match_rows,
    refuse,
    rendering_differences,
)
from pyrite.compare.steps import QueryPair, pairs_of_queries, pairs_of_steps
from pyrite.compare.subsets import subsets
from pyrite.errors import StoreError
from pyrite.finished import FinishedRun, FinishedStep
from pyrite.steps.model_view import views
from pyrite.tables import QueryTable

__all__ = ["Allowed", "compare_runs"]

RESAMPLES = 2000
SEED = 0


@dataclass(frozen=True, slots=True)
class Allowed:
    """What may differ: the caller says that it is meant."""

    rows: bool = False
    template: bool = False


def compare_runs(
    a: str | Path,
    b: str | Path,
    *,
    queries: Sequence[str] = (),
    by: Sequence[str] = (),
    allowed: Allowed | None = None,
) -> Comparison:
    """Compare two run directories.

    Args:
        a, b: the run before and the run after.
        queries: names of queries, `A=B` where the runs call them differently; empty: all that both
            have under one name, or the only one of each.
        by: columns of the data whose values are subsets; empty: text columns with few values.
        allowed: what may differ between rows and between their texts.

    Raises:
        StoreError: there is no run, no such query or column, or nothing that both runs have.
        CorruptArtifactError: stored files are damaged.
        PyriteError: rows or their rendering differ and that is not allowed.
    """
    return _Comparing(FinishedRun(Path(a)), FinishedRun(Path(b)), by, allowed or Allowed())(queries)


@dataclass
class _Comparing:
    a: FinishedRun
    b: FinishedRun
    by: Sequence[str]
    allowed: Allowed
    meant: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    checks: list[ChangedCheck] = field(default_factory=list)
    same_checks: int = 0

    def __call__(self, names: Sequence[str]) -> Comparison:
        pairs, told = pairs_of_queries(self.a, self.b, names)
        self.notes += told
        queries = [one for pair in pairs for one in self._query(pair)]
        exploits = [] if names else self._exploits()
        if not queries and not exploits:
            why = f": {'; '.join(self.notes)}" if self.notes else ""
            raise StoreError(f"{self.a.path} and {self.b.path}: nothing to compare{why}")
        return Comparison(
            a=_side(self.a),
            b=_side(self.b),
            confidence=CONFIDENCE,
            queries=tuple(queries),
            exploits=tuple(exploits),
            checks=tuple(self.checks),
            checks_same=self.same_checks,
            allowed=tuple(dict.fromkeys(self.meant)),
            notes=tuple(dict.fromkeys(self.notes)),
        )

    def _exploits(self) -> list[ComparedExploits]:
        found = []
        pairs, told = pairs_of_steps(self.a, self.b, "exploit")
        self.notes += told
        for step_a, step_b in pairs:
            self._same(step_a, step_b)
            compared = compare_exploits(step_a, step_b)
            if isinstance(compared, str):
                self.notes.append(f"exploits were not compared: {compared}")
            else:
                found.append(compared)
            self._doctor(step_a, step_b)
        return found

    def _query(self, pair: QueryPair) -> list[ComparedQuery]:
        matched = self._same(pair.a, pair.b)
        self._doctor(pair.a, pair.b)
        tables_a = _tables_of(self.a, pair.a, pair.model_a)
        tables_b = _tables_of(self.b, pair.b, pair.model_b)
        if len(tables_a) == len(tables_b) == 1:
            (one,), (other,) = tables_a.values(), tables_b.values()
            return self._tables(one, other, matched)
        shared = [name for name in tables_a if name in tables_b]
        alone = sorted(tables_a.keys() ^ tables_b.keys())
        if alone:
            self.notes.append(f"{pair.b.id}: only one run has the models {', '.join(alone)}")
        found = [self._tables(tables_a[x], tables_b[x], matched) for x in shared]
        return [one for many in found for one in many]

    def _tables(
        self, table_a: QueryTable, table_b: QueryTable, matched: Matched
    ) -> list[ComparedQuery]:
        target = main_target([x for x in table_a.targets if x in table_b.targets])
        if target is None:
            self.notes.append(
                f"{table_b.id}: scores were not compared, because the runs stored none of the same "
                f"name (A: {', '.join(table_a.targets) or 'none'}; "
                f"B: {', '.join(table_b.targets) or 'none'})"
            )
            return []
        scores_a = table_a.numbers(target)[matched.a]
        scores_b = table_b.numbers(target)[matched.b]
        groups = np.unique(table_a.groups()[matched.a], return_inverse=True)[1]
        clusters = Clusters(groups, resamples=RESAMPLES, seed=SEED)
        usable = np.isfinite(scores_a) & np.isfinite(scores_b)
        notes = []
        if not usable.all():
            left = int(np.sum(~usable))
            notes.append(f"{left} of {len(usable)} rows have no {target} in A or in B: left out")

        def part(rows: np.ndarray, column: str = "", value: str = "") -> Part:
            return _part(clusters, rows, scores_a[rows], scores_b[rows], target, column, value)

        found, told = subsets(table_a, matched.a, self.by)
        rows = np.flatnonzero(usable)
        parts = [
            part(members[usable[members]], column, value)
            for column, values in found.items()
            for value, members in values.items()
        ]
        one = ComparedQuery(
            query_a=table_a.id,
            query_b=table_b.id,
            model_a=table_a.model_id,
            model_b=table_b.model_id,
            target=target,
            rows_a=matched.rows_a,
            rows_b=matched.rows_b,
            rows=len(matched.a),
            whole=part(rows),
            subsets=tuple(parts),
            notes=(*notes, *told),
        )
        return [one]

    def _same(self, step_a: FinishedStep, step_b: FinishedStep) -> Matched:
        """The rows that both have; refuses what differs and was not allowed."""
        names = " and ".join(dict.fromkeys((step_a.id, step_b.id)))
        matched = match_rows(
            self.a.step(self.a.required(step_a, "data")),
            self.b.step(self.b.required(step_b, "data")),
        )
        if matched.difference:
            told = f"the rows differ ({matched.difference})"
            if not self.allowed.rows:
                raise refuse(names, told, ROWS_FLAG)
            if not len(matched.a):
                raise StoreError(f"{names}: the runs share no row ({matched.difference})")
            self.meant.append(f"{names}: {told}")
        rendering = rendering_differences(self.a, self.b, step_a, step_b)
        if rendering:
            told = f"the texts were made differently ({'; '.join(rendering)})"
            if not self.allowed.template:
                raise refuse(names, told, TEMPLATE_FLAG)
            self.meant.append(f"{names}: {told}")
        return matched

    def _doctor(self, step_a: FinishedStep, step_b: FinishedStep) -> None:
        changed, same, told = changed_checks(step_a, step_b)
        self.checks += changed
        self.same_checks += same
        self.notes += told


def _part(
    clusters: Clusters,
    rows: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    target: str,
    column: str,
    value: str,
) -> Part:
    notes = []
    scores = score_change(clusters, rows, a, b)
    accuracy = accuracy_change(clusters, rows, a, b) if target == "margin" else None
    if isinstance(scores, str):
        what = "nothing was" if isinstance(accuracy, str) else "differences of scores were not"
        notes.append(f"{what} measured, because {scores}")
    return Part(
        rows=len(rows),
        prompts=clusters.count(rows) if len(rows) else 0,
        column=column,
        value=value,
        scores=None if isinstance(scores, str) else scores,
        accuracy=None if isinstance(accuracy, str) else accuracy,
        notes=tuple(notes),
    )


def _tables_of(run: FinishedRun, query: FinishedStep, model: str) -> dict[str, QueryTable]:
    """The tables of a query by the model's name: one, or one for each recorded model."""
    found = {table.model_id: table for table in views(run.table(query))}
    return {model: found[model]} if model else found


def _side(run: FinishedRun) -> Side:
    return Side(str(run.path), run.name, run.plan, run.status)
