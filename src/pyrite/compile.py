"""From an experiment to the steps of its plan."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pyrite.config.sections import ExploitSection
from pyrite.errors import PyriteError
from pyrite.steps import Step
from pyrite.steps.analyze import AnalyzeStep
from pyrite.steps.data import DataStep
from pyrite.steps.exploit import ExploitStep
from pyrite.steps.model import ModelStep
from pyrite.steps.query import QueryStep

if TYPE_CHECKING:
    from pyrite.experiment import Experiment
    from pyrite.exploits.suite import Entry

__all__ = ["compile_replay", "compile_steps", "pinned"]


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
        reference=section.reference,
        analyses=tuple(n for n in section.requires if n not in models and n not in data),
    )


def compile_replay(
    experiment: Experiment,
    entries: Sequence[Entry],
    suite: str,
    *,
    model: str | None = None,
    data: str | None = None,
) -> list[Step]:
    """The steps that try a suite on one model and one data set of an experiment.

    How texts are made, the budget and gold are those of its exploit section for this model and
    data, else how texts are made is as in a query of the two.

    Args:
        entries, suite: what is tried, and what people call it.
        model, data: ids; None where the experiment leaves no choice.

    Raises:
        PyriteError: there is a choice and nothing says which, or no such id.
        StoreError: the entries were proved by different rules.
    """
    from pyrite.exploits.measured import Rules
    from pyrite.exploits.suite import same_rules
    from pyrite.steps.replay import ReplayStep

    models, sets = [one.id for one in experiment.models], [one.id for one in experiment.data]
    model = _chosen("model", models, model, experiment)
    data = _chosen("data", sets, data, experiment)
    wanted = {model, data}
    own = [one for one in experiment.exploits if wanted <= set(one.requires)]
    asked = [one for one in experiment.queries if wanted <= set(one.requires)]
    made = {name: getattr(asked[0], name) for name in ("message", "tokenizer")} if asked else {}
    section = own[0] if own else ExploitSection(**made)
    section = section.model_copy(
        update={
            "id": "replay",
            "requires": [model, data],
            "transfer": [],
            "controls": False,
            "reference": None,
        }
    )
    step = ReplayStep(
        section,
        model,
        data,
        experiment.doctor,
        gold=section.gold if section.gold in models else None,
        suite=tuple(entries),
        rules=same_rules(entries) if entries else Rules(),
        called=suite,
    )
    needed = {model, data, step.gold}
    return [*(one for one in compile_steps(experiment) if one.id in needed), step]


def _chosen(kind: str, known: Sequence[str], given: str | None, experiment: Experiment) -> str:
    """The id that is given, that exploit sections name, or the only one there is."""
    if given is not None and given not in known:
        raise PyriteError(f"--{kind}: {given!r} is none of the experiment's: {', '.join(known)}")
    named = {name for one in experiment.exploits for name in one.requires if name in known}
    usable = [given] if given is not None else sorted(named) or list(known)
    if len(usable) != 1:
        choice = ", ".join(usable) or "there is none"
        raise PyriteError(f"{experiment.name}: say with --{kind} which one is meant: {choice}")
    return usable[0]


def pinned(steps: Sequence[Step]) -> list[Step]:
    """The steps with hub names resolved to commits; local ones as they are.

    Raises:
        PyriteError: a repository is neither reachable nor in the local cache.
    """
    try:
        return [step.pin() for step in steps]
    except FileNotFoundError as error:
        raise PyriteError(str(error)) from error
