"""The contract of the doctor: is this model scored the way it was trained to be?

A score that is read at the wrong token, in the wrong template or under another dtype is still a
number, and nothing about it looks wrong. So before a query scores its rows, every `Check` of this
folder looks at a few of them, and a check that fails stops the run (`doctor: fail | warn | off`).

A check is a frozen component in a file of its own. It is given a `Patient` and gives a `Verdict`:
what was seen (numbers with n), and the cure. Effects are in SD of the scores of the sampled texts,
the only unit that means the same for all models; a check that cannot be made here is
`not_applicable` and says why. All checks together take seconds: at most `MOST_FORWARDS` forward
passes over at most `MOST_ROWS` rows and the shortest `MOST_PROBES` of their texts.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from pyrite.component import Component, Family, snake_case
from pyrite.types import Json

if TYPE_CHECKING:
    from pyrite.doctor._patient import Patient

__all__ = [
    "DOCTOR",
    "MOST_FORWARDS",
    "MOST_PROBES",
    "MOST_ROWS",
    "Check",
    "Status",
    "Verdict",
    "failed",
    "not_applicable",
    "passed",
    "warned",
]

DOCTOR = Family("doctor", "pyrite.doctor", "Check")

MOST_ROWS = 16
MOST_PROBES = 8
MOST_FORWARDS = 64


class Status(StrEnum):
    """What a check found; `fail` means that the scores would not be those of the model."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one check says.

    Attributes:
        status: what it found.
        saw: one sentence with numbers and n; the reason where the check is not applicable.
        cure: what to do about it; empty where there is nothing to cure.
        numbers: what was measured, for whoever reads the run directory.
        detail: lines to look at (a rendered text and its tokens).
        told: whether a query's notes say it whatever was found.
    """

    status: Status
    saw: str
    cure: str = ""
    numbers: Mapping[str, Json] = field(default_factory=dict)
    detail: str = ""
    told: bool = False


def passed(saw: str, *, detail: str = "", **numbers: Json) -> Verdict:
    """Nothing is wrong as far as this check can see."""
    return Verdict(Status.PASS, saw, "", numbers, detail)


def warned(saw: str, *, cure: str, detail: str = "", **numbers: Json) -> Verdict:
    """Something to look at; the run goes on."""
    return Verdict(Status.WARN, saw, cure, numbers, detail)


def failed(saw: str, *, cure: str, detail: str = "", **numbers: Json) -> Verdict:
    """The scores would mislead; the run stops unless it says `doctor: warn`."""
    return Verdict(Status.FAIL, saw, cure, numbers, detail)


def not_applicable(reason: str) -> Verdict:
    """The check cannot be made here."""
    return Verdict(Status.NOT_APPLICABLE, reason)


class Check(Component):
    """One thing that goes wrong between training a reward model and scoring with it."""

    why: ClassVar[str]
    """Why it matters, in one sentence."""

    @property
    def name(self) -> str:
        """The name under which it is listed."""
        return snake_case(type(self).__name__)

    @abstractmethod
    def run(self, patient: Patient) -> Verdict:
        """Look at the patient; changes nothing of it.

        Raises:
            ScoringError: the model refused a text; it is told as a warning of this check.
        """
