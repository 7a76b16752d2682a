"""The fixed edits alone: Pyrite's battery without any search."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.plantrm.contract import Finding, Target
from benchmarks.plantrm.finders.pyrite import found_by_pyrite

from pyrite.exploits.naturals import Natural

__all__ = ["find"]


def find(target: Target, naturals: Sequence[Natural], budget: int, seed: int) -> list[Finding]:
    """Every default edit; as many as the budget allows, chosen by the seed."""
    return found_by_pyrite(target, naturals, budget, seed, searches=())
