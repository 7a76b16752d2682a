"""Associations of scores with features, with intervals that know prompts and multiplicity.

For one target and one feature: Spearman's rho, Pearson's r (which is also the standardised slope:
score SDs per feature SD), and the slope in score units per unit of the feature. Where prompts have
several rows, also the correlations within prompts: both columns centred on their mean over the
prompt, in the prompts in which the feature varies.

Spearman's rho is resampled through its first-order (Hájek) expansion: with F and G the
mid-distribution functions of feature and score, rho = N / sqrt(D_F D_G), where
N = mean((F - 1/2)(G - 1/2)) and D_F = mean((F - 1/2)²); a row's share in N is its own product plus
what its presence does to the ranks of all others (Croux and Dehon 2010, "Influence functions of
the Spearman and Kendall correlation measures"). That makes N and D sums over rows, so one matrix
product resamples them; ranks count as estimated, not as fixed. The estimate itself is exact.

How many were tried: all overall and within-prompt rank correlations of an analysis are one family.
`q` is Benjamini and Hochberg's (1995) adjusted p over it; the simultaneous interval uses the
bootstrap distribution of the largest |z* - z| / SE over the family (max-t; Westfall and Young
1993), the same resampled prompts for every member.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pyrite.analysis.ranks import (
    centre_within,
    moment_shares,
    pearson_of,
    rank_shares,
    spearman_of,
)
from pyrite.analysis.resample import (
    MIN_GROUPS,
    Clusters,
    Estimate,
    correlation_estimate,
    fisher,
    plain_estimate,
    standard_error,
    t_quantile,
)

__all__ = [
    "Association",
    "Corrected",
    "Pairing",
    "associate",
    "benjamini_hochberg",
    "rank_correlations",
]

MIN_VARYING = 5
_CHUNK = 32


@dataclass(frozen=True, slots=True)
class Corrected:
    """A rank correlation with what multiplicity makes of it.

    `error` is the standard error on Fisher's scale; `p` is two-sided, for no association; `q` is
    `p` after Benjamini and Hochberg over the family; `wide_low` and `wide_high` bound the
    simultaneous interval, which holds for the whole family.
    """

    estimate: Estimate
    error: float
    p: float
    q: float
    wide_low: float
    wide_high: float


@dataclass(frozen=True, slots=True)
class Association:
    """One target against one feature.

    Attributes:
        query, model: whose score.
        target, feature: column names; `unit` is the feature's.
        dropped: rows left out because the target or the feature has no number there.
        spearman: rank correlation; the one that is tested.
        pearson: correlation, equal to the standardised slope (score SDs per feature SD).
        slope: score units per unit of the feature.
        within, within_pearson: the same within prompts; None where prompts have one row each.
    """

    query: str
    model: str
    target: str
    feature: str
    unit: str
    dropped: int
    spearman: Corrected
    pearson: Estimate
    slope: Estimate
    within: Corrected | None = None
    within_pearson: Estimate | None = None


@dataclass(frozen=True, slots=True)
class Pairing:
    """A target and a feature to associate: names and float64 columns [rows]."""

    query: str
    model: str
    target: str
    feature: str
    unit: str
    score: np.ndarray
    value: np.ndarray


def associate(
    tables: Iterable[tuple[Clusters, Sequence[Pairing]]], *, confidence: float
) -> tuple[list[Association], list[str]]:
    """Associations of all pairings, corrected as one family.

    Args:
        tables: the pairings of every query, with the clusters of its rows.
        confidence: of all intervals, for instance 0.95.

    Returns:
        The associations in the order of the pairings, and a plain sentence for each pairing that
        was not measured.
    """
    family = _Family(confidence)
    found: list[Association] = []
    notes: list[str] = []
    for clusters, pairings in tables:
        for start in range(0, len(pairings), _CHUNK):
            for result in _chunk(clusters, pairings[start : start + _CHUNK], family):
                if isinstance(result, str):
                    notes.append(result)
                else:
                    found.append(result)
    return family.corrected(found), notes


def rank_correlations(
    clusters: Clusters,
    pairs: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]],
    *,
    confidence: float,
) -> list[Estimate | str]:
    """Spearman's rho of pairs of columns, without tests.

    Args:
        pairs: (rows, x, y): int64 indices and finite float64 columns of the same length.

    Returns:
        An estimate each, or the reason why there is none.
    """
    family = _Family(confidence)
    sums: list[np.ndarray] = []
    results: list[Estimate | str] = []
    reasons = [_unusable(clusters, *pair) for pair in pairs]
    for (rows, x, y), reason in zip(pairs, reasons, strict=True):
        if reason is None:
            sums.append(clusters.sums(rank_shares(x, y), rows))
    resampled = clusters.totals(np.concatenate(sums, axis=1)) if sums else np.empty((0, 0))
    at = 0
    for (rows, _, _), reason in zip(pairs, reasons, strict=True):
        if reason is not None:
            results.append(reason)
            continue
        value = float(spearman_of(sums[at // 3].sum(axis=0)))
        drawn = spearman_of(resampled[:, at : at + 3])
        test = family.test(value, drawn, rows=len(rows), groups=clusters.count(rows))
        results.append(test.estimate)
        at += 3
    return results


def _unusable(clusters: Clusters, rows: np.ndarray, x: np.ndarray, y: np.ndarray) -> str | None:
    groups = clusters.count(rows) if len(rows) else 0
    if groups < MIN_GROUPS:
        return f"rows with both come from {groups} prompts and at least {MIN_GROUPS} are needed"
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return "one of the two is the same in every row"
    return None


def benjamini_hochberg(p: Sequence[float]) -> np.ndarray:
    """Adjusted p-values (Benjamini and Hochberg 1995): float64 [len(p)]; p must not be NaN."""
    from scipy.stats import false_discovery_control

    adjusted: np.ndarray = false_discovery_control(np.asarray(p)) if len(p) else np.empty(0)
    return adjusted


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A pairing reduced to unit sums; `within` is None where prompts do not vary inside."""

    pairing: Pairing
    rows: int
    groups: int
    scale: float
    sums: np.ndarray  # [units, 9]: moments, ranks
    within: np.ndarray | None  # [units, 9] of the centred columns
    within_rows: int
    within_groups: int


def _chunk(
    clusters: Clusters, pairings: Sequence[Pairing], family: _Family
) -> Iterable[Association | str]:
    prepared = [_prepare(clusters, pairing) for pairing in pairings]
    usable = [x for x in prepared if isinstance(x, _Prepared)]
    blocks = [block for x in usable for block in (x.sums, x.within) if block is not None]
    if blocks:
        resampled = clusters.totals(np.concatenate(blocks, axis=1))
    at = 0
    for pairing, each in zip(pairings, prepared, strict=True):
        if isinstance(each, str):
            yield _not_measured(pairing, each)
            continue
        taken = 9 if each.within is None else 18
        yield _association(each, resampled[:, at : at + taken], family)
        at += taken


def _prepare(clusters: Clusters, pairing: Pairing) -> _Prepared | str:
    usable = np.isfinite(pairing.score) & np.isfinite(pairing.value)
    rows = np.flatnonzero(usable)
    if not np.isfinite(pairing.score).any():
        return f"no row has a number for {pairing.target}"
    if not np.isfinite(pairing.value).any():
        return f"no row has a number for {pairing.feature}"
    groups = clusters.count(rows)
    if groups < MIN_GROUPS:
        return f"rows with both come from {groups} prompts and at least {MIN_GROUPS} are needed"
    x, y = pairing.value[rows], pairing.score[rows]
    for name, values in ((pairing.feature, x), (pairing.target, y)):
        if problem := _hardly_varies(name, values, clusters, rows):
            return problem
    sums = clusters.sums(np.concatenate([moment_shares(x, y), rank_shares(x, y)]), rows)
    within, within_rows, within_groups = _within(clusters, rows, x, y)
    scale = float(np.std(y) / np.std(x))
    return _Prepared(pairing, len(rows), groups, scale, sums, within, within_rows, within_groups)


def _hardly_varies(
    name: str, values: np.ndarray, clusters: Clusters, rows: np.ndarray
) -> str | None:
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) == 1:
        return f"{name} is {distinct[0]:g} in every row"
    commonest = distinct[np.argmax(counts)]
    differing = clusters.count(rows[values != commonest])
    if differing < MIN_VARYING:
        return (
            f"{name} differs from its commonest value {commonest:g} in only {differing} "
            f"prompt{'s' if differing > 1 else ''} and at least {MIN_VARYING} are needed"
        )
    return None


def _within(
    clusters: Clusters, rows: np.ndarray, x: np.ndarray, y: np.ndarray
) -> tuple[np.ndarray | None, int, int]:
    groups = clusters.groups[rows]
    centred_x, centred_y = centre_within(x, groups), centre_within(y, groups)
    varying = np.bincount(groups, weights=centred_x != 0) > 0
    inside = np.flatnonzero(varying[groups])
    count = int(np.count_nonzero(varying))
    if count < MIN_GROUPS or not np.any(centred_y[inside]):
        return None, 0, 0
    a, b = centred_x[inside], centred_y[inside]
    shares = np.concatenate([moment_shares(a, b), rank_shares(a, b)])
    return clusters.sums(shares, rows[inside]), len(inside), count


def _association(each: _Prepared, resampled: np.ndarray, family: _Family) -> Association:
    pairing, at = each.pairing, {"rows": each.rows, "groups": each.groups}
    spearman, pearson = _correlations(each.sums, resampled[:, :9], at, family)
    slope_value = float(pearson_of(each.sums[:, :6].sum(axis=0))[1]) * each.scale
    slopes = pearson_of(resampled[:, :6])[1] * each.scale
    within = within_pearson = None
    if each.within is not None:
        inside = {"rows": each.within_rows, "groups": each.within_groups}
        within, within_pearson = _correlations(each.within, resampled[:, 9:], inside, family)
    return Association(
        query=pairing.query,
        model=pairing.model,
        target=pairing.target,
        feature=pairing.feature,
        unit=pairing.unit,
        dropped=len(pairing.score) - each.rows,
        spearman=spearman,
        pearson=pearson,
        slope=plain_estimate(slope_value, slopes, **at, confidence=family.confidence),
        within=within,
        within_pearson=within_pearson,
    )


def _correlations(
    sums: np.ndarray, resampled: np.ndarray, at: dict[str, int], family: _Family
) -> tuple[Corrected, Estimate]:
    totals = sums.sum(axis=0)
    tested = family.test(float(spearman_of(totals[6:])), spearman_of(resampled[:, 6:]), **at)
    pearson = correlation_estimate(
        float(pearson_of(totals[:6])[0]),
        pearson_of(resampled[:, :6])[0],
        **at,
        confidence=family.confidence,
    )
    return tested, pearson


class _Family:
    """All rank correlations of one analysis: sees each once, then corrects for their number."""

    def __init__(self, confidence: float) -> None:
        self.confidence = confidence
        self._largest = np.zeros(0)

    def test(self, value: float, resampled: np.ndarray, *, rows: int, groups: int) -> Corrected:
        """A tested correlation; `q` and the simultaneous interval are filled in at the end."""
        from scipy.stats import t

        # An expansion to first order may leave [-1, 1], so Fisher's z is expanded too.
        shifts = (resampled - value) / max(1 - value * value, 1e-12)
        centre, error = float(fisher(np.asarray(value))), standard_error(shifts, groups)
        self._see(np.abs(shifts), error * np.sqrt((groups - 1) / groups))
        reach = t_quantile(self.confidence, groups) * error
        low, high = float(np.tanh(centre - reach)), float(np.tanh(centre + reach))
        estimate = Estimate(value, low, high, rows, groups)
        p = float(2 * t.sf(abs(centre) / error, groups - 1)) if error > 0 else 0.0
        return Corrected(estimate, error, p, p, estimate.low, estimate.high)

    def _see(self, shifts: np.ndarray, error: float) -> None:
        if not len(self._largest):
            self._largest = np.zeros(len(shifts))
        if error > 0:
            self._largest = np.fmax(self._largest, shifts / error)

    def corrected(self, found: Sequence[Association]) -> list[Association]:
        """The associations with `q` and simultaneous intervals of the whole family."""
        tests = [test for x in found for test in (x.spearman, x.within) if test is not None]
        done = iter(self._correct(tests))
        return [
            replace(x, spearman=next(done), within=None if x.within is None else next(done))
            for x in found
        ]

    def _correct(self, tests: Sequence[Corrected]) -> list[Corrected]:
        from scipy.stats import norm, t

        if not tests:
            return []
        # The largest shift as a normal quantile, carried over to t: few prompts widen it too. It
        # is never narrower than the interval of one correlation alone.
        beyond = norm.sf(float(np.quantile(self._largest, self.confidence)))
        beyond = min(float(beyond), (1 - self.confidence) / 2)
        adjusted = benjamini_hochberg([test.p for test in tests])
        corrected = []
        for test, q in zip(tests, adjusted, strict=True):
            centre = float(fisher(np.asarray(test.estimate.value)))
            reach = float(t.isf(beyond, test.estimate.groups - 1)) * test.error
            low, high = float(np.tanh(centre - reach)), float(np.tanh(centre + reach))
            corrected.append(replace(test, q=float(q), wide_low=low, wide_high=high))
        return corrected


def _not_measured(pairing: Pairing, because: str) -> str:
    return (
        f"{pairing.query}: the association of {pairing.target} with {pairing.feature} was not "
        f"measured, because {because}."
    )
