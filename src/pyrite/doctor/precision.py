"""What do short floats do to the scores?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from pyrite.doctor import MOST_ROWS, Check, Verdict, not_applicable
from pyrite.doctor._equal import judged
from pyrite.doctor._patient import number
from pyrite.scoring.probe import Probe
from pyrite.types import Json

if TYPE_CHECKING:
    from pyrite.doctor._patient import Patient, Scores

__all__ = ["Precision", "asked_for", "described"]

LIMITS = (0.05, 0.5)
SHORT = ("float16", "bfloat16")
WEIGHTS = (*SHORT, "int8")
MOST_PARAMETERS = 200_000_000
"""Models with more are not opened a second time."""


class Precision(Check):
    """Scores of weights or products in 16-bit floats or int8 are near those in float32.

    The verdict also says how far scores move in the middle, and how many pairs of texts change
    their order. Largest difference in SD of the scores: passes up to 0.05, fails above 0.5. The
    model is opened a second time for it, up to 200 million parameters, and scores up to 16 texts.
    """

    why: ClassVar[str] = (
        "rounding to 16 bits or fewer can reorder answers, and some models overflow in it"
    )

    def run(self, patient: Patient) -> Verdict:
        """Open the model in float32 and compare."""
        facts = patient.scorer.facts
        used = described(facts)
        if patient.tokens is None:
            return not_applicable("this kind of model does not show its weights")
        if not used:
            return not_applicable(f"it is scored in {facts.get('dtype')}")
        chosen = asked_for(facts)
        reason = _unmeasurable(patient)
        if reason:
            said = f"{used}: difference from float32 not measured, because {reason}"
            return replace(not_applicable(said), told=chosen)
        assert patient.reopen is not None
        exact = patient.reopen({"dtype": "float32", "compute": "float32"})
        places = patient.distinct[:MOST_ROWS]
        try:
            engine = Probe(exact, limits=patient.limits)
            texts = [patient.texts[index] for index in places]
            scores = patient.values([scored.output for scored in engine.score(texts)])
        finally:
            exact.close()
        patient.engine.forwards += engine.forwards
        patient.engine.texts += engine.texts
        before = patient.scores[places]
        moved = patient.moved(before, scores)
        verdict = judged(patient, {f"{used} and float32": moved}, cure=_CURE, limits=LIMITS)
        verdict = _told(verdict, used, moved, *_flips(before, scores))
        return replace(verdict, told=chosen)


def _unmeasurable(patient: Patient) -> str:
    """Why the model is not opened in float32, or ""."""
    if patient.blind:
        return patient.blind
    if patient.reopen is None:
        return "this kind of model cannot be opened in another precision"
    size = patient.scorer.facts.get("num_parameters")
    if not isinstance(size, int) or size > MOST_PARAMETERS:
        return f"{size} parameters are too many to open a second time in float32"
    return ""


_CURE = (
    "write model.dtype: float32 and model.compute: float32 (bfloat16 where only float16 overflows)"
)


def asked_for(facts: Mapping[str, Json]) -> bool:
    """Whether a scorer is coarse because somebody wanted it so, and is then told by how much."""
    return str(facts.get("dtype")) in SHORT or str(facts.get("precision")) == "int8"


def described(facts: Mapping[str, Json]) -> str:
    """Which short floats or integers a scorer uses, in words; "" where it uses none."""
    computed = str(facts.get("dtype"))
    weights = str(facts.get("precision", computed))
    if computed in SHORT:
        rounded = (
            f", weights rounded to {weights}" if weights in WEIGHTS and weights != computed else ""
        )
        return f"computed in {computed}{rounded}"
    return f"weights rounded to {weights}" if weights in WEIGHTS else ""


def _flips(before: Scores, after: Scores) -> tuple[int, int]:
    """Pairs of texts that change their order, and pairs that have one; over all outputs."""
    import numpy as np

    first, second = np.triu_indices(len(before), k=1)
    ways = (np.sign(before[first] - before[second]), np.sign(after[first] - after[second]))
    ordered = np.isfinite(ways[0]) & np.isfinite(ways[1]) & (ways[0] != 0)
    return int((ordered & (ways[0] != ways[1])).sum()), int(ordered.sum())


def _told(verdict: Verdict, used: str, moved: Scores, flipped: int, pairs: int) -> Verdict:
    """The verdict with what users want to know of it: the middle, and orders that change."""
    import numpy as np

    middle = float(np.median(moved))
    saw = (
        f"{used}: scores differ from float32 by up to {number(float(np.max(moved)))} SD (median "
        f"{number(middle)}) on {len(moved)} texts; {flipped} of {pairs} pairs change order"
    )
    numbers = {**verdict.numbers, "median": middle, "flipped": flipped, "pairs": pairs}
    return replace(verdict, saw=saw, numbers=numbers)
