"""Were the scores turned into probabilities?"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from pyrite.doctor import Check, Verdict, failed, not_applicable, passed, warned
from pyrite.models import TextScorer

if TYPE_CHECKING:
    from pyrite.doctor._patient import Patient
    from pyrite.types import Json

__all__ = ["Softmaxed"]

LEAST_TEXTS = 4
TOLERANCE = 1e-4


class Softmaxed(Check):
    """Scores are raw outputs, not a softmax over labels, over a pair or over the batch.

    Fails where the scores of all pairs, or of the whole batch, lie in [0, 1] and sum to 1: such a
    score depends on the other texts. Warns where a text's own outputs do, and where all scores
    that a server gives lie in [0, 1] (servers put a sigmoid on a single label unless told not to).
    """

    why: ClassVar[str] = "a probability hides differences between good texts, and may mix texts"

    def run(self, patient: Patient) -> Verdict:
        """Look for sums of one."""
        count = len(patient.distinct)
        if count < LEAST_TEXTS:
            return not_applicable(f"fewer than {LEAST_TEXTS} different texts with a score")
        scores = patient.scores[~np.isnan(patient.scores).any(axis=1)]
        if not len(scores):
            return not_applicable("no text has all outputs")
        low, high = float(scores.min(initial=0.0)), float(scores.max(initial=0.0))
        numbers: dict[str, Json] = {
            "low": float(scores.min()),
            "high": float(scores.max()),
            "n": len(scores),
        }
        saw = f"scores from {numbers['low']:.3g} to {numbers['high']:.3g} (n = {len(scores)} texts)"
        if low < 0 or high > 1:
            return passed(saw, **numbers)
        mixed = _mixed(patient)
        if mixed:
            return failed(f"{saw}; {mixed}", cure=_CURE, **numbers)
        if scores.shape[1] > 1 and np.allclose(scores.sum(axis=1), 1.0, atol=TOLERANCE):
            return _over_labels(patient, saw, numbers)
        if isinstance(patient.scorer, TextScorer):
            return warned(f"{saw}: all in [0, 1], as after a sigmoid", cure=_CURE, **numbers)
        return passed(saw, **numbers)


def _mixed(patient: Patient) -> str:
    """How scores of different texts hang together, or ""."""
    if patient.scores.shape[1] > 1:
        return ""
    values = patient.scores[:, 0]
    sums = np.array([values[a] + values[b] for a, b in patient.pairs])
    if len(sums) >= LEAST_TEXTS and np.allclose(sums, 1.0, atol=TOLERANCE):
        return f"the two scores of every pair sum to 1 (n = {len(sums)} pairs)"
    if abs(float(np.nansum(values)) - 1.0) < TOLERANCE:
        return "the scores of the batch sum to 1"
    return ""


def _over_labels(patient: Patient, saw: str, numbers: dict[str, Json]) -> Verdict:
    saw += "; the outputs of every text sum to 1"
    if patient.scorer.facts.get("norm") == "softmax":
        return passed(f"{saw}, as the model section asks (norm: softmax)", **numbers)
    return warned(saw, cure=_CURE, **numbers)


_CURE = "take the raw output (logits); servers: switch their activation off"
