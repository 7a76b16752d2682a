"""Surrogates: how well a target can be predicted from given columns, on prompts never seen.

Folds are whole prompts (`GroupKFold`), so a row is never predicted by a model that saw its prompt.
R² compares with the mean of the training folds, the prediction of one who knows no column: it is
0 when the columns help nothing and negative when the estimator does harm. Intervals resample
prompts with the fitted models held fixed; they do not hold the noise of fitting.
"""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from pyrite.analysis.association import rank_correlations
from pyrite.analysis.resample import Clusters, Estimate, plain_estimate
from pyrite.errors import AnalysisError

__all__ = ["OutOfFold", "Surrogate", "judge", "out_of_fold"]

# Cells of x below which threads cost more than they bring; on a machine that others use as well,
# waiting threads of one small fit cost many times its work.
ONE_THREAD_BELOW = 2_000_000


@dataclass(frozen=True, slots=True)
class Surrogate:
    """A target predicted out of fold.

    Attributes:
        purpose: `named` by the experiment, or `surface`: the share of the score that all computed
            features explain together.
        x: the names of the columns or of the embedding; `num_columns` counts single columns.
        r2: 1 - squared error / squared error of the training folds' mean.
        error, baseline_error: mean absolute error of the estimator and of that mean, in score
            units.
        spearman: rank correlation of prediction and target; None where predictions are constant.
        dropped: rows left out because the target or a column has no number there.
        by_construction: x are the model's own vectors and a linear estimator fits them perfectly
            (R² above 0.999): the score is read off these vectors by a linear head.
    """

    query: str
    model: str
    target: str
    purpose: Literal["named", "surface"]
    estimator: str
    x: tuple[str, ...]
    num_columns: int
    folds: int
    dropped: int
    by_construction: bool
    r2: Estimate
    error: Estimate
    baseline_error: Estimate
    spearman: Estimate | None


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """Predictions for rows whose prompt the model did not see, all float64 [len(rows)].

    `baseline` is the mean of the target over the folds that the model was fitted on.
    """

    rows: np.ndarray
    actual: np.ndarray
    predicted: np.ndarray
    baseline: np.ndarray
    folds: int
    warnings: tuple[str, ...]


def out_of_fold(
    make: Callable[[], Any],
    x: np.ndarray,
    y: np.ndarray,
    *,
    groups: np.ndarray,
    rows: np.ndarray,
    folds: int,
    name: str,
) -> OutOfFold:
    """Fit and predict fold by fold.

    Args:
        make: gives a fresh, unfitted estimator.
        x: [rows, columns], y: [rows], groups: [rows]; `rows` says where they stand in the table.
        folds: at most one per prompt.
        name: of the estimator, for messages.

    Small fits use one thread.

    Raises:
        AnalysisError: the estimator refuses its arguments or the data.
    """
    from sklearn.model_selection import GroupKFold
    from threadpoolctl import threadpool_limits

    predicted, baseline = np.full(len(y), np.nan), np.full(len(y), np.nan)
    threads = 1 if x.size <= ONE_THREAD_BELOW else None
    with threadpool_limits(threads), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for train, test in GroupKFold(n_splits=folds).split(x, y, groups):
            predicted[test] = _fit_predict(make(), x[train], y[train], x[test], name)
            baseline[test] = y[train].mean()
    if not np.isfinite(predicted).all():
        raise AnalysisError(f"{name} predicted values that are not finite")
    said = tuple(dict.fromkeys(str(w.message).splitlines()[0] for w in caught))
    return OutOfFold(rows, y, predicted, baseline, folds, said)


def _fit_predict(
    estimator: Any, x: np.ndarray, y: np.ndarray, new: np.ndarray, name: str
) -> np.ndarray:
    # `verbose` of an estimator prints; results are on stdout, so what it prints goes to stderr.
    with contextlib.redirect_stdout(sys.stderr):
        try:
            predicted = estimator.fit(x, y).predict(new)
        except (TypeError, ValueError) as error:
            text = str(error).splitlines()[0]
            raise AnalysisError(f"estimator {name} cannot be fitted: {text}") from error
    return np.asarray(predicted, dtype=np.float64).reshape(len(new))


def judge(
    result: OutOfFold, clusters: Clusters, *, confidence: float
) -> tuple[Estimate, Estimate, Estimate, Estimate | None]:
    """R², mean absolute error, that of the baseline, and Spearman, each with its interval."""
    residual, plain = result.actual - result.predicted, result.actual - result.baseline
    ones = np.ones_like(residual)
    shares = np.stack([ones, residual**2, plain**2, np.abs(residual), np.abs(plain)])
    sums = clusters.sums(shares, result.rows)
    totals, resampled = sums.sum(axis=0), clusters.totals(sums)
    groups = clusters.count(result.rows)
    estimates = []
    for measure in (_r2, _mean_of(3), _mean_of(4)):
        estimates.append(
            plain_estimate(
                float(measure(totals)),
                measure(resampled),
                rows=len(residual),
                groups=groups,
                confidence=confidence,
            )
        )
    pair = [(result.rows, result.predicted, result.actual)]
    rho = rank_correlations(clusters, pair, confidence=confidence)[0]
    spearman = rho if isinstance(rho, Estimate) else None
    return estimates[0], estimates[1], estimates[2], spearman


def _r2(totals: np.ndarray) -> np.ndarray:
    result: np.ndarray = 1 - totals[..., 1] / totals[..., 2]
    return result


def _mean_of(column: int) -> Callable[[np.ndarray], np.ndarray]:
    return lambda totals: totals[..., column] / totals[..., 0]
