"""All checks over one patient, and what they say together."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from pyrite.doctor import DOCTOR, Check, Status, Verdict, warned
from pyrite.errors import ScoringError
from pyrite.types import Json

if TYPE_CHECKING:
    from pyrite.doctor._patient import Patient

__all__ = ["Examination", "Finding", "examine"]


COMPAT = (
    "model.reading is compat, which repeats bittensor's misreading on purpose: native is how such "
    "checkpoints were trained"
)

EXPLAINED = frozenset({"begin_end", "saturated"})
"""Checks that only see what that reading is: its position, and the dead zone of its difference."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check said, and why it is made."""

    check: str
    why: str
    verdict: Verdict

    @property
    def status(self) -> Status:
        """What it found."""
        return self.verdict.status

    def line(self) -> str:
        """One sentence for notes: `doctor: batch fails: ...`."""
        words = {Status.FAIL: "fails", Status.WARN: "warns", Status.PASS: "passes"}
        word = words.get(self.status, "not applicable")
        cure = f" ({self.verdict.cure})" if self.verdict.cure else ""
        return f"doctor: {self.check} {word}: {self.verdict.saw}{cure}"


@dataclass(frozen=True, slots=True)
class Examination:
    """What all checks said of one query's model.

    Attributes:
        findings: one for each check, by name.
        rows: rows that were sampled.
        texts: texts that were run in all; `forwards`: in so many forward passes or calls.
    """

    findings: tuple[Finding, ...]
    rows: int
    texts: int
    forwards: int
    seconds: float

    @property
    def failed(self) -> tuple[Finding, ...]:
        """The checks that failed."""
        return tuple(f for f in self.findings if f.status is Status.FAIL)

    @property
    def summary(self) -> str:
        """`doctor: 11 checks passed, 1 warning, 2 not applicable (16 rows, ...)`."""
        count = {s: sum(f.status is s for f in self.findings) for s in Status}
        parts = [f"{_plural(count[Status.PASS], 'check')} passed"]
        if count[Status.FAIL]:
            parts.append(f"{count[Status.FAIL]} failed")
        parts.append(_plural(count[Status.WARN], "warning"))
        parts.append(f"{count[Status.NOT_APPLICABLE]} not applicable")
        cost = f"{_plural(self.texts, 'text')} in {_plural(self.forwards, 'forward pass', 'es')}"
        return f"doctor: {', '.join(parts)} ({_plural(self.rows, 'row')}, {cost})"

    def notes(self) -> list[str]:
        """The summary, a line for each failure and each warning, and what is told in any case."""
        told = [
            f for status in (Status.FAIL, Status.WARN) for f in self.findings if f.status is status
        ]
        told += [f for f in self.findings if f.verdict.told and f not in told]
        return [self.summary, *(finding.line() for finding in told)]

    def as_json(self) -> list[Json]:
        """The findings as plain JSON."""
        return [
            {
                "check": f.check,
                "status": str(f.status),
                "saw": f.verdict.saw,
                "cure": f.verdict.cure,
                "why": f.why,
                "numbers": _plain(f.verdict.numbers),
            }
            for f in self.findings
        ]


def examine(patient: Patient, *, rows: int, checks: Sequence[Check] | None = None) -> Examination:
    """Run all checks.

    Args:
        patient: the opened model and the sample.
        rows: how many rows the sample was made of.
        checks: which ones; None: every one of the family, installed ones included.

    Raises:
        PyriteError: the sampled texts themselves cannot be scored.
    """
    chosen = checks if checks is not None else [_check(name) for name in DOCTOR.names()]
    started = time.monotonic()
    with _threads_restored():
        _ = patient.scores  # what fails here fails in the query too, and is no finding
        findings = tuple(Finding(c.name, c.why, _verdict(c, patient)) for c in chosen)
    seconds = round(time.monotonic() - started, 3)
    engine = patient.engine
    return Examination(findings, rows, engine.texts, engine.forwards, seconds)


def _check(name: str) -> Check:
    return cast(Check, DOCTOR.get(name)())


def _verdict(check: Check, patient: Patient) -> Verdict:
    try:
        return _as_read(check, check.run(patient), patient)
    except ScoringError as error:
        # The rows themselves can be scored; what the check made of them the model refused.
        return warned(
            f"could not be examined, the model refused a text that the check made: {error}",
            cure="see whether the refusal is meant",
        )


def _as_read(check: Check, verdict: Verdict, patient: Patient) -> Verdict:
    """A misreading that was asked for explains what checks find: they say so and do not fail."""
    bad = verdict.status in (Status.FAIL, Status.WARN)
    if not bad or patient.scorer.facts.get("reading") != "compat":
        return verdict
    status = Status.WARN if check.name in EXPLAINED else verdict.status
    return replace(verdict, status=status, cure=f"{verdict.cure}; {COMPAT}")


@contextmanager
def _threads_restored() -> Iterator[None]:
    """An engine tries numbers of threads; the query's own engine is to start from all of them."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    threads = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _plain(value: Json) -> Json:
    """The same with numbers that JSON does not have spelled out."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _plural(count: int, noun: str, ending: str = "s") -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}{ending}"
