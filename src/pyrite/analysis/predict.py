"""The predictions that an experiment names: columns or an embedding, and an estimator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pyrite.analysis.columns import TableColumns
from pyrite.analysis.embeddings import embedding_matrix, embedding_type
from pyrite.analysis.estimators import build_estimator, linear
from pyrite.analysis.measures import Scope
from pyrite.analysis.resample import MIN_GROUPS
from pyrite.analysis.surface import usable_rows
from pyrite.analysis.surrogate import OutOfFold, Surrogate, judge, out_of_fold

if TYPE_CHECKING:
    from pyrite.config.sections import EstimatorSpec, Predict

__all__ = ["Prediction", "predict"]

PERFECT = 0.999


@dataclass(frozen=True)
class Prediction:
    """A surrogate with the out-of-fold values that its figure shows."""

    surrogate: Surrogate
    values: OutOfFold


def predict(
    item: Predict,
    spec: EstimatorSpec,
    *,
    columns: TableColumns,
    scope: Scope,
    y: np.ndarray,
    notes: list[str],
) -> Prediction | None:
    """Fit `spec` out of fold; None, with a sentence in `notes`, where that is not possible.

    Raises:
        AnalysisError: an x that does not exist, or an estimator that cannot be fitted.
    """
    what = f"the prediction of {item.target} from {', '.join(item.x)} by {spec.id}"
    x = _matrix(item, columns, notes)
    if isinstance(x, str):
        notes.append(scope.not_measured(what, x))
        return None
    rows, dropped = usable_rows(scope, y, x, limit=None)
    groups = scope.clusters.count(rows) if len(rows) else 0
    needed = max(MIN_GROUPS, item.folds)
    if groups < needed:
        because = f"usable rows come from {groups} prompts and at least {needed} are needed"
        notes.append(scope.not_measured(what, because))
        return None
    if np.ptp(y[rows]) == 0:
        notes.append(scope.not_measured(what, f"it is {y[rows][0]:g} in every usable row"))
        return None
    result = out_of_fold(
        lambda: build_estimator(spec, seed=scope.clusters.seed),
        x[rows],
        y[rows],
        groups=scope.clusters.groups[rows],
        rows=rows,
        folds=item.folds,
        name=f"{spec.id!r} ({spec.name})",
    )
    notes += [f"{scope.query}: {spec.id} warned: {text}" for text in result.warnings]
    r2, error, baseline, spearman = judge(result, scope.clusters, confidence=scope.confidence)
    surrogate = Surrogate(
        query=scope.query,
        model=scope.model,
        target=item.target,
        purpose="named",
        estimator=f"{spec.id}: {spec.name}",
        x=tuple(item.x),
        num_columns=x.shape[1],
        folds=result.folds,
        dropped=dropped,
        by_construction=_own_vectors(item, columns) and linear(spec) and r2.value > PERFECT,
        r2=r2,
        error=error,
        baseline_error=baseline,
        spearman=spearman,
    )
    return Prediction(surrogate, result)


def _own_vectors(item: Predict, columns: TableColumns) -> bool:
    embeddings = [columns.embedding(name) for name in item.x]
    return any(x is not None and embedding_type(x) == "model" for x in embeddings)


def _matrix(item: Predict, columns: TableColumns, notes: list[str]) -> np.ndarray | str:
    """All columns side by side [rows, columns], or the reason why there are none."""
    if not item.x:
        return "it names no column"
    parts: list[np.ndarray] = []
    for name in item.x:
        embedding = columns.embedding(name)
        if embedding is not None:
            found = embedding_matrix(embedding, columns, item.target, notes)
            if isinstance(found, str):
                return found
            parts.append(found)
            continue
        scalar = columns.scalar(name, item.target)
        if scalar is None:
            return f"{name} was not measured on its rows"
        parts.append(scalar.values[:, None])
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
