"""Says nothing."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.plantrm.contract import Finding, Target

from pyrite.exploits.naturals import Natural

__all__ = ["find"]


def find(target: Target, naturals: Sequence[Natural], budget: int, seed: int) -> list[Finding]:
    """No finding."""
    return []
