"""Row shares of correlations: what each row adds to sums from which a correlation is computed."""

from __future__ import annotations

import numpy as np

__all__ = ["centre_within", "moment_shares", "pearson_of", "rank_shares", "spearman_of"]


def moment_shares(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Rows' parts in n, x, y, x², y², xy: float64 [6, rows]; x and y are standardised before."""
    x, y = _standardised(x), _standardised(y)
    return np.stack([np.ones_like(x), x, y, x * x, y * y, x * y])


def pearson_of(totals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pearson's r and the slope of y on x from totals [..., 6]; NaN where a column is constant."""
    n, x, y, xx, yy, xy = np.moveaxis(totals, -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        spread_x = xx / n - (x / n) ** 2
        spread_y = yy / n - (y / n) ** 2
        both = xy / n - x * y / n**2
        spread_x = np.where(spread_x > 1e-12, spread_x, np.nan)
        spread_y = np.where(spread_y > 1e-12, spread_y, np.nan)
        r = np.clip(both / np.sqrt(spread_x * spread_y), -1.0, 1.0)
        return r, both / spread_x


def rank_shares(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Rows' parts in N, D_x and D_y of Spearman's rho = N / sqrt(D_x D_y): float64 [3, rows].

    With a = F(x) - 1/2 and b = G(y) - 1/2 (mid-distribution functions) the totals over all rows
    are exact: sum(ab), sum(aa), sum(bb). A row's part is the first-order term of the Hájek
    expansion, so that totals over a resample follow the re-ranked statistic.
    """
    a, codes_x = _mid_distribution(x)
    b, codes_y = _mid_distribution(y)
    both = a * b + _later(codes_x, b) + _later(codes_y, a) - 2 * np.mean(a * b)
    of_x = a * a + 2 * _later(codes_x, a) - 2 * np.mean(a * a)
    of_y = b * b + 2 * _later(codes_y, b) - 2 * np.mean(b * b)
    return np.stack([both, of_x, of_y])


def spearman_of(totals: np.ndarray) -> np.ndarray:
    """Spearman's rho from totals [..., 3]; NaN where a column is constant.

    Of all rows it is exact; of a resample it may leave [-1, 1] a little.
    """
    both, of_x, of_y = np.moveaxis(totals, -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = of_x * of_y
        positive = (of_x > 1e-12) & (of_y > 1e-12)
        rho: np.ndarray = np.where(
            positive, both / np.sqrt(np.where(positive, spread, 1.0)), np.nan
        )
    return rho


def centre_within(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Values minus the mean of their group; differences of rounding only become exactly 0."""
    values = _standardised(values)
    counts = np.bincount(groups)
    means = np.bincount(groups, weights=values) / np.maximum(counts, 1)
    centred: np.ndarray = np.round(values - means[groups], 9) + 0.0
    return centred


def _standardised(values: np.ndarray) -> np.ndarray:
    spread = float(np.std(values))
    result: np.ndarray = (values - np.mean(values)) / (spread if spread > 0 else 1.0)
    return result


def _mid_distribution(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    _, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - counts / 2
    return middle[codes] / len(values) - 0.5, codes


def _later(codes: np.ndarray, values: np.ndarray) -> np.ndarray:
    """mean_j (1{x_j > x_i} + 1{x_j = x_i} / 2) values_j, for every row i."""
    at = np.bincount(codes, weights=values)
    after = at.sum() - np.cumsum(at) + at / 2
    result: np.ndarray = after[codes] / len(values)
    return result
