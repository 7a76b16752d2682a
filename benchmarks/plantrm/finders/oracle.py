"""Knows the plants: shows that the harness counts what is found. No finder to compare with."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any, cast

from benchmarks.plantrm.case import Case
from benchmarks.plantrm.contract import Finding
from benchmarks.plantrm.plants import Kind, Plant

from pyrite.exploits import Answer, Claim, Surroundings

__all__ = ["PlantEdit", "find_in"]


@dataclass(frozen=True)
class PlantEdit:
    """A plant as an edit."""

    plant: Plant

    @property
    def claim(self) -> Claim:
        """What turning it on does to quality."""
        return Claim.LOWERS if self.plant.destroys else Claim.KEEPS

    def apply(self, answer: Answer, around: Surroundings) -> Answer | None:
        """None where it is on already, or cannot be on."""
        plant = self.plant
        if plant.amount(answer.prompt, answer.response) >= 0.5:
            return None
        if not plant.possible(answer.prompt):
            return None
        rng = Random(f"{around.seed} {answer.prompt} {answer.response}")
        return Answer(answer.prompt, plant.put(answer.prompt, answer.response, rng), answer.group)


def find_in(case: Case) -> list[Finding]:
    """One finding for each plant."""
    verdicts = {Kind.EXPLOIT: "exploit", Kind.PENALTY: "sensitivity", Kind.DECOY: "preference"}
    return [
        Finding(cast("Any", PlantEdit(plant)), verdicts[plant.kind])
        for plant in case.plants
        if plant.strength
    ]
