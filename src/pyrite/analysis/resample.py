"""The cluster bootstrap that every interval of an analysis comes from.

Rows that share a prompt are not independent, so prompts are drawn, not rows. A statistic is a
smooth function of sums over prompts; so one prompt is reduced to a short row of sufficient
statistics once, and a block of resamples is one matrix product with multinomial weights.

Above `MAX_UNITS` prompts, prompts are put together at random into `MAX_UNITS` units and units are
drawn. Sums over a random partition of independent prompts are independent and exchangeable, so the
bootstrap stays valid (random groups; Shao and Tu 1995, section 6.2); only its own noise grows: a
standard error from 4,000 units is off by about 1 / sqrt(2 × 4,000) = 1.1 % of itself, less than
the 1.6 % that 2,000 resamples leave anyway. Fewer prompts than that are never put together.

The weights depend on the number of units, the number of resamples and the seed only, so all
statistics of an analysis see the same resamples. They are kept (16 MB at 2,000 resamples) unless
there are very many.

Intervals and p-values of one number come from the same standard error, so that they never
contradict each other: estimate ± t(G - 1) × SE, where SE is the standard deviation of the
resampled estimates times sqrt(G / (G - 1)) and G is the number of prompts that have a usable row
(Cameron, Gelbach and Miller 2008, "Bootstrap-based improvements for inference with clustered
errors"; the t with G - 1 degrees of freedom: Cameron and Miller 2015, section VI). Correlations
use Fisher's z = atanh(r) as the scale, shares use Wilson's interval with the effective number of
observations that the SE implies (Korn and Graubard 1998).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

__all__ = [
    "MAX_UNITS",
    "MIN_GROUPS",
    "Clusters",
    "Estimate",
    "correlation_estimate",
    "fisher",
    "interval",
    "plain_estimate",
    "share_estimate",
    "standard_error",
    "t_quantile",
    "two",
]

MAX_UNITS = 4_000
MIN_GROUPS = 10
_BLOCK_WEIGHTS = 2_000_000
_KEPT = 20_000_000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its interval; `rows` and `groups` are what it was measured on."""

    value: float
    low: float
    high: float
    rows: int
    groups: int

    def __str__(self) -> str:
        return f"{two(self.value)} {interval(self.low, self.high)}"


def two(number: float) -> str:
    """Two decimals, and never -0.00."""
    return f"{round(number, 2) + 0.0:.2f}"


def interval(low: float, high: float) -> str:
    """`[0.27, 0.35]`."""
    return f"[{two(low)}, {two(high)}]"


class Clusters:
    """Prompts as units of resampling.

    Args:
        groups: int64 [rows], the prompt of each row.
        resamples: how many bootstrap resamples.
        seed: of the weights; the same seed gives the same weights for the same number of units.
    """

    def __init__(self, groups: np.ndarray, *, resamples: int, seed: int) -> None:
        self.groups = np.asarray(groups, dtype=np.int64)
        self.num_groups = int(self.groups.max()) + 1 if len(self.groups) else 0
        self.num_units = min(self.num_groups, MAX_UNITS)
        self.resamples = resamples
        self.seed = seed
        self.units = self._units()

    def _units(self) -> np.ndarray:
        if self.num_groups <= MAX_UNITS:
            return self.groups
        order = np.random.default_rng(self.seed).permutation(self.num_groups)
        return order[self.groups] % MAX_UNITS

    def sums(self, values: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Sum row statistics within units.

        Args:
            values: float64 [k, len(rows)], one line per statistic.
            rows: int64 indices of the rows that the values belong to.

        Returns:
            float64 [num_units, k].
        """
        units = self.units[rows]
        columns = [np.bincount(units, weights=x, minlength=self.num_units) for x in values]
        return np.stack(columns, axis=1)

    def count(self, rows: np.ndarray) -> int:
        """How many different prompts these rows come from."""
        return int(np.count_nonzero(np.bincount(self.groups[rows], minlength=self.num_groups)))

    def totals(self, sums: np.ndarray) -> np.ndarray:
        """Totals of unit sums [num_units, k] in every resample: float64 [resamples, k]."""
        from threadpoolctl import threadpool_limits

        of = (self.num_units, self.resamples, self.seed)
        blocks = _kept_blocks(*of) if self.num_units * self.resamples <= _KEPT else _blocks(*of)
        with threadpool_limits(1):  # blocks are small: threads would wait more than work
            return np.concatenate([block.astype(np.float64) @ sums for block in blocks])


def _blocks(units: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """How often each unit is drawn in each resample: uint16 [part of the resamples, units]."""
    generator = np.random.default_rng(seed)
    size = max(1, _BLOCK_WEIGHTS // max(units, 1))
    for start in range(0, resamples, size):
        block = np.empty((min(size, resamples - start), units), dtype=np.uint16)
        for line in block:
            line[:] = np.bincount(generator.integers(0, units, size=units), minlength=units)
        yield block


@lru_cache(maxsize=2)
def _kept_blocks(units: int, resamples: int, seed: int) -> tuple[np.ndarray, ...]:
    return tuple(_blocks(units, resamples, seed))


def standard_error(resampled: np.ndarray, groups: int) -> float:
    """Bootstrap standard error with the correction for few prompts; NaN where it has none."""
    good = resampled[np.isfinite(resampled)]
    # A resample without a value (a constant column) is rare by the checks before; more than one
    # in twenty would make the rest a selection.
    if len(good) < 0.95 * len(resampled) or groups < 2:
        return float("nan")
    return float(np.std(good, ddof=1) * np.sqrt(groups / (groups - 1)))


def t_quantile(confidence: float, groups: int) -> float:
    """Two-sided t quantile with groups - 1 degrees of freedom."""
    from scipy.stats import t

    return float(t.ppf(0.5 + confidence / 2, max(groups - 1, 1)))


def plain_estimate(
    value: float, resampled: np.ndarray, *, rows: int, groups: int, confidence: float
) -> Estimate:
    """`value` ± t × SE on the number's own scale."""
    reach = t_quantile(confidence, groups) * standard_error(resampled, groups)
    return Estimate(value, value - reach, value + reach, rows, groups)


def correlation_estimate(
    value: float, resampled: np.ndarray, *, rows: int, groups: int, confidence: float
) -> Estimate:
    """A correlation, with its interval on Fisher's scale: tanh(atanh(r) ± t × SE)."""
    error = standard_error(fisher(resampled), groups)
    reach = t_quantile(confidence, groups) * error
    centre = float(fisher(np.asarray(value)))
    return Estimate(
        value, float(np.tanh(centre - reach)), float(np.tanh(centre + reach)), rows, groups
    )


def share_estimate(
    value: float, resampled: np.ndarray, *, rows: int, groups: int, confidence: float
) -> Estimate:
    """A share in [0, 1]: Wilson's interval with n = value (1 - value) / SE².

    At 0 and at 1 every resample agrees and SE is 0, so n is then the number of prompts.
    """
    error = standard_error(resampled, groups)
    n = float(groups) if error == 0.0 else min(value * (1 - value) / error**2, float(rows))
    quantile = t_quantile(confidence, groups)
    centre = (value + quantile**2 / (2 * n)) / (1 + quantile**2 / n)
    reach = quantile * np.sqrt(value * (1 - value) / n + quantile**2 / (4 * n * n))
    reach /= 1 + quantile**2 / n
    return Estimate(value, float(centre - reach), float(centre + reach), rows, groups)


def fisher(correlation: np.ndarray) -> np.ndarray:
    """Fisher's z = atanh(r), with |r| kept just below 1."""
    limit = 1 - 1e-12
    z: np.ndarray = np.arctanh(np.clip(correlation, -limit, limit))
    return z
