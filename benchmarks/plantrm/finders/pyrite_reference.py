"""Pyrite's own finder on the track with a reference: it is given the clean twin too."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.plantrm.contract import Finding, Target, Unsuitable
from benchmarks.plantrm.finders.pyrite import found_by_pyrite

from pyrite.exploits.naturals import Natural
from pyrite.exploits.search import WITH_REFERENCE

__all__ = ["find"]


def find(target: Target, naturals: Sequence[Natural], budget: int, seed: int) -> list[Finding]:
    """What `pyrite` does, and before it the search for what moved against the twin.

    Raises:
        Unsuitable: no twin is given.
    """
    if target.reference is None:
        raise Unsuitable("no reference is given")
    return found_by_pyrite(target, naturals, budget, seed, searches=WITH_REFERENCE)
