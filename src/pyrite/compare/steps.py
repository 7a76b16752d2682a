"""Which steps of two runs belong together."""

from __future__ import annotations

from collections.abc import Sequence

from pyrite.component import nearest
from pyrite.errors import StoreError
from pyrite.finished import FinishedRun, FinishedStep

__all__ = ["pairs_of_queries", "pairs_of_steps"]

StepPair = tuple[FinishedStep, FinishedStep]


def pairs_of_queries(
    a: FinishedRun, b: FinishedRun, names: Sequence[str]
) -> tuple[list[StepPair], list[str]]:
    """The queries to compare, and what is left out and why.

    Args:
        a, b: the runs.
        names: `NAME`, or `NAME_IN_A=NAME_IN_B`; empty: all that belong together.

    Raises:
        StoreError: a run has no such query, or it is not finished.
        CorruptArtifactError: files of a query are damaged.
    """
    if not names:
        return pairs_of_steps(a, b, "query")
    pairs = []
    for name in names:
        of_a, _, of_b = name.partition("=")
        pairs.append((_query(a, of_a), _query(b, of_b or of_a)))
    return pairs, []


def pairs_of_steps(a: FinishedRun, b: FinishedRun, kind: str) -> tuple[list[StepPair], list[str]]:
    """Finished steps of a kind with the same name, or the only one of each run.

    Raises:
        CorruptArtifactError: files of a step are damaged.
    """
    done_a = {step.id: step for step in a.steps(kind)}
    done_b = {step.id: step for step in b.steps(kind)}
    notes = []
    for name, run, done in (("A", a, done_a), ("B", b, done_b)):
        unfinished = [x for x in run.names(kind) if x not in done]
        if unfinished:
            notes.append(f"{', '.join(unfinished)}: not compared, because {name} did not finish it")
    shared = [name for name in done_a if name in done_b]
    if not shared and len(done_a) == len(done_b) == 1:
        (one,), (other,) = done_a.values(), done_b.values()
        return [(one, other)], notes
    for name, done in (("A", done_a), ("B", done_b)):
        alone = [x for x in done if x not in shared]
        if alone:
            hint = "; say which belong together: --query A=B" if kind == "query" else ""
            notes.append(f"{', '.join(alone)}: only in {name}{hint}")
    return [(done_a[name], done_b[name]) for name in shared], notes


def _query(run: FinishedRun, name: str) -> FinishedStep:
    if name not in run.names("query"):
        known = nearest(name, run.names("query")) or "it has no query"
        raise StoreError(f"{run.path}: no query {name!r} ({known})")
    return run.step(name)
