"""What runs inside a worker, whatever carries the messages to it.

A worker gets bytes and gives bytes: first how to open, then tasks with units. It never raises what
a task raised, it tells it, so that the driver can say it where the user looks.
"""

from __future__ import annotations

import io
import os
import pickle
import platform
import sys
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyrite.executors import Result

if TYPE_CHECKING:
    import pyarrow as pa

    from pyrite.executors import Opened, Opening, Task, Unit, Work

__all__ = ["Failure", "Hello", "Ready", "Worker", "pack_unit", "unpack_answer"]


@dataclass(frozen=True, slots=True)
class Hello:
    """What a worker is told first: where the driver is, and how to open (pickled)."""

    folder: str
    path: tuple[str, ...]
    opening: bytes


@dataclass(frozen=True, slots=True)
class Ready:
    """A worker has opened; `process` is its id on its machine `host`."""

    about: Any
    content: Mapping[str, str | None]
    process: int
    host: str


@dataclass(frozen=True, slots=True)
class Failure:
    """Something raised in a worker: the name of its class, its text, and where it was."""

    kind: str
    text: str
    trace: str
    host: str


class Worker:
    """Opens once, then does units."""

    def __init__(self) -> None:
        self._opened: Opened | None = None
        self._task: Task | None = None
        self._work: Work | None = None

    def open(self, hello: Hello) -> Ready | Failure:
        """Go where the driver is, as far as that exists here, and open."""
        if Path(hello.folder).is_dir():
            os.chdir(hello.folder)
        sys.path.extend(entry for entry in hello.path if entry not in sys.path)
        try:
            opening: Opening = pickle.loads(hello.opening)
            self._opened = opening.open()
        except Exception as error:  # noqa: BLE001 - told to the driver, which raises it
            return _failure(error)
        return Ready(self._opened.about, self._opened.content, os.getpid(), platform.node())

    def do(self, message: bytes) -> bytes:
        """Do one unit.

        Returns:
            What `unpack_answer` reads: a `Failure`, or a result and the seconds that it took.
        """
        try:
            task, rows = _unpack(message)
            began = time.monotonic()
            result = self._work_on(task).do(rows)
            seconds = time.monotonic() - began
            answer: Any = (_to_bytes(result.table), result.vectors, result.about, seconds)
        except Exception as error:  # noqa: BLE001 - told to the driver, which raises it
            answer = _failure(error)
        return pickle.dumps(answer, protocol=5)

    def close(self) -> None:
        """Release what was prepared and opened."""
        if self._work is not None:
            self._work.close()
        if self._opened is not None:
            self._opened.close()

    def _work_on(self, task: Task) -> Work:
        if self._work is None or task != self._task:
            if self._work is not None:
                self._work.close()
            self._work = task.prepare(self._opened)
            self._task = task
        return self._work


def pack_unit(task: bytes, unit: Unit) -> bytes:
    """The message that asks for a unit; `task` is pickled already."""
    return pickle.dumps((task, _to_bytes(unit.rows)), protocol=5)


def unpack_answer(answer: bytes) -> Failure | tuple[Result, float]:
    """What `Worker.do` answered."""
    found: Any = pickle.loads(answer)
    if isinstance(found, Failure):
        return found
    table, vectors, about, seconds = found
    return Result(_from_bytes(table), vectors, about), seconds


def _unpack(message: bytes) -> tuple[Task, pa.Table]:
    task, rows = pickle.loads(message)
    return pickle.loads(task), _from_bytes(rows)


def _to_bytes(table: pa.Table) -> bytes:
    """A table alone; pickling one that is a slice would carry all of what it is a slice of."""
    import pyarrow as pa

    stream = io.BytesIO()
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    return stream.getvalue()


def _from_bytes(content: bytes) -> pa.Table:
    import pyarrow as pa

    with pa.ipc.open_stream(content) as reader:
        return reader.read_all()


def _failure(error: Exception) -> Failure:
    trace = "".join(traceback.format_exception(error))
    return Failure(type(error).__name__, str(error), trace, platform.node())
