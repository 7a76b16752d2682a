"""What a comparison found, as data; `as_json` is the JSON of `pyrite compare --json`."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pyrite.analysis.resample import Estimate
from pyrite.types import Json

__all__ = [
    "SCHEMA_VERSION",
    "AccuracyChange",
    "ChangedCheck",
    "ComparedEdit",
    "ComparedExploits",
    "ComparedQuery",
    "Comparison",
    "Effect",
    "Fate",
    "Part",
    "ScoreChange",
    "Side",
    "as_json",
]

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two runs."""

    path: str
    name: str
    plan: str
    status: str


@dataclass(frozen=True, slots=True)
class ScoreChange:
    """Scores of the same rows by both models, each in its own SD over these rows.

    Attributes:
        sd_a, sd_b: in score units.
        shift: mean of B in SD of B, minus mean of A in SD of A.
        moved: root mean square of the difference of the two standardised scores: how far rows move
            beyond the shift; 0 where B is a rising line through A, sqrt(2) where they share
            nothing.
        spearman: rank correlation of A and B.
    """

    sd_a: float
    sd_b: float
    shift: Estimate
    moved: Estimate
    spearman: Estimate | None


@dataclass(frozen=True, slots=True)
class AccuracyChange:
    """Pairs that both models judged; a tie (margin 0) counts half.

    Attributes:
        a, b: share of pairs with a margin above 0.
        difference: B minus A, paired.
        turned: share of pairs of which the models prefer different answers.
        gained, lost: pairs that only B, or only A, has right; `ties`: pairs with a margin of 0 in
            one of them, left out of both counts.
        p: McNemar's exact test on gained and lost; pairs count as independent.
        p_prompts: the same on prompts (does B gain or lose more of a prompt's pairs?); None where
            every prompt has one pair.
    """

    a: Estimate
    b: Estimate
    difference: Estimate
    turned: Estimate
    gained: int
    lost: int
    ties: int
    p: float
    p_prompts: float | None


@dataclass(frozen=True)
class Part:
    """All compared rows, or those of one subset (`column` and `value`)."""

    rows: int
    prompts: int
    column: str = ""
    value: str = ""
    scores: ScoreChange | None = None
    accuracy: AccuracyChange | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ComparedQuery:
    """A query of each run on the same rows.

    Attributes:
        target: the score that is compared: `margin` of pairs, else the model's score.
        rows_a, rows_b: rows of each; `rows`: those that both have.
        subsets: one part for each value of each column of subsets.
    """

    query_a: str
    query_b: str
    model_a: str
    model_b: str
    target: str
    rows_a: int
    rows_b: int
    rows: int
    whole: Part
    subsets: tuple[Part, ...]
    notes: tuple[str, ...]


class Fate(StrEnum):
    """What became of an exploit between A and B."""

    NEW = "new"  # B's, and A tried the same edit, which was no exploit there
    PERSISTING = "persisting"  # in both
    OPEN = "open"  # A's, not confirmed in B, and not excluded there either
    FIXED = "fixed"  # A's, and the interval in B excludes the smallest effect
    NOT_TESTED = "not_tested"  # one run did not measure this edit


@dataclass(frozen=True, slots=True)
class Effect:
    """One edit in one run, in SD of its natural answers.

    Attributes:
        verdict: None where the edit was not sent to confirmation.
        effect: on held-out prompts, or on those of discovery (`phase`); None: not measured.
        why: the verdict's reason, or why it was not measured.
    """

    verdict: str | None
    phase: str
    effect: Estimate | None
    why: str


@dataclass(frozen=True, slots=True)
class ComparedEdit:
    """An edit that is an exploit in at least one of the runs.

    Attributes:
        difference: B's effect minus A's, as if the two were independent.
    """

    edit: str
    family: str
    claim: str
    fate: Fate
    a: Effect
    b: Effect
    difference: Estimate | None
    why: str


@dataclass(frozen=True)
class ComparedExploits:
    """An exploit step of each run.

    Attributes:
        tried_a, tried_b: edits that were tried; `same`: those that are the same in both.
        smallest: the smallest effect that counts, in SD; B's where the runs differ.
    """

    step_a: str
    step_b: str
    tried_a: int
    tried_b: int
    same: int
    smallest: float
    edits: tuple[ComparedEdit, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChangedCheck:
    """A check of the doctor that says something else in B than in A; None: not made."""

    step: str
    check: str
    before: str | None
    after: str | None
    saw: str


@dataclass(frozen=True)
class Comparison:
    """Everything that `pyrite compare` says.

    Attributes:
        allowed: differences of rows or rendering that the caller allowed.
        checks: of the doctor, those that changed; `checks_same`: how many did not.
        notes: what could not be compared, and why.
    """

    a: Side
    b: Side
    confidence: float
    queries: tuple[ComparedQuery, ...]
    exploits: tuple[ComparedExploits, ...]
    checks: tuple[ChangedCheck, ...]
    checks_same: int
    allowed: tuple[str, ...]
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Json]:
        """Plain JSON with `schema_version`."""
        return {"schema_version": SCHEMA_VERSION, **as_json(self)}


def as_json(value: Any) -> Json:
    """Dataclasses as JSON: an estimate has value, low, high, n and prompts; no NaN, no infinity."""
    if isinstance(value, Estimate):
        numbers = {"value": value.value, "low": value.low, "high": value.high}
        finite = {k: v if math.isfinite(v) else None for k, v in numbers.items()}
        return {**finite, "n": value.rows, "prompts": value.groups}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: as_json(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, list | tuple):
        return [as_json(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, StrEnum) else value
