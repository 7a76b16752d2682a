"""Do the scores say more than yes and no?"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from pyrite.doctor import Check, Verdict, failed, not_applicable, passed, warned
from pyrite.doctor._interval import share
from pyrite.models import TextScorer

if TYPE_CHECKING:
    from pyrite.doctor._patient import Patient

__all__ = ["Saturated"]

LEAST_TEXTS = 8
EQUAL_ABOVE = 0.5


class Saturated(Check):
    """Scores are not all 0 or 1, and no single one is shared by more than half of the texts.

    A trained model with weights then fails. A function or recorded scores may well be verdicts of
    right and wrong, so that they are only warned of.
    """

    why: ClassVar[str] = "where scores pile up on one value, no effect of anything can be seen"

    def run(self, patient: Patient) -> Verdict:
        """Count equal scores of different texts, output by output."""
        count = len(patient.distinct)
        if count < LEAST_TEXTS:
            return not_applicable(f"fewer than {LEAST_TEXTS} different texts with a score")
        live = np.flatnonzero(patient.spreading)
        if not len(live):
            return not_applicable("the score is constant")
        columns = [patient.scores[patient.distinct, index] for index in live]
        columns = [column[~np.isnan(column)] for column in columns]
        tops = [Counter(column.tolist()).most_common(1)[0] for column in columns]
        worst = max(range(len(columns)), key=lambda i: tops[i][1] / len(columns[i]))
        value, times = tops[worst]
        total = len(columns[worst])
        binary = bool(np.isin(columns[worst], (0.0, 1.0)).all())
        saw = f"{share(times, total, 'different texts')} score {value:.6g}"
        saw += "; all scores are 0 or 1" if binary else ""
        if not binary and times <= EQUAL_ABOVE * total:
            return passed(saw, equal=times, value=value, n=total)
        weights = patient.tokens is not None or isinstance(patient.scorer, TextScorer)
        verdict = failed if weights else warned
        return verdict(saw, cure=_CURE, equal=times, value=value, n=total)


_CURE = (
    "take the raw output (logits) before any threshold, clipping, sigmoid or rounding; if the "
    "scores are meant to be verdicts, set doctor: warn and read effects as shares"
)
