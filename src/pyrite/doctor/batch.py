"""Does a score depend on what it is scored together with?"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from pyrite.doctor import Check, Verdict, not_applicable
from pyrite.doctor._equal import judged

if TYPE_CHECKING:
    from pyrite.doctor._patient import Patient, Scores

__all__ = ["Batch"]


class Batch(Check):
    """A text scores the same alone, in a batch, in another order, and once more.

    Largest difference in SD of the scores: passes up to 1e-5 (16-bit floats: 0.02), fails above
    1e-3 (16-bit: 0.25), and warns in between.
    """

    why: ClassVar[str] = "a score that depends on its batch changes with every setting of the run"

    def run(self, patient: Patient) -> Verdict:
        """Score the probes in four ways."""
        if patient.looked_up:
            return not_applicable("scores are looked up, each in its own row")
        if patient.blind:
            return not_applicable(patient.blind)
        moved = _tokens(patient) if patient.tokens is not None else _items(patient)
        return judged(patient, moved, cure=_CURE)


_CURE = (
    "score one text at a time to see which number is right; look for a normalisation over the "
    "batch, for padding that is not masked, or for chance (sampling, dropout) in the model"
)


def _tokens(patient: Patient) -> dict[str, Scores]:
    batch = [patient.encoded[index] for index in patient.probes]
    alone = patient.alone(batch)
    return {
        "in one batch": patient.moved(alone, patient.run(batch)),
        "in reverse order": patient.moved(alone, patient.run(batch[::-1])[::-1]),
        "once more alone": patient.moved(alone[:1], patient.run(batch[:1])),
    }


def _items(patient: Patient) -> dict[str, Scores]:
    batch = [patient.texts[index] for index in patient.probes]
    whole = patient.rescore(batch)
    alone = [patient.rescore([text]) for text in batch]
    return {
        "alone": patient.moved(whole, np.concatenate(alone)),
        "in reverse order": patient.moved(whole, patient.rescore(batch[::-1])[::-1]),
        "once more": patient.moved(whole, patient.rescore(batch)),
    }
