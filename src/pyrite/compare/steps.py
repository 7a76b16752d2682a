"""Which steps of two runs belong together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyrite.component import nearest
from pyrite.errors import StoreError
from pyrite.finished import FinishedRun, FinishedStep

__all__ = ["QueryPair", "pairs_of_queries", "pairs_of_steps"]

StepPair = tuple[FinishedStep, FinishedStep]


@dataclass(frozen=True)
class QueryPair:
    """A query of each run; `model_a` and `model_b` choose one of several recorded models."""

    a: FinishedStep
    b: FinishedStep
    model_a: str = ""
    model_b: str = ""


def pairs_of_queries(
    a: FinishedRun, b: FinishedRun, names: Sequence[str]
) -> tuple[list[QueryPair], list[str]]:
    """The queries to compare, and what is left out and why.

    Args:
        a, b: the runs.
        names: `NAME`, or `NAME_IN_A=NAME_IN_B`, of a query, or `QUERY.MODEL` of one that has
            several recorded models; empty: all that belong together.

    Raises:
        StoreError: a run has no such query, or it is not finished.
        CorruptArtifactError: files of a query are damaged.
    """
    if not names:
        pairs, notes = pairs_of_steps(a, b, "query")
        return [QueryPair(*pair) for pair in pairs], notes
    found = []
    for name in names:
        of_a, _, of_b = name.partition("=")
        (one, model_a), (other, model_b) = _query(a, of_a), _query(b, of_b or of_a)
        found.append(QueryPair(one, other, model_a, model_b))
    return found, []


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


def _query(run: FinishedRun, name: str) -> tuple[FinishedStep, str]:
    """The query of this name, and the model where it is `QUERY.MODEL`."""
    known = run.names("query")
    if name in known:
        return run.step(name), ""
    for query in known:
        if name.startswith(f"{query}.") and run.is_finished(query):
            step = run.step(query)
            model = name.removeprefix(f"{query}.")
            if model in run.table(step).models:
                return step, model
            known = [*known, *(f"{query}.{x}" for x in run.table(step).models)]
    told = nearest(name, known) or "it has no query"
    raise StoreError(f"{run.path}: no query {name!r} ({told})")
