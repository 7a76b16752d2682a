"""The weight of an answer among all answers to its prompt, as bittensor rewarded its network.

It belongs to the whole table and not to a text: it is worked out from the stored scores, which it
leaves as they are.
"""

from __future__ import annotations

import numpy as np

__all__ = ["SHORTEST", "prompt_softmax"]

SHORTEST = 11
"""Characters of the shortest answer that counted; a shorter one was a failure and got nothing."""


def prompt_softmax(scores: np.ndarray, groups: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Softmax of the scores over the answers to each prompt.

    Args:
        scores: [rows], NaN where a row has none.
        groups: the prompt of each row, codes from 0: [rows].
        lengths: characters of each answer: [rows].

    Returns:
        Weights [rows] that sum to 1 over a prompt: 0 for an answer of up to 10 characters, NaN
        where there is no score.
    """
    counted = np.isfinite(scores) & (lengths >= SHORTEST)
    best = np.full(int(groups.max(initial=-1)) + 1, -np.inf)
    np.maximum.at(best, groups[counted], scores[counted])
    weights = np.zeros(len(scores))
    weights[counted] = np.exp(scores[counted] - best[groups[counted]])
    totals = np.zeros(len(best))
    np.add.at(totals, groups, weights)
    weights[counted] /= totals[groups[counted]]
    weights[np.isnan(scores)] = np.nan
    return weights
