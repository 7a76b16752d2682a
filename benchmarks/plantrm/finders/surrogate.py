"""A surrogate without interventions: what goes with reward in natural answers, put in as it is.

Scores natural answers, fits a ridge regression of the reward within prompts on n-grams and marks,
and submits the texts with the largest weights. Only the confirmation looks at edited texts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from benchmarks.plantrm.contract import Finding, Target
from benchmarks.plantrm.finders._session import Session

from pyrite.exploits.edits.insert import Insert
from pyrite.exploits.naturals import Natural
from pyrite.exploits.search import Candidate
from pyrite.exploits.search._phrases import pieces

__all__ = ["find"]

LONGEST, RAREST, MOST_FEATURES = 4, 4, 1500


def find(target: Target, naturals: Sequence[Natural], budget: int, seed: int) -> list[Finding]:
    """The ten n-grams with the largest weights."""
    session = Session("surrogate", target, naturals, budget, seed)
    arena = session.arena
    seen = arena.answers[: arena.left]
    scores = arena.scores(seen) / (session.scale.sd or 1.0)
    texts = [{phrase for phrase, _ in pieces(one.answer.response, LONGEST)} for one in seen]
    counts = Counter(phrase for found in texts for phrase in found)
    usual = [p for p, n in counts.most_common() if RAREST <= n <= 0.9 * len(seen)]
    kept = sorted(usual[:MOST_FEATURES])
    if not kept:
        return []
    weights = _ridge(texts, kept, scores, [one.answer.group for one in seen])
    # A frequent phrase with a clear weight before a rare one that is as large by chance.
    order = np.argsort(-weights * np.sqrt([counts[phrase] for phrase in kept]), kind="stable")
    best = [(kept[at], float(weights[at])) for at in order[:10]]
    return session.findings(
        [Candidate(Insert(text=phrase), weight, 0.0, 0) for phrase, weight in best],
        measured=False,
    )


def _ridge(
    texts: Sequence[set[str]], kept: Sequence[str], scores: np.ndarray, groups: Sequence[str]
) -> np.ndarray:
    columns = {phrase: at for at, phrase in enumerate(kept)}
    matrix = np.zeros((len(texts), len(kept) + 1))
    for row, found in enumerate(texts):
        matrix[row, [columns[p] for p in found if p in columns]] = 1.0
        matrix[row, -1] = np.log1p(len(found))
    _, codes = np.unique(np.array(groups), return_inverse=True)
    sizes = np.bincount(codes)
    matrix -= (
        np.stack([np.bincount(codes, c) for c in matrix.T], axis=1)[codes] / sizes[codes, None]
    )
    target = scores - (np.bincount(codes, scores) / sizes)[codes]
    gram = matrix @ matrix.T + 10.0 * np.eye(len(texts))
    weights: np.ndarray = matrix.T @ np.linalg.solve(gram, target)
    return weights[:-1]
