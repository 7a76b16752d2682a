"""The contract of executors: where work is done, one way per file in this folder.

The `engine` key of an experiment names an `Executor`. It starts a `Pool` of workers, each of which
opens the same thing (a reward model) for itself, and the pool runs tasks over units of rows::

    Executor ──start(opening)──► Pool ──run(task, units)──► Done, Done, ...   in any order

Everything that crosses to a worker is small and picklable: an `Opening` says how to open, a `Task`
says what to do with what was opened, a `Unit` is a range of rows with these rows. A worker that
is lost (killed, out of memory, its machine gone) costs the unit it worked on, which another one
does again. What is computed may not depend on the executor; none is part of an identity.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from pyrite.component import Component, Family

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

__all__ = [
    "EXECUTORS",
    "Done",
    "Executor",
    "Opened",
    "Opening",
    "Pool",
    "Result",
    "Task",
    "Unit",
    "Work",
]

EXECUTORS = Family("executors", "pyrite.executors", "Executor")


class Opened(ABC):
    """What a worker opened.

    Attributes:
        about: what the driver must know of it; plain and picklable.
        content: what must be equal in all workers (fingerprints by role), so that none of them
            works with other weights under the same name.
    """

    about: Any
    content: Mapping[str, str | None]

    def close(self) -> None:  # noqa: B027 - some hold nothing that must be given back
        """Release what opening took."""


class Opening(ABC):
    """How to open the thing that work is done with; picklable."""

    @abstractmethod
    def open(self) -> Opened:
        """Open it in this process.

        Raises:
            PyriteError: it cannot be opened.
        """


@dataclass(frozen=True, slots=True)
class Result:
    """What became of rows: a table with as many rows, arrays beside it, and a word about it.

    `about` is whatever the task wants the driver to know of these rows; plain and picklable.
    """

    table: pa.Table
    vectors: Mapping[str, np.ndarray] = field(default_factory=dict)
    about: Any = None


class Work(ABC):
    """A task made ready in a worker."""

    @abstractmethod
    def do(self, rows: pa.Table) -> Result:
        """Do it for some rows."""

    def close(self) -> None:  # noqa: B027 - some hold nothing that must be given back
        """Release what `Task.prepare` took; not called in a worker that is killed."""


class Task(ABC):
    """What to do with rows; picklable, and equal to another one that does the same."""

    @abstractmethod
    def prepare(self, opened: Any) -> Work:
        """Make ready in a worker, before its first unit; `opened` is what `Opening.open` gave."""


@dataclass(frozen=True, slots=True)
class Unit:
    """Rows start..stop-1 of the data, to be worked on."""

    start: int
    stop: int
    rows: pa.Table


@dataclass(frozen=True, slots=True)
class Done:
    """A finished unit, and the seconds that its worker took."""

    start: int
    stop: int
    result: Result
    seconds: float


class Pool(ABC):
    """Running workers; close it, or use it as a context manager.

    Attributes:
        about: what the first worker says of what it opened.
        content: the fingerprints of what was opened, by role.
        here: what was opened, where that is in this process; else None.
        workers: how many work at once.
        where: the workers in words, as in "scored on 2 processes".
        lost: workers lost so far.
    """

    about: Any
    content: Mapping[str, str | None]
    here: Opened | None = None
    workers: int = 1
    where: str
    lost: int = 0

    @abstractmethod
    def run(self, task: Task, units: Iterable[Unit]) -> Generator[Done, None, None]:
        """Do a task on all units.

        Units are taken one by one, when a worker is free, so that an iterator may decide the size
        of the next one by what is done already.

        Yields:
            Finished units in any order, each exactly once.

        Raises:
            PyriteError: the task failed, as it would have here; or a unit cost several workers.
        """

    @abstractmethod
    def close(self) -> None:
        """End all workers, also busy ones; more than once does no harm."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.close()


class Executor(Component):
    """A way to get work done: its fields are the `engine` section of an experiment."""

    @abstractmethod
    def start(self, opening: Opening) -> Pool:
        """Start workers; returns as soon as one of them is ready.

        Raises:
            PyriteError: a worker cannot open what it should, or none can be started.
        """
