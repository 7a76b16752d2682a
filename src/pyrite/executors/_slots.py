"""The scheduling that all executors with workers of their own share.

A pool has slots. A slot holds one worker at a time, and gets a new one when that is lost. A worker
has at most one unit, and the driver keeps that unit until it is done: so a lost worker costs one
unit, and nobody ever waits for somebody who is waiting to be heard.
"""

from __future__ import annotations

import os
import pickle
import sys
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from pyrite import errors
from pyrite.errors import ConfigError, ModelError, PyriteError, ScoringError
from pyrite.executors import Done, Opening, Pool, Task, Unit
from pyrite.executors._worker import Failure, Hello, Ready, pack_unit, unpack_answer

__all__ = ["Answer", "Lost", "Slot", "SlotPool", "packed", "raise_failure"]

UNIT_LOSSES = 2
"""Workers that one unit may cost; then it is the unit that kills them."""
OPENING_LOSSES = 2
"""Workers that may be lost in a row while they open."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A worker is gone; `why` as in "killed by signal 9"."""

    why: str


Answer = Ready | Failure | Lost | bytes
"""What comes from a slot: its worker is ready, failed, lost, or answered a unit."""


class Slot(ABC):
    """A place for one worker; `begin` is called again when its worker was lost."""

    @abstractmethod
    def begin(self, hello: Hello) -> None:
        """Start a worker and tell it what to open; returns at once."""

    @abstractmethod
    def send(self, message: bytes) -> None:
        """Give the worker a unit; a worker that is gone is told by the next answer."""

    @abstractmethod
    def end(self) -> None:
        """End the worker now, also a busy one; more than once does no harm."""


class SlotPool(Pool):
    """A pool over slots; an implementation gives the slots and waits for their answers."""

    def __init__(self, slots: Sequence[Slot], opening: Opening, where: str) -> None:
        self.where = where
        self.workers = len(slots)
        self.slots = slots
        self._hello = Hello(str(Path.cwd()), tuple(sys.path), packed(opening))
        self._idle: list[Slot] = []
        self._busy: dict[Slot, Unit | None] = {}
        self._again: deque[Unit] = deque()
        self._losses: Counter[int] = Counter()
        self._opening_losses = 0
        self._first: Ready | None = None

    @abstractmethod
    def wait(self, busy: Sequence[Slot]) -> list[tuple[Slot, Answer]]:
        """The answers of busy slots, at least one; blocks until there is one."""

    def start(self) -> None:
        """Start all workers and wait for the first that is ready.

        Raises:
            PyriteError: one cannot open what it should.
        """
        self._fill()
        while self._first is None:
            for slot, answer in self.wait(list(self._busy)):
                self._opened(slot, answer)
        self.about, self.content = self._first.about, self._first.content

    def run(self, task: Task, units: Iterable[Unit]) -> Generator[Done, None, None]:
        """Do a task on all units; see `Pool.run`."""
        message = packed(task)
        remaining = iter(units)
        self._again.clear()
        self._fill()
        try:
            while True:
                more = self._give(message, remaining)
                if not more and not any(self._busy.values()):
                    return  # workers that are still opening are not needed for this
                for slot, answer in self.wait(list(self._busy)):
                    done = self._take(slot, answer)
                    if done is not None:
                        yield done
        finally:
            self._drop_unfinished()

    def close(self) -> None:
        """End all workers."""
        for slot in self.slots:
            slot.end()
        self._idle.clear()
        self._busy.clear()

    def _fill(self) -> None:
        """A worker for every slot that has none."""
        for slot in self.slots:
            if slot not in self._busy and slot not in self._idle:
                slot.begin(self._hello)
                self._busy[slot] = None

    def _give(self, message: bytes, remaining: Iterator[Unit]) -> bool:
        """Give units to idle workers; False when there are no more units."""
        while self._idle:
            unit = self._again.popleft() if self._again else next(remaining, None)
            if unit is None:
                return False
            slot = self._idle.pop()
            self._busy[slot] = unit
            slot.send(pack_unit(message, unit))
        return True

    def _take(self, slot: Slot, answer: Answer) -> Done | None:
        unit = self._busy[slot]
        if unit is None or not isinstance(answer, bytes):
            if unit is not None and isinstance(answer, Lost):
                self._lost(slot, unit, answer)
            else:
                self._opened(slot, answer)
            return None
        found = unpack_answer(answer)
        if isinstance(found, Failure):
            raise_failure(found, self.hint(found))
        result, seconds = found
        del self._busy[slot]
        self._idle.append(slot)
        return Done(unit.start, unit.stop, result, seconds)

    def _lost(self, slot: Slot, unit: Unit, lost: Lost) -> None:
        self.lost += 1
        self._losses[unit.start] += 1
        if self._losses[unit.start] >= UNIT_LOSSES:
            raise ScoringError(
                f"rows {unit.start} to {unit.stop - 1}: {self._losses[unit.start]} workers were "
                f"lost over them, the last one {lost.why}; {_CURE}"
            )
        self._again.append(unit)
        self._begin_again(slot)

    def _opened(self, slot: Slot, answer: Answer) -> None:
        """What a worker that was opening says."""
        if isinstance(answer, Ready):
            self._check_same(answer)
            self._opening_losses = 0
            del self._busy[slot]
            self._idle.append(slot)
        elif isinstance(answer, Failure):
            raise_failure(answer, self.hint(answer))
        else:
            why = answer.why if isinstance(answer, Lost) else "gave an answer nobody asked for"
            self.lost += 1
            self._opening_losses += 1
            if self._opening_losses >= OPENING_LOSSES:
                raise ModelError(
                    f"{self._opening_losses} workers in a row were lost while they opened the "
                    f"model, the last one {why}; {_CURE}"
                )
            self._begin_again(slot)

    def _begin_again(self, slot: Slot) -> None:
        slot.end()
        slot.begin(self._hello)
        self._busy[slot] = None

    def _check_same(self, ready: Ready) -> None:
        if self._first is None:
            self._first = ready
        different = [r for r, c in ready.content.items() if c != self._first.content.get(r)]
        if different:
            raise ModelError(
                f"workers opened different content ({', '.join(different)}): the one on "
                f"{ready.host} is not as the one on {self._first.host}; copy the same files to "
                "all machines"
            )

    def _drop_unfinished(self) -> None:
        """After a mistake or a break, workers that still work on something are ended."""
        for slot in [slot for slot, unit in self._busy.items() if unit is not None]:
            slot.end()
            del self._busy[slot]

    def hint(self, failure: Failure) -> str:
        """What to add to a failure; empty where a worker is as good a place as this process."""
        return ""


_CURE = (
    "often memory is short: use fewer workers or a smaller `query.batch_tokens`; what was finished "
    "before is kept"
)


def packed(value: Opening | Task) -> bytes:
    """Pickled for a worker.

    Raises:
        ModelError: it is made of something that cannot be sent.
    """
    try:
        return pickle.dumps(value, protocol=5)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ModelError(
            f"{type(value).__name__} cannot be sent to a worker ({error}); define your own classes "
            "at the top level of a file, or use engine: local"
        ) from error


def raise_failure(failure: Failure, hint: str = "") -> NoReturn:
    """Raise here what was raised in a worker, its traceback there as a note.

    Raises:
        PyriteError: of the same class where it is one of Pyrite's, else a ScoringError.
    """
    kind: type[PyriteError] = ScoringError
    text = f"a worker failed with {failure.kind}: {failure.text}"
    found = getattr(errors, failure.kind, None)
    if isinstance(found, type) and issubclass(found, PyriteError) and found is not ConfigError:
        kind, text = found, failure.text
    error = kind(f"{text} ({hint})" if hint else text)
    error.add_note(f"In the worker (process on {failure.host}):\n{failure.trace}")
    raise error


def cores() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
