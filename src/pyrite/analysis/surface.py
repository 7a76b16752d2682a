"""Surface share: how much of a score all computed surface features together explain.

Two learners are reported side by side, one that bends (histogram gradient boosting) and one that
does not (ridge regression); neither is chosen after the fact. A large share says that the score
could be imitated from the surface, not that the surface causes it.

On pairs there is a second question: how often do the differences of features alone, not told which
text is the chosen one, pick the text that the model prefers? Both learners are made antisymmetric
for it (swapping the texts swaps the answer), so that knowing nothing is exactly one half.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pyrite.analysis.columns import Scalar
from pyrite.analysis.measures import Measure, Scope, share_of
from pyrite.analysis.resample import MIN_GROUPS
from pyrite.analysis.surrogate import OutOfFold, Surrogate, judge, out_of_fold

__all__ = ["FOLDS", "MAX_ROWS", "sign_accuracy", "surface_share", "usable_rows"]

FOLDS = 5
MAX_ROWS = 20_000
# Small trees and a slow rate, so that a thousand rows are not overfitted; fixed, never tuned.
_GENTLE: dict[str, Any] = {
    "learning_rate": 0.05,
    "max_iter": 150,
    "max_leaf_nodes": 8,
    "early_stopping": False,
}


def usable_rows(
    scope: Scope, y: np.ndarray, x: np.ndarray, *, limit: int | None
) -> tuple[np.ndarray, int]:
    """Rows with a target and all columns, and how many were dropped for the lack of one.

    Above `limit` rows, whole prompts are taken at random until they hold `limit` rows.
    """
    rows = np.flatnonzero(np.isfinite(y) & np.isfinite(x).all(axis=1))
    dropped = len(y) - len(rows)
    if limit is None or len(rows) <= limit:
        return rows, dropped
    groups = scope.clusters.groups
    order = np.random.default_rng(scope.clusters.seed).permutation(scope.clusters.num_groups)
    sizes = np.bincount(groups[rows], minlength=scope.clusters.num_groups)
    kept = np.zeros(scope.clusters.num_groups, dtype=bool)
    kept[order[np.cumsum(sizes[order]) <= limit]] = True
    return rows[kept[groups[rows]]], dropped


def surface_share(
    scope: Scope, target: str, y: np.ndarray, features: Sequence[Scalar]
) -> tuple[list[Surrogate], list[str]]:
    """The surface share of one target by both learners, and what was not measured or was cut."""
    what = f"the surface share of {target}"
    features, notes = _not_empty(scope, what, features)
    if not features:
        return [], [*notes, scope.not_measured(what, "no feature was computed for it")]
    x = np.stack([feature.values for feature in features], axis=1)
    rows, dropped = usable_rows(scope, y, x, limit=MAX_ROWS)
    if problem := _unfit(scope, rows, y):
        return [], [*notes, scope.not_measured(what, problem)]
    if len(rows) == 0 or len(y) - dropped > len(rows):
        notes.append(
            f"{scope.query}: {what} was measured on {len(rows)} rows of prompts drawn at random "
            f"from {len(y) - dropped}, to keep it short."
        )
    names = tuple(feature.name for feature in features)
    results = []
    for name, make in _regressors(scope.clusters.seed).items():
        groups = scope.clusters.groups[rows]
        result = out_of_fold(
            make, x[rows], y[rows], groups=groups, rows=rows, folds=FOLDS, name=name
        )
        results.append(_surrogate(scope, target, name, names, result, dropped))
    return results, notes


def _surrogate(
    scope: Scope,
    target: str,
    estimator: str,
    names: tuple[str, ...],
    result: OutOfFold,
    dropped: int,
) -> Surrogate:
    r2, error, baseline, spearman = judge(result, scope.clusters, confidence=scope.confidence)
    return Surrogate(
        query=scope.query,
        model=scope.model,
        target=target,
        purpose="surface",
        estimator=estimator,
        x=names,
        num_columns=len(names),
        folds=result.folds,
        dropped=dropped,
        by_construction=False,
        r2=r2,
        error=error,
        baseline_error=baseline,
        spearman=spearman,
    )


def sign_accuracy(
    scope: Scope, target: str, margin: np.ndarray, features: Sequence[Scalar]
) -> tuple[list[Measure], list[str]]:
    """How often differences of features pick the text that the model prefers, out of fold."""
    what = f"whether surface features pick the preferred text ({target})"
    features = [x for x in features if x.text == "difference"]
    features, notes = _not_empty(scope, what, features)
    if not features:
        return [], notes
    x = np.stack([feature.values for feature in features], axis=1)
    decided = np.where(margin == 0, np.nan, margin)
    rows, _ = usable_rows(scope, decided, x, limit=MAX_ROWS)
    if problem := _unfit(scope, rows, decided):
        return [], [*notes, scope.not_measured(what, problem)]
    prefers_first = margin[rows] > 0
    measures = []
    for name, make in _classifiers(scope.clusters.seed).items():
        lean = _antisymmetric(make, x[rows], prefers_first, scope.clusters.groups[rows])
        right = np.where(lean == 0, 0.5, (lean > 0) == prefers_first)
        estimate = share_of(scope, rows, right.astype(np.float64))
        measures.append(
            scope.measure(target, f"surface accuracy ({name})", "its own preference", estimate, 0.5)
        )
    return measures, notes


def _antisymmetric(
    make: Callable[[], Any], x: np.ndarray, first: np.ndarray, groups: np.ndarray
) -> np.ndarray:
    from sklearn.model_selection import GroupKFold
    from threadpoolctl import threadpool_limits

    lean = np.empty(len(x))
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # convergence of a fixed, regularised learner
        for train, test in GroupKFold(n_splits=FOLDS).split(x, first, groups):
            both_x = np.concatenate([x[train], -x[train]])
            both_y = np.concatenate([first[train], ~first[train]])
            model = make().fit(both_x, both_y)
            forward = model.predict_proba(x[test])[:, 1]
            lean[test] = forward - model.predict_proba(-x[test])[:, 1]
    return lean


def _regressors(seed: int) -> dict[str, Callable[[], Any]]:
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return {
        "HistGradientBoostingRegressor": lambda: HistGradientBoostingRegressor(
            **_GENTLE, random_state=seed
        ),
        "Ridge": lambda: make_pipeline(StandardScaler(), Ridge()),
    }


def _classifiers(seed: int) -> dict[str, Callable[[], Any]]:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return {
        "gradient boosting": lambda: HistGradientBoostingClassifier(**_GENTLE, random_state=seed),
        "logistic regression": lambda: make_pipeline(
            StandardScaler(with_mean=False), LogisticRegression(fit_intercept=False)
        ),
    }


def _not_empty(
    scope: Scope, what: str, features: Sequence[Scalar]
) -> tuple[list[Scalar], list[str]]:
    # One feature that is undefined in most rows would otherwise drop them for all others.
    kept = [x for x in features if np.isfinite(x.values).mean() >= 0.5]
    left = [x.name for x in features if np.isfinite(x.values).mean() < 0.5]
    if not left:
        return kept, []
    names = ", ".join(left)
    return kept, [f"{scope.query}: {what} leaves out {names}: no number in most rows."]


def _unfit(scope: Scope, rows: np.ndarray, y: np.ndarray) -> str | None:
    groups = scope.clusters.count(rows) if len(rows) else 0
    if groups < MIN_GROUPS:
        return f"usable rows come from {groups} prompts and at least {MIN_GROUPS} are needed"
    if np.ptp(y[rows]) == 0:
        return f"it is {y[rows][0]:g} in every row"
    return None
