"""Pyrite's own finder: edits and all of its searches."""

from __future__ import annotations

import random
from collections.abc import Sequence

from benchmarks.plantrm.contract import Finding, Findings, Target
from benchmarks.plantrm.finders._session import (
    findings_of,
    gold_of,
    halves,
    measured_of,
    scoring_of,
)

from pyrite.errors import AnalysisError
from pyrite.exploits.finder import Access, Finder
from pyrite.exploits.measured import Rules
from pyrite.exploits.named import DEFAULT, named_edits, named_searches
from pyrite.exploits.naturals import Natural
from pyrite.exploits.search import DEFAULTS

__all__ = ["find", "found_by_pyrite"]


def find(target: Target, naturals: Sequence[Natural], budget: int, seed: int) -> list[Finding]:
    """Every default edit, then every search that the target has what it needs for."""
    return found_by_pyrite(target, naturals, budget, seed, searches=DEFAULTS)


def found_by_pyrite(
    target: Target, naturals: Sequence[Natural], budget: int, seed: int, *, searches: Sequence[str]
) -> list[Finding]:
    """What `pyrite.exploits.finder` confirms."""
    discovery, confirmation = halves(naturals, seed)
    edits = named_edits([(DEFAULT, {})])
    made = named_searches([(name, {}) for name in searches])
    access = Access(
        scoring_of(target.score),
        vocabulary=lambda: target.vocabulary,
        gradients=target.gradients,
        gold=gold_of(target),
        reference=target.reference,
    )
    shuffled = list(edits)
    random.Random(seed).shuffle(shuffled)
    while shuffled:
        allowed = set(shuffled)
        chosen = {label: edit for label, edit in edits.items() if label in allowed}
        finder = Finder(chosen, access, budget=budget, rules=Rules(seed=seed), searches=made)
        try:
            result = finder.run(discovery, confirmation)
        except AnalysisError:
            # The budget does not allow so many edits.
            shuffled = shuffled[: len(shuffled) * 3 // 4]
            continue
        return Findings(
            findings_of(result.proofs, result.scale), measured_of(result.proofs, result.scale)
        )
    return []
