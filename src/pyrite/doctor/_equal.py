"""The verdict on scores that should be equal, whichever way they were computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pyrite.doctor import Verdict, failed, passed, warned
from pyrite.doctor._patient import number

if TYPE_CHECKING:
    from pyrite.doctor._patient import Patient, Scores
    from pyrite.types import Json

__all__ = ["LIMITS", "SHORT_LIMITS", "judged"]

LIMITS = (1e-5, 1e-3)
SHORT_LIMITS = (0.02, 0.25)
"""Largest difference in SD that passes, and the one that fails; the second for 16-bit floats."""

ROUNDING = 1e-6
"""Of the size of a score: differences below are float32 rounding, whatever the SD is."""


def judged(
    patient: Patient,
    moved: Mapping[str, Scores],
    *,
    cure: str,
    limits: tuple[float, float] | None = None,
) -> Verdict:
    """Judge how far scores moved.

    Args:
        patient: whose scores.
        moved: for each way, the distances in SD, [texts].
        cure: what to do where they differ.
        limits: passes up to the first, fails above the second; None: by the floats it computes in.
    """
    import numpy as np

    passes, fails = limits or (SHORT_LIMITS if patient.short_floats else LIMITS)
    size = np.nanmax(np.abs(patient.scores[:, patient.spreading]))
    rounding = ROUNDING * float(size / patient.spread[patient.spreading].min())
    largest = {way: float(np.max(found, initial=0.0)) for way, found in moved.items()}
    worst = max(largest, key=lambda way: largest[way])
    texts = max(len(found) for found in moved.values())
    saw = f"largest difference {number(largest[worst])} SD ({worst}; n = {texts} texts)"
    numbers: dict[str, Json] = {"largest": largest[worst], "way": worst, "n": texts}
    if largest[worst] <= max(passes, rounding):
        return passed(saw, **numbers)
    if largest[worst] <= fails:
        return warned(f"{saw}, more than {number(passes)}", cure=cure, **numbers)
    return failed(f"{saw}, more than {number(fails)}", cure=cure, **numbers)
