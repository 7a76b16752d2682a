"""A plan: the steps of an experiment in order, each with the identity of its result."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pyrite.sources import hash_text
from pyrite.steps import Step
from pyrite.types import Json

__all__ = ["Plan", "PlannedStep", "is_selected"]


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step and the identity of its result; None while remote content is not resolved."""

    step: Step
    identity: str | None
    described: Json


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in an order in which each follows what it requires."""

    name: str
    steps: tuple[PlannedStep, ...]

    @classmethod
    def of(cls, name: str, steps: Sequence[Step]) -> Plan:
        """Order the steps and compute their identities from what is known offline."""
        identities: dict[str, str | None] = {}
        planned = []
        for step in ordered(steps):
            inputs = {name: identities[name] for name in step.requires}
            identity, described = identify(step, inputs)
            identities[step.id] = identity
            planned.append(PlannedStep(step, identity, described))
        return cls(name, tuple(planned))

    @property
    def id(self) -> str | None:
        """Twelve hex digits naming everything that this plan's results depend on."""
        identities = [planned.identity for planned in self.steps]
        if any(identity is None for identity in identities):
            return None
        named = sorted(f"{p.step.kind}/{p.step.id}={p.identity}" for p in self.steps)
        return hash_text("\n".join(named))[:12]

    def needed(self, only: Sequence[str]) -> frozenset[str]:
        """Ids of the steps that `only` selects, and of all that these require."""
        found: set[str] = set()

        def visit(step: Step) -> None:
            found.add(step.id)
            for name in step.requires:
                visit(self[name].step)

        for planned in self:
            if is_selected(planned.step, only):
                visit(planned.step)
        return frozenset(found)

    def __iter__(self) -> Iterator[PlannedStep]:
        return iter(self.steps)

    def __getitem__(self, step_id: str) -> PlannedStep:
        return next(planned for planned in self.steps if planned.step.id == step_id)


def is_selected(step: Step, only: Sequence[str]) -> bool:
    """Whether `only` names a step: by id, by kind, or by the query that was made into several.

    An empty `only` selects all.
    """
    return not only or any(
        name in (step.id, step.kind) or step.id.startswith(f"{name}.") for name in only
    )


def identify(step: Step, inputs: dict[str, str | None]) -> tuple[str | None, Json]:
    """Identity of a step's result from its declaration, content and inputs.

    The names of the required steps are not part of it, their identities are: renaming a model
    does not make its scores new.
    """
    fingerprints = dict(step.fingerprints())
    described = {
        "kind": step.kind,
        "version": step.VERSION,
        "declared": step.declared(),
        "content": fingerprints,
        "inputs": list(inputs.values()),
    }
    known = all(fingerprints.values()) and all(inputs.values())
    text = json.dumps(described, sort_keys=True, ensure_ascii=True)
    return (hash_text(text) if known else None), described


def ordered(steps: Sequence[Step]) -> list[Step]:
    """Steps so that each follows those it requires; otherwise in the order given."""
    by_id = {step.id: step for step in steps}
    done: dict[str, Step] = {}

    def visit(step: Step) -> None:
        if step.id in done:
            return
        for name in step.requires:
            visit(by_id[name])
        done[step.id] = step

    for step in steps:
        visit(step)
    return list(done.values())
