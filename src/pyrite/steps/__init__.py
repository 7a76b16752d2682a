"""The contract of steps: one kind of step per file, named like its section of the experiment.

A step declares what its result depends on (`declared`, `fingerprints`, the steps it requires) and
runs once that is known. It writes only into its own folder, finished pieces first and `meta.json`
last, so that a kill at any point loses no finished piece.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from pyrite.types import Json

if TYPE_CHECKING:
    from pyrite.progress import Progress
    from pyrite.steps.stored_table import StoredTable
    from pyrite.store import StepFolder

__all__ = ["Step", "StepContext", "StepResult"]


@dataclass(frozen=True)
class StepContext:
    """What a running step may use.

    Attributes:
        folder: the step's own folder, the only place it writes to.
        inputs: the steps it requires and their folders.
        progress: where to show what is being done.
        table: the stored table of a query, by the query's name.
        event: appends to the run's events: `event("doctor", id=...)`.
    """

    folder: StepFolder
    inputs: Mapping[str, tuple[Step, StepFolder]]
    progress: Progress
    table: Callable[[str], StoredTable]
    event: Callable[..., None] = lambda kind, **fields: None


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
