"""Single numbers about a model's scores: agreement with gold, accuracy on pairs, calibration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pyrite.analysis.association import rank_correlations
from pyrite.analysis.resample import (
    MIN_GROUPS,
    Clusters,
    Estimate,
    plain_estimate,
    share_estimate,
)

__all__ = [
    "Measure",
    "Scope",
    "against_gold",
    "mean_of",
    "means_of",
    "pair_accuracy",
    "pair_calibration",
    "share_of",
    "shares_of",
]


@dataclass(frozen=True, slots=True)
class Measure:
    """A named number of one target.

    Attributes:
        name: `accuracy`, `auroc`, `auroc within prompts`, `rank correlation with gold`,
            `overconfidence`, `log loss`, or `surface accuracy (...)`.
        against: the gold column, or what it is compared with; "" for none.
        chance: the value of someone who knows nothing; None where there is no such value.
    """

    query: str
    model: str
    target: str
    name: str
    against: str
    estimate: Estimate
    chance: float | None


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose numbers are measured, and how."""

    query: str
    model: str
    clusters: Clusters
    confidence: float

    def measure(
        self, target: str, name: str, against: str, estimate: Estimate, chance: float | None
    ) -> Measure:
        """A measure of this query."""
        return Measure(self.query, self.model, target, name, against, estimate, chance)

    def not_measured(self, what: str, because: str) -> str:
        """The plain sentence that stands in place of a number."""
        return f"{self.query}: {what} was not measured, because {because}."


def pair_accuracy(scope: Scope, target: str, margin: np.ndarray) -> Measure | str:
    """Share of pairs whose margin is above 0; a tie counts half."""
    rows = np.flatnonzero(np.isfinite(margin))
    if problem := _too_few(scope, rows):
        return scope.not_measured("the accuracy", problem)
    right = np.where(margin[rows] == 0, 0.5, margin[rows] > 0)
    estimate = share_of(scope, rows, right)
    return scope.measure(target, "accuracy", "", estimate, 0.5)


def pair_calibration(scope: Scope, target: str, margin: np.ndarray) -> list[Measure | str]:
    """Is sigmoid(margin) a probability (Bradley and Terry 1952)?

    `overconfidence` is the mean of sigmoid(|margin|) minus the accuracy: above 0 the model is surer
    of its preferences than it is right. `log loss` is the mean of -log sigmoid(margin); one who
    always says one half has log 2.
    """
    rows = np.flatnonzero(np.isfinite(margin))
    if problem := _too_few(scope, rows):
        return [scope.not_measured("the calibration of the margin", problem)]
    values = margin[rows]
    confident = 1 / (1 + np.exp(-np.abs(values)))
    over = confident - np.where(values == 0, 0.5, values > 0)
    loss = np.logaddexp(0.0, -values)
    return [
        scope.measure(target, "overconfidence", "", mean_of(scope, rows, over), 0.0),
        scope.measure(target, "log loss", "", mean_of(scope, rows, loss), float(np.log(2))),
    ]


def against_gold(
    scope: Scope, target: str, score: np.ndarray, *, gold: str, values: np.ndarray
) -> list[Measure | str]:
    """How a score goes with gold: AUROC where gold is 0 or 1, rank correlation where it is not."""
    rows = np.flatnonzero(np.isfinite(score) & np.isfinite(values))
    what = f"the agreement of {target} with {gold}"
    if problem := _too_few(scope, rows):
        return [scope.not_measured(what, problem)]
    x, y = score[rows], values[rows]
    if not np.isin(y, (0.0, 1.0)).all():
        rho = rank_correlations(scope.clusters, [(rows, x, y)], confidence=scope.confidence)[0]
        if isinstance(rho, str):
            return [scope.not_measured(what, rho)]
        return [scope.measure(target, "rank correlation with gold", gold, rho, 0.0)]
    if np.ptp(y) == 0:
        return [scope.not_measured(what, f"{gold} is {y[0]:g} in every row")]
    found = [_auroc(scope, target, gold, rows, x, y == 1)]
    if scope.clusters.count(rows) < len(rows):
        found.append(_auroc_within(scope, target, gold, rows, x, y == 1))
    return found


def _auroc(
    scope: Scope, target: str, gold: str, rows: np.ndarray, x: np.ndarray, good: np.ndarray
) -> Measure | str:
    """P(score of a good row > score of a bad one), ties half.

    Resampled through the placements of the rows (DeLong et al. 1988; for clusters Obuchowski
    1997): a good row's placement is the share of bad rows below it, and the other way round.
    """
    fewest = min(scope.clusters.count(rows[good]), scope.clusters.count(rows[~good]))
    if fewest < MIN_GROUPS:
        because = (
            f"the rarer value of {gold} stands in {fewest} prompts and {MIN_GROUPS} are needed"
        )
        return scope.not_measured(f"the AUROC of {target} against {gold}", because)
    placement = np.empty(len(x))
    placement[good] = _share_below(x[~good], x[good])
    placement[~good] = 1 - _share_below(x[good], x[~good])
    shares = np.stack([good, good * placement, ~good, ~good * placement]).astype(np.float64)
    sums = scope.clusters.sums(shares, rows)
    n_good, of_good, n_bad, of_bad = scope.clusters.totals(sums).T
    value = float(placement[good].mean())
    with np.errstate(invalid="ignore", divide="ignore"):
        resampled = of_good / n_good + of_bad / n_bad - value
    estimate = share_estimate(
        value, resampled, rows=len(rows), groups=fewest, confidence=scope.confidence
    )
    estimate = replace(estimate, groups=scope.clusters.count(rows))
    return scope.measure(target, "auroc", gold, estimate, 0.5)


def _auroc_within(
    scope: Scope, target: str, gold: str, rows: np.ndarray, x: np.ndarray, good: np.ndarray
) -> Measure | str:
    """The same over pairs of one prompt only; every prompt that has both weighs the same."""
    groups = scope.clusters.groups[rows]
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    chosen, values = [], []
    for members in np.split(order, starts[1:]):
        high, low = x[members[good[members]]], x[members[~good[members]]]
        if len(high) and len(low):
            chosen.append(rows[members[0]])
            values.append(float(_share_below(low, high).mean()))
    if len(chosen) < MIN_GROUPS:
        because = f"only {len(chosen)} prompts have rows with both values of {gold}"
        return scope.not_measured(f"the AUROC of {target} within prompts", because)
    estimate = share_of(scope, np.asarray(chosen), np.asarray(values))
    return scope.measure(target, "auroc within prompts", gold, estimate, 0.5)


def _share_below(others: np.ndarray, values: np.ndarray) -> np.ndarray:
    others = np.sort(others)
    below = np.searchsorted(others, values, side="left")
    up_to = np.searchsorted(others, values, side="right")
    return (below + up_to) / (2 * len(others))


def share_of(scope: Scope, rows: np.ndarray, values: np.ndarray) -> Estimate:
    """Mean of values in [0, 1] with Wilson's interval over prompts."""
    return _means(scope, [(rows, values)], share_estimate)[0]


def mean_of(scope: Scope, rows: np.ndarray, values: np.ndarray) -> Estimate:
    """Mean of values with its interval over prompts."""
    return means_of(scope, [(rows, values)])[0]


def shares_of(scope: Scope, parts: Sequence[tuple[np.ndarray, np.ndarray]]) -> list[Estimate]:
    """`share_of` of many (rows, values), all on the same resamples."""
    return _means(scope, parts, share_estimate)


def means_of(scope: Scope, parts: Sequence[tuple[np.ndarray, np.ndarray]]) -> list[Estimate]:
    """`mean_of` of many (rows, values), all on the same resamples."""
    return _means(scope, parts, plain_estimate)


def _means(
    scope: Scope,
    parts: Sequence[tuple[np.ndarray, np.ndarray]],
    estimate: Callable[..., Estimate],
) -> list[Estimate]:
    if not parts:
        return []
    sums = [scope.clusters.sums(np.stack([np.ones(len(r)), values]), r) for r, values in parts]
    totals = scope.clusters.totals(np.concatenate(sums, axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        resampled = totals[:, 1::2] / totals[:, ::2]
    return [
        estimate(
            float(np.mean(values)),
            resampled[:, at],
            rows=len(rows),
            groups=scope.clusters.count(rows),
            confidence=scope.confidence,
        )
        for at, (rows, values) in enumerate(parts)
    ]


def _too_few(scope: Scope, rows: np.ndarray) -> str | None:
    groups = scope.clusters.count(rows) if len(rows) else 0
    if groups >= MIN_GROUPS:
        return None
    return f"usable rows come from {groups} prompts and at least {MIN_GROUPS} are needed"
