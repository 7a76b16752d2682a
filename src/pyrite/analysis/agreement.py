"""Do several models rank the same rows the same way?"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from pyrite.analysis.association import rank_correlations
from pyrite.analysis.resample import Clusters, Estimate

__all__ = ["Agreement", "agreements"]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Spearman's rho between two models' scores (or a model's and gold) of the same rows.

    `second` of gold is `gold: ` and the column's name.
    """

    first: str
    second: str
    target: str
    spearman: Estimate


def agreements(
    clusters: Clusters, scores: dict[str, np.ndarray], *, target: str, confidence: float
) -> tuple[list[Agreement], list[str]]:
    """Rank correlations of all pairs of columns, and a sentence for each that has none."""
    names = list(combinations(scores, 2))
    pairs = []
    for first, second in names:
        rows = np.flatnonzero(np.isfinite(scores[first]) & np.isfinite(scores[second]))
        pairs.append((rows, scores[first][rows], scores[second][rows]))
    found: list[Agreement] = []
    notes: list[str] = []
    results = rank_correlations(clusters, pairs, confidence=confidence)
    for (first, second), result in zip(names, results, strict=True):
        if isinstance(result, str):
            notes.append(
                f"The agreement of {first} and {second} on {target} was not measured, because "
                f"{result}."
            )
        else:
            found.append(Agreement(first, second, target, result))
    return found, notes
