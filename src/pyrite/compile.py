"""From an experiment to the steps of its plan."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pyrite.errors import PyriteError
from pyrite.steps import Step
from pyrite.steps.analyze import AnalyzeStep
from pyrite.steps.data import DataStep
from pyrite.steps.exploit import ExploitStep
from pyrite.steps.model import ModelStep
from pyrite.steps.query import QueryStep

if TYPE_CHECKING:
    from pyrite.config.sections import ExploitSection
    from pyrite.experiment import Experiment

__all__ = ["compile_steps", "pinned"]


def compile_steps(experiment: Experiment) -> list[Step]:
    """The steps of an experiment; its `requires` are valid and fanned out already."""
    models = {model.id for model in experiment.models}
    steps: list[Step] = [
        ModelStep(model, executor=experiment.engine) for model in experiment.models
    ]
    steps += [DataStep(section) for section in experiment.data]
    for query in experiment.queries:
        model = next(name for name in query.requires if name in models)
        data = next(name for name in query.requires if name not in models)
        steps.append(QueryStep(query, model, data, experiment.doctor))
    steps += [AnalyzeStep(section, tuple(section.requires)) for section in experiment.analyses]
    return steps + [_exploit_step(section, experiment, models) for section in experiment.exploits]


def _exploit_step(section: ExploitSection, experiment: Experiment, models: set[str]) -> ExploitStep:
    data = {one.id for one in experiment.data}
    return ExploitStep(
        section,
        next(name for name in section.requires if name in models),
        next(name for name in section.requires if name in data),
        experiment.doctor,
        gold=section.gold if section.gold in models else None,
        analyses=tuple(n for n in section.requires if n not in models and n not in data),
    )


def pinned(steps: Sequence[Step]) -> list[Step]:
    """The steps with hub names resolved to commits; local ones as they are.

    Raises:
        PyriteError: a repository is neither reachable nor in the local cache.
    """
    try:
        return [step.pin() for step in steps]
    except FileNotFoundError as error:
        raise PyriteError(str(error)) from error
