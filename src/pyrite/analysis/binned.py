"""Means of one column in bins of another, with intervals over prompts: the trend of a figure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pyrite.analysis.resample import Clusters, plain_estimate

__all__ = ["MIN_BIN_GROUPS", "Bin", "binned_means"]

MIN_BIN_GROUPS = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """One bin: mean x, mean y with its interval, and the rows and prompts in it."""

    x: float
    y: float
    low: float
    high: float
    rows: int
    groups: int


def binned_means(
    clusters: Clusters,
    rows: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    *,
    confidence: float,
    bins: int = 10,
) -> list[Bin]:
    """Bins of about equal numbers of rows, equal x never split; small bins are left out."""
    edges = np.unique(np.quantile(x, np.linspace(0, 1, bins + 1)))
    place = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, max(len(edges) - 2, 0))
    member = place == np.arange(place.max() + 1)[:, None]
    member = member[[clusters.count(rows[m]) >= MIN_BIN_GROUPS for m in member]]
    if not len(member):
        return []
    shares = np.concatenate([member.astype(np.float64), member * y])
    resampled = clusters.totals(clusters.sums(shares, rows))
    found = []
    for i, inside in enumerate(member):
        with np.errstate(invalid="ignore", divide="ignore"):
            means = resampled[:, len(member) + i] / resampled[:, i]
        groups, count = clusters.count(rows[inside]), int(inside.sum())
        mean = plain_estimate(
            float(y[inside].mean()), means, rows=count, groups=groups, confidence=confidence
        )
        at = float(x[inside].mean())
        found.append(Bin(at, mean.value, mean.low, mean.high, count, groups))
    return found
