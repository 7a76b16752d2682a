"""Checks of the doctor that say something else in B than in A."""

from __future__ import annotations

from collections.abc import Mapping

from pyrite.compare.result import ChangedCheck
from pyrite.finished import FinishedStep
from pyrite.types import Json

__all__ = ["changed_checks"]


def changed_checks(
    step_a: FinishedStep, step_b: FinishedStep
) -> tuple[list[ChangedCheck], int, list[str]]:
    """The checks that changed, how many did not, and why they were not compared."""
    found_a, found_b = _statuses(step_a), _statuses(step_b)
    if not found_a or not found_b:
        missing = " and ".join(x for x, found in (("A", found_a), ("B", found_b)) if not found)
        return (
            [],
            0,
            [f"{step_b.id}: checks were not compared, because there are none of {missing}"],
        )
    changed, same = [], 0
    for check in sorted({*found_a, *found_b}):
        before, after = found_a.get(check), found_b.get(check)
        old, new = _status(before), _status(after)
        if old == new:
            same += 1
            continue
        saw = str((after or before or {}).get("saw", ""))
        changed.append(ChangedCheck(step_b.id, check, old, new, saw))
    return changed, same, []


def _status(finding: Mapping[str, Json] | None) -> str | None:
    return None if finding is None else str(finding["status"])


def _statuses(step: FinishedStep) -> dict[str, Mapping[str, Json]]:
    findings = step.meta.get("doctor")
    if not isinstance(findings, list):
        return {}
    return {str(finding["check"]): finding for finding in findings}
