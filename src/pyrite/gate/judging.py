"""What all rules share: the steps that they look at, thresholds, and missing measurements."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Literal

from pyrite.analysis.resample import Estimate
from pyrite.component import nearest
from pyrite.finished import FinishedRun, FinishedStep
from pyrite.gate.policy import Policy, Rule
from pyrite.gate.result import Checked, Outcome

__all__ = ["Verdict", "above", "below", "chosen", "missing"]


class Verdict(StrEnum):
    """A number against its threshold."""

    WITHIN = "within"
    BEYOND = "beyond"


def above(measured: Estimate, most: float, judge: Literal["interval", "value"]) -> Verdict:
    """Beyond where the number is above `most`; by the interval only where all of it is."""
    number = measured.low if judge == "interval" and math.isfinite(measured.low) else measured.value
    return Verdict.BEYOND if number > most else Verdict.WITHIN


def below(measured: Estimate, least: float, judge: Literal["interval", "value"]) -> Verdict:
    """Beyond where the number is below `least`; by the interval only where all of it is."""
    finite = math.isfinite(measured.high)
    number = measured.high if judge == "interval" and finite else measured.value
    return Verdict.BEYOND if number < least else Verdict.WITHIN


def chosen(run: FinishedRun, kind: str, names: Sequence[str]) -> Iterator[FinishedStep | str]:
    """The finished steps that a rule looks at; a text for each that is not there, and why.

    Raises:
        CorruptArtifactError: files of a step are missing or changed.
    """
    planned = run.names(kind)
    if not planned and not names:
        yield f"the run has no {kind} step"
    for name in names or planned:
        if name not in planned:
            yield f"the run has no {kind} step {name!r} ({nearest(name, planned) or 'it has none'})"
        elif not run.is_finished(name):
            yield f"the step {name} did not finish"
        else:
            yield run.step(name)


def missing(policy: Policy, rule: Rule, key: str, subject: str, why: str) -> Checked:
    """A rule that found no measurement."""
    ignored = policy.on_missing(rule) == "ignore"
    outcome = Outcome.IGNORED if ignored else Outcome.NOT_MEASURED
    return Checked(key, subject, outcome, f"not measured: {why}")
