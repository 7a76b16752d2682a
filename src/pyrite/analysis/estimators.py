"""scikit-learn estimators by class name, checked before anything is fitted."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping
from typing import Any

from pyrite.component import Listing, nearest
from pyrite.config.sections import EstimatorSpec
from pyrite.errors import AnalysisError

__all__ = ["build_estimator", "linear", "listings", "regressor_class"]

_SCALE_FREE = ("sklearn.ensemble", "sklearn.tree", "sklearn.dummy", "sklearn.isotonic")


def linear(spec: EstimatorSpec) -> bool:
    """Whether the estimator is a linear function of its columns."""
    kind = regressor_class(spec.name)
    return kind.__module__.startswith("sklearn.linear_model") or spec.name == "LinearSVR"


def regressor_class(name: str) -> type[Any]:
    """The scikit-learn regressor called `name`.

    Raises:
        AnalysisError: there is none; names the nearest, or says that it is a classifier.
    """
    from sklearn.utils import all_estimators

    regressors = dict(all_estimators(type_filter="regressor"))
    if name in regressors:
        return regressors[name]  # type: ignore[no-any-return]
    hint = nearest(name, list(regressors))
    if name in dict(all_estimators(type_filter="classifier")):
        twin = name.replace("Classifier", "Regressor")
        hint = f"did you mean {twin!r}?" if twin in regressors else hint
        raise AnalysisError(f"{name} is a classifier, but the target is a number ({hint})")
    raise AnalysisError(f"scikit-learn has no regressor called {name!r} ({hint})")


def listings() -> list[Listing]:
    """Every estimator that an experiment may name: regressors of one number that stand alone."""
    from sklearn.utils import all_estimators

    return [
        Listing(name, _summary(kind), kind.__module__, name)
        for name, kind in all_estimators(type_filter="regressor")
        if not _missing(EstimatorSpec(id=name, name=name), kind) and _lasting(kind)
    ]


def _lasting(kind: type[Any]) -> bool:
    """Whether it predicts one number, and scikit-learn does not warn that it will be removed."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        one = bool(kind().__sklearn_tags__().target_tags.single_output)
    return one and not any(issubclass(x.category, FutureWarning) for x in said)


def _summary(kind: type[Any]) -> str:
    lines = (inspect.getdoc(kind) or "").strip().splitlines()
    return lines[0] if lines else ""


def build_estimator(spec: EstimatorSpec, *, seed: int) -> Any:
    """An unfitted estimator; inputs are standardised first where their scale matters.

    Its `random_state` is `seed` where it takes one and the experiment does not give one.

    Raises:
        AnalysisError: no such regressor, or it does not take these arguments.
    """
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    kind = regressor_class(spec.name)
    estimator = kind(**_arguments(spec, kind, seed))
    if kind.__module__.startswith(_SCALE_FREE):
        return estimator
    return make_pipeline(StandardScaler(), estimator)


def _arguments(spec: EstimatorSpec, kind: type[Any], seed: int) -> Mapping[str, Any]:
    parameters = inspect.signature(kind).parameters
    for name in spec.args:
        if name not in parameters:
            raise AnalysisError(
                f"estimator {spec.id!r}: {spec.name} takes no argument {name!r} "
                f"({nearest(name, list(parameters))})"
            )
    missing = _missing(spec, kind)
    if missing:
        raise AnalysisError(
            f"estimator {spec.id!r}: {spec.name} needs {', '.join(missing)}, which this file "
            f"cannot give (choose an estimator that stands alone)"
        )
    chosen = dict(spec.args)
    if "random_state" in parameters and chosen.get("random_state") is None:
        chosen["random_state"] = seed
    return chosen


def _missing(spec: EstimatorSpec, kind: type[Any]) -> list[str]:
    """Arguments that the class needs and the experiment does not give."""
    return [
        name
        for name, x in inspect.signature(kind).parameters.items()
        if x.default is x.empty and x.kind is not x.VAR_KEYWORD and name not in spec.args
    ]
