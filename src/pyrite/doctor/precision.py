"""What do short floats do to the scores?"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pyrite.doctor import Check, Verdict, not_applicable
from pyrite.doctor._equal import judged
from pyrite.scoring.probe import Probe

if TYPE_CHECKING:
    from pyrite.doctor._patient import Patient

__all__ = ["Precision"]

LIMITS = (0.05, 0.5)
MOST_PARAMETERS = 200_000_000
"""Models with more are not opened a second time."""


class Precision(Check):
    """Scores in 16-bit floats are near those in float32.

    Largest difference in SD of the scores: passes up to 0.05, fails above 0.5. The model is opened
    a second time for it, up to 200 million parameters.
    """

    why: ClassVar[str] = "rounding to 16 bits can reorder answers, and some models overflow in it"

    def run(self, patient: Patient) -> Verdict:
        """Open the model in float32 and compare."""
        facts = patient.scorer.facts
        used = str(facts.get("precision", facts.get("dtype")))
        if patient.tokens is None:
            return not_applicable("this kind of model does not show its weights")
        if used not in ("float16", "bfloat16"):
            return not_applicable(f"it is scored in {used}")
        if patient.blind:
            return not_applicable(patient.blind)
        if patient.reopen is None:
            return not_applicable("this kind of model cannot be opened in another precision")
        size = facts.get("num_parameters")
        if not isinstance(size, int) or size > MOST_PARAMETERS:
            return not_applicable(f"{size} parameters: too many to open a second time in float32")
        exact = patient.reopen({"dtype": "float32"})
        try:
            engine = Probe(exact, limits=patient.limits)
            texts = [patient.texts[index] for index in patient.probes]
            scores = patient.values([scored.output for scored in engine.score(texts)])
        finally:
            exact.close()
        patient.engine.forwards += engine.forwards
        patient.engine.texts += engine.texts
        moved = patient.moved(patient.scores[patient.probes], scores)
        return judged(patient, {f"{used} and float32": moved}, cure=_CURE, limits=LIMITS)


_CURE = "write model.dtype: float32 (or bfloat16 where float16 overflows)"
