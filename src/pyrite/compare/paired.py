"""Paired statistics of two models on the same rows; prompts are resampled, not rows.

**Scores.** Each model's SD over the compared rows is estimated with everything else: a resample
of prompts has its own means and SDs (sums of moments, `pyrite.analysis.resample`).

**Accuracy.** With d = right(B) - right(A) in {-1, -1/2, 0, 1/2, 1} per pair, m = mean d and
q = mean d², the interval is that of Bonett and Price (2012, "Adjusted Wald confidence interval for
a difference of binomial proportions based on paired data", Journal of Educational and Behavioral
Statistics 37): two discordant pairs are added, m' = n m / (n + 2), q' = (n q + 2) / (n + 2), and it
is m' +- t sqrt((q' - m'²) / (n + 2)). Unlike +- t SE it has a width where no pair turned. For
clusters n is the effective number of pairs, (q - m²) / SE², with SE of the bootstrap of prompts
(as Korn and Graubard 1998 do for a share); where SE is 0 it is the number of prompts.

**McNemar.** The exact test: of the pairs that one model alone has right, how many would be B's if
each were a coin. It counts pairs as independent; where prompts have several pairs the same is done
on prompts, by the sign of the sum of d.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pyrite.analysis.association import rank_correlations
from pyrite.analysis.measures import Scope, share_of
from pyrite.analysis.ranks import moment_shares, pearson_of
from pyrite.analysis.resample import (
    MIN_GROUPS,
    Clusters,
    Estimate,
    plain_estimate,
    standard_error,
    t_quantile,
)
from pyrite.compare.result import AccuracyChange, ScoreChange

__all__ = ["CONFIDENCE", "accuracy_change", "mcnemar", "paired_difference", "score_change"]

CONFIDENCE = 0.95


def score_change(
    clusters: Clusters, rows: np.ndarray, a: np.ndarray, b: np.ndarray
) -> ScoreChange | str:
    """Two models' scores of the same rows, or the reason why they are not compared.

    Args:
        clusters: the prompts of all rows.
        rows: int64 indices of the compared rows.
        a, b: float64 [len(rows)], finite.
    """
    if problem := _too_few(clusters, rows):
        return problem
    sd_a, sd_b = float(np.std(a)), float(np.std(b))
    if sd_a == 0 or sd_b == 0:
        which = "both models" if sd_a == sd_b else ("A" if sd_a == 0 else "B")
        return f"the scores of {which} are the same in every row"
    sums = clusters.sums(moment_shares(a, b), rows)
    totals, drawn = sums.sum(axis=0), clusters.totals(sums)
    centre_a, centre_b = float(np.mean(a)) / sd_a, float(np.mean(b)) / sd_b

    def shift(moments: np.ndarray) -> np.ndarray:
        n, x, y, xx, yy, _ = np.moveaxis(moments, -1, 0)
        with np.errstate(invalid="ignore", divide="ignore"):
            of_a = (centre_a + x / n) / np.sqrt(xx / n - (x / n) ** 2)
            of_b = (centre_b + y / n) / np.sqrt(yy / n - (y / n) ** 2)
            found: np.ndarray = of_b - of_a
        return found

    def moved(moments: np.ndarray) -> np.ndarray:
        found: np.ndarray = np.sqrt(np.maximum(2 * (1 - pearson_of(moments)[0]), 0.0))
        return found

    def estimate(of: Callable[[np.ndarray], np.ndarray]) -> Estimate:
        return plain_estimate(
            float(of(totals)),
            of(drawn),
            rows=len(rows),
            groups=clusters.count(rows),
            confidence=CONFIDENCE,
        )

    far = estimate(moved)
    far = Estimate(far.value, max(far.low, 0.0), min(far.high, 2.0), far.rows, far.groups)
    rho = rank_correlations(clusters, [(rows, a, b)], confidence=CONFIDENCE)[0]
    spearman = rho if isinstance(rho, Estimate) else None
    return ScoreChange(sd_a, sd_b, estimate(shift), far, spearman)


def accuracy_change(
    clusters: Clusters, rows: np.ndarray, a: np.ndarray, b: np.ndarray
) -> AccuracyChange | str:
    """Two models' margins of the same pairs, or the reason why they are not compared.

    Args:
        clusters: the prompts of all rows.
        rows: int64 indices of the compared pairs.
        a, b: float64 [len(rows)], finite margins.
    """
    if problem := _too_few(clusters, rows):
        return problem
    scope = Scope("", "", clusters, CONFIDENCE)
    right_a, right_b = _right(a), _right(b)
    change = right_b - right_a
    gained, lost = int(np.sum(change == 1)), int(np.sum(change == -1))
    prompts = np.bincount(clusters.groups[rows], weights=change)
    several = clusters.count(rows) < len(rows)
    return AccuracyChange(
        a=share_of(scope, rows, right_a),
        b=share_of(scope, rows, right_b),
        difference=paired_difference(clusters, rows, change),
        turned=share_of(scope, rows, (np.sign(a) * np.sign(b) < 0).astype(np.float64)),
        gained=gained,
        lost=lost,
        ties=int(np.sum((a == 0) | (b == 0))),
        p=mcnemar(gained, lost),
        p_prompts=mcnemar(int(np.sum(prompts > 0)), int(np.sum(prompts < 0))) if several else None,
    )


def paired_difference(clusters: Clusters, rows: np.ndarray, change: np.ndarray) -> Estimate:
    """Mean of differences of two paired shares, with Bonett and Price's interval over prompts.

    Args:
        clusters: the prompts of all rows.
        rows: int64 indices of the pairs.
        change: float64 [len(rows)] in [-1, 1].
    """
    sums = clusters.sums(np.stack([np.ones(len(rows)), change]), rows)
    totals = clusters.totals(sums)
    groups = clusters.count(rows)
    with np.errstate(invalid="ignore", divide="ignore"):
        error = standard_error(totals[:, 1] / totals[:, 0], groups)
    mean, square = float(np.mean(change)), float(np.mean(change**2))
    spread = square - mean**2
    n = min(spread / error**2, float(len(rows))) if error > 0 else float(groups)
    centre, second = n * mean / (n + 2), (n * square + 2) / (n + 2)
    reach = t_quantile(CONFIDENCE, groups) * np.sqrt((second - centre**2) / (n + 2))
    low, high = max(centre - reach, -1.0), min(centre + reach, 1.0)
    return Estimate(mean, float(low), float(high), len(rows), groups)


def mcnemar(gained: int, lost: int) -> float:
    """McNemar's exact p, two-sided; 1 where no pair is discordant."""
    from scipy.stats import binomtest

    if gained + lost == 0:
        return 1.0
    return float(binomtest(gained, gained + lost, 0.5).pvalue)


def _right(margin: np.ndarray) -> np.ndarray:
    return np.where(margin == 0, 0.5, (margin > 0).astype(np.float64))


def _too_few(clusters: Clusters, rows: np.ndarray) -> str | None:
    groups = clusters.count(rows) if len(rows) else 0
    if groups >= MIN_GROUPS:
        return None
    return f"rows that both scored come from {groups} prompts and at least {MIN_GROUPS} are needed"
