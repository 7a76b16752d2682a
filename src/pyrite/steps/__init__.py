"""The contract of steps: one kind of step per file, named like its section of the experiment.

A step declares what its result depends on (`declared`, `fingerprints`, the steps it requires) and
runs once that is known. It writes only into its own folder, finished pieces first and `meta.json`
last, so that a kill at any point loses no finished piece.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from pyrite.types import Json

if TYPE_CHECKING:
    from pyrite.progress import Progress
    from pyrite.store import RunFolder, StepFolder

__all__ = ["Step", "StepContext", "StepResult"]


@dataclass(frozen=True)
class StepContext:
    """What a running step may use: its folder, those of the steps it requires, and progress."""

    folder: StepFolder
    inputs: Mapping[str, tuple[Step, StepFolder]]
    progress: Progress
    run: RunFolder

    def required(self, kind: str) -> list[tuple[Step, StepFolder]]:
        """The required steps of one kind, in the order the experiment names them."""
        return [pair for pair in self.inputs.values() if pair[0].kind == kind]


@dataclass(frozen=True)
class StepResult:
    """What a finished step says of itself.

    Attributes:
        meta: goes into `meta.json`.
        notes: sentences for the user: what was detected, counted, or could not be had.
        scalars: numbers for trackers.
    """

    meta: dict[str, Json] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    scalars: Mapping[str, float] = field(default_factory=dict)


class Step(ABC):
    """One node of the plan."""

    kind: ClassVar[str]
    VERSION: ClassVar[int] = 1

    id: str
    requires: tuple[str, ...] = ()

    @abstractmethod
    def declared(self) -> Json:
        """The fields that change this step's result, as plain JSON."""

    def fingerprints(self) -> Mapping[str, str | None]:
        """Content that the result depends on, by role; None where it is not known offline."""
        return {}

    def pin(self) -> Step:
        """This step with its remote content resolved to a fixed version (may ask the network)."""
        return self

    @abstractmethod
    def run(self, context: StepContext) -> StepResult:
        """Do the work; what is already in the folder under the same identity is kept."""

    def close(self) -> None:  # noqa: B027 - most steps hold nothing open
        """Release what `run` left open for later steps."""
