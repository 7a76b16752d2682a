"""Does the score differ between texts?"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pyrite.doctor import Check, Verdict, failed, not_applicable, passed, warned
from pyrite.doctor._patient import number

if TYPE_CHECKING:
    from pyrite.doctor._patient import Patient

__all__ = ["Constant"]

LEAST_TEXTS = 4


class Constant(Check):
    """The score is not the same for all texts; of several outputs, none is.

    Fails where every output has an SD below 1e-6 of its size over at least 4 different texts.
    """

    why: ClassVar[str] = "a softmax over one label, or a dead head, gives every text the same score"

    def run(self, patient: Patient) -> Verdict:
        """Compare the scores of the sample."""
        count = len(patient.distinct)
        if count < LEAST_TEXTS:
            return not_applicable(f"fewer than {LEAST_TEXTS} different texts with a score")
        live, total = int(patient.spreading.sum()), len(patient.spreading)
        if not live:
            value = float(patient.scores[patient.distinct[0]][0])
            return failed(
                f"all of {count} different texts score {value:.6g}",
                cure="take the raw output (logits), without softmax or sigmoid, and check the head",
                value=value,
                n=count,
            )
        smallest = float(patient.spread[patient.spreading].min())
        saw = f"SD {number(smallest)} (n = {count} different texts)"
        if live == total:
            return passed(saw, sd=smallest, n=count)
        return warned(
            f"{total - live} of {total} outputs are the same for all texts; of the others the "
            f"smallest {saw}",
            cure="leave the constant outputs out of the analysis",
            constant=total - live,
            n=count,
        )
