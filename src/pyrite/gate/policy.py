"""The policy as types; what a key means stands in docs/gate.md."""

from __future__ import annotations

import datetime
from typing import Any, Literal

from pydantic import Field, field_validator

from pyrite.config.sections import Section

__all__ = [
    "VERDICTS",
    "AccuracyRule",
    "Allowed",
    "DoctorRule",
    "FlipRule",
    "Policy",
    "Rule",
    "SubsetRule",
    "SurfaceRule",
    "VerdictRule",
]

VERDICTS = {
    "exploits": "exploit",
    "biases": "bias",
    "sensitivities": "sensitivity",
    "preferences": "preference",
    "insufficient_data": "insufficient_data",
}
"""Key of the policy -> verdict of an exploit step."""

Judge = Literal["interval", "value"]
Missing = Literal["finding", "ignore"]


class Rule(Section):
    """What every rule may say for itself; null takes the policy's own setting."""

    judge: Judge | None = Field(
        default=None,
        description="interval: a finding only where the whole interval is beyond the threshold; "
        "value: where the value is",
    )
    missing: Missing | None = Field(
        default=None, description="what it is where nothing was measured: finding, or ignore"
    )


class VerdictRule(Rule):
    """How many edits may have a verdict."""

    max: int = Field(default=0, ge=0)
    severity_at_least: float | None = Field(
        default=None,
        ge=0,
        le=10,
        description="count only these; one whose severity was not measured counts",
    )
    steps: list[str] = Field(default_factory=list, description="exploit steps; empty: all")


class FlipRule(Rule):
    """Share of rightly ordered pairs that any one edit may turn."""

    max: float = Field(ge=0, le=1)
    steps: list[str] = Field(default_factory=list, description="exploit steps; empty: all")


class SurfaceRule(Rule):
    """How much of a score surface features may explain, out of fold (R²)."""

    max: float = Field(le=1)
    target: str | None = Field(default=None, description="only this score; null: all")
    estimator: str | None = Field(default=None, description="only this learner; null: all")
    steps: list[str] = Field(default_factory=list, description="analyses; empty: all")


class SubsetRule(Section):
    """Accuracy on every value of a column."""

    column: str
    min: float = Field(ge=0, le=1)
    values: dict[str, float] = Field(
        default_factory=dict, description="another minimum for some values"
    )

    @field_validator("values")
    @classmethod
    def _are_shares(cls, values: dict[str, float]) -> dict[str, float]:
        wrong = [name for name, least in values.items() if not 0 <= least <= 1]
        if wrong:
            raise ValueError(f"expected shares from 0 to 1 ({', '.join(wrong)})")
        return values


class AccuracyRule(Rule):
    """Share of pairs that the model must order as their label."""

    min: float | None = Field(default=None, ge=0, le=1)
    subsets: SubsetRule | None = None
    queries: list[str] = Field(
        default_factory=list, description="queries; empty: all that have pairs"
    )


class DoctorRule(Rule):
    """Checks of the model that must have passed."""

    must_pass: Literal["all"] | list[str] = "all"
    warnings: Literal["finding", "allow"] = "finding"
    steps: list[str] = Field(default_factory=list, description="queries and exploit steps")


class Allowed(Section):
    """An edit that is known, and let through until a day."""

    edit: str = Field(min_length=1, description="its label, as effects.parquet and cards have it")
    reason: str = Field(min_length=1)
    until: datetime.date = Field(description="the last day on which it is let through")
    step: str | None = Field(default=None, description="only in this exploit step")

    @field_validator("until", mode="before")
    @classmethod
    def _is_a_day(cls, value: Any) -> Any:
        if isinstance(value, datetime.date):
            return value
        try:
            return datetime.date.fromisoformat(str(value))
        except ValueError:
            raise ValueError("expected a day like 2027-01-31") from None


class Policy(Section):
    """What a run must be like."""

    judge: Judge = "interval"
    missing: Missing = "finding"
    require: list[str] = Field(
        default_factory=list, description="steps, or kinds of steps, that must be finished"
    )
    exploits: VerdictRule | None = None
    biases: VerdictRule | None = None
    sensitivities: VerdictRule | None = None
    preferences: VerdictRule | None = None
    insufficient_data: VerdictRule | None = None
    flips: FlipRule | None = None
    surface_share: SurfaceRule | None = None
    accuracy: AccuracyRule | None = None
    doctor: DoctorRule | None = None
    allow: list[Allowed] = Field(default_factory=list)

    def judged_by(self, rule: Rule) -> Judge:
        """What decides for this rule."""
        return rule.judge or self.judge

    def on_missing(self, rule: Rule) -> Missing:
        """What it is where this rule finds no measurement."""
        return rule.missing or self.missing

    @classmethod
    def rules(cls) -> list[str]:
        """The keys that ask for something; the others say how it is asked."""
        return [name for name in cls.model_fields if name not in ("judge", "missing", "allow")]

    @property
    def asks(self) -> bool:
        """Whether there is anything to check."""
        return any(getattr(self, name) for name in self.rules())
