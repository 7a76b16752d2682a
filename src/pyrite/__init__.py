"""Pyrite tells gold from fool's gold in reward models.

::

    import pyrite

    run = pyrite.run("experiment.yml")
    run.table("my_query")      # pandas: the data's columns and what `store` names
    run.findings               # sentences with interval and n
    run.figures                # PNG files
    run.path                   # the run directory

Importing this module imports nothing heavy; names are loaded when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyrite.api import dry_run, run
    from pyrite.config import load, schema
    from pyrite.config.sections import (
        AnalyzeSection,
        DataSection,
        ExploitSection,
        QuerySection,
        Sample,
    )
    from pyrite.errors import ConfigError, PyriteError
    from pyrite.experiment import Experiment
    from pyrite.features import Feature
    from pyrite.models import ItemScorer, Model, TokenScorer
    from pyrite.models.endpoint import Endpoint
    from pyrite.models.gating_model import GatingModel
    from pyrite.models.python_callable import PythonCallable
    from pyrite.models.recorded import Recorded
    from pyrite.models.reward_model import RewardModel
    from pyrite.models.sequence_classifier import SequenceClassifier
    from pyrite.runs import Run
    from pyrite.trackers import Tracker

_PLACES = {
    "AnalyzeSection": "pyrite.config.sections",
    "ConfigError": "pyrite.errors",
    "DataSection": "pyrite.config.sections",
    "Endpoint": "pyrite.models.endpoint",
    "Experiment": "pyrite.experiment",
    "ExploitSection": "pyrite.config.sections",
    "Feature": "pyrite.features",
    "GatingModel": "pyrite.models.gating_model",
    "ItemScorer": "pyrite.models",
    "Model": "pyrite.models",
    "PyriteError": "pyrite.errors",
    "PythonCallable": "pyrite.models.python_callable",
    "QuerySection": "pyrite.config.sections",
    "Recorded": "pyrite.models.recorded",
    "RewardModel": "pyrite.models.reward_model",
    "Run": "pyrite.runs",
    "Sample": "pyrite.config.sections",
    "SequenceClassifier": "pyrite.models.sequence_classifier",
    "TokenScorer": "pyrite.models",
    "Tracker": "pyrite.trackers",
    "dry_run": "pyrite.api",
    "load": "pyrite.config",
    "run": "pyrite.api",
    "schema": "pyrite.config",
}

__all__ = [
    "AnalyzeSection",
    "ConfigError",
    "DataSection",
    "Endpoint",
    "Experiment",
    "ExploitSection",
    "Feature",
    "GatingModel",
    "ItemScorer",
    "Model",
    "PyriteError",
    "PythonCallable",
    "QuerySection",
    "Recorded",
    "RewardModel",
    "Run",
    "Sample",
    "SequenceClassifier",
    "TokenScorer",
    "Tracker",
    "dry_run",
    "load",
    "run",
    "schema",
]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'pyrite' has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
