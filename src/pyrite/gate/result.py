"""What a gate says, as data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pyrite.analysis.resample import Estimate
from pyrite.compare.result import as_json
from pyrite.types import Json

__all__ = ["SCHEMA_VERSION", "Checked", "Gated", "Outcome"]

SCHEMA_VERSION = 1


class Outcome(StrEnum):
    """How one thing that a policy asks for came out."""

    PASSED = "passed"
    FINDING = "finding"
    NOT_MEASURED = "not_measured"  # and the policy makes that a finding
    IGNORED = "ignored"  # not measured, and the policy ignores that


@dataclass(frozen=True, slots=True)
class Checked:
    """One thing that a policy asks for.

    Attributes:
        rule: key of the policy, for instance `exploits` or `accuracy.subsets`.
        subject: what it was looked at: a step, and what of it.
        message: what was seen against the threshold, or why it was not measured.
        measured: the number that was judged; None where there is none, or it is a count.
        threshold: of the policy.
        named: what the message gives examples of, all of it.
    """

    rule: str
    subject: str
    outcome: Outcome
    message: str
    measured: Estimate | int | None = None
    threshold: float | None = None
    named: tuple[str, ...] = ()

    @property
    def is_bad(self) -> bool:
        """Whether it keeps the gate shut."""
        return self.outcome in (Outcome.FINDING, Outcome.NOT_MEASURED)


@dataclass(frozen=True)
class Gated:
    """A run against a policy.

    Attributes:
        checked: everything that was asked, in the order of the policy.
        notes: what does not decide: entries of the allowlist that nothing matched, a run that
            did not end.
    """

    run: str
    name: str
    policy: str
    checked: tuple[Checked, ...]
    notes: tuple[str, ...]

    @property
    def bad(self) -> list[Checked]:
        """What keeps the gate shut."""
        return [one for one in self.checked if one.is_bad]

    @property
    def passed(self) -> bool:
        """Whether the gate opens."""
        return not self.bad

    @property
    def summary(self) -> str:
        """`2 findings, 1 not measured, 5 passed`."""
        words = {
            Outcome.FINDING: ("finding", "findings"),
            Outcome.NOT_MEASURED: ("not measured", "not measured"),
            Outcome.PASSED: ("passed", "passed"),
            Outcome.IGNORED: ("not measured and ignored", "not measured and ignored"),
        }
        parts = []
        for outcome, (one, many) in words.items():
            count = sum(checked.outcome is outcome for checked in self.checked)
            if count:
                parts.append(f"{count} {one if count == 1 else many}")
        return ", ".join(parts) or "nothing was checked"

    def as_json(self) -> dict[str, Json]:
        """Plain JSON with `schema_version`."""
        return {"schema_version": SCHEMA_VERSION, "passed": self.passed, **as_json(self)}
