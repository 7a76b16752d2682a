"""Is higher better?"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from pyrite.doctor import Check, Verdict, failed, not_applicable, passed, warned
from pyrite.doctor._interval import interval

if TYPE_CHECKING:
    from pyrite.doctor._patient import Patient
    from pyrite.types import Json

__all__ = ["Sign"]

LEAST_PAIRS = 6


class Sign(Check):
    """The better answer of labelled pairs does not score lower than chance would have it.

    Exact binomial intervals of the accuracy, ties left out: fails where the 99 % interval lies
    below one half, warns where the 95 % interval does. It needs 6 pairs; with 16 it fails at 2 or
    fewer right ones. Pairs that were made to fool reward models can fail a healthy one.
    """

    why: ClassVar[str] = "with the sign flipped, every finding is the opposite of the truth"

    def run(self, patient: Patient) -> Verdict:
        """Compare the scores of the pairs."""
        if not patient.pairs:
            return not_applicable("the data has no labelled pairs")
        if patient.scores.shape[1] > 1:
            return not_applicable("the model has several outputs, and none of them is the score")
        values = patient.scores[:, 0]
        margins = np.array([values[a] - values[b] for a, b in patient.pairs])
        margins = margins[~np.isnan(margins) & (margins != 0)]
        right, total = int((margins > 0).sum()), len(margins)
        if total < LEAST_PAIRS:
            return not_applicable(f"fewer than {LEAST_PAIRS} pairs with two different scores")
        low, high = interval(right, total)
        saw = (
            f"the better answer scores higher in {right / total:.0%} of pairs "
            f"(95 % interval {low:.0%} to {high:.0%}, n = {total})"
        )
        numbers: dict[str, Json] = {"right": right, "n": total, "low": low, "high": high}
        if interval(right, total, 0.99)[1] < 0.5:
            return failed(f"sign flipped? {saw}", cure=_CURE, **numbers)
        if high < 0.5:
            return warned(f"sign flipped? {saw}", cure=_CURE, **numbers)
        return passed(saw, **numbers)


_CURE = (
    "check which column is `chosen`, and whether a lower score is the better one (recorded scores: "
    "better: lower); with pairs made to fool reward models, set doctor: warn"
)
