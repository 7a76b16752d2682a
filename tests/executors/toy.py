"""A thing to open and a thing to do that need no model; workers import this file too."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from pyrite.errors import DataError
from pyrite.executors import Opened, Opening, Result, Task, Unit, Work


class Factor(Opened):
    """A number to multiply by."""

    def __init__(self, factor: int, content: str) -> None:
        self.factor = factor
        self.about = {"factor": factor, "process": os.getpid()}
        self.content = {"weights": content}


@dataclass(frozen=True)
class OpenFactor(Opening):
    """Opens `factor`; `trouble` says what goes wrong on the way."""

    factor: int = 3
    trouble: str = ""

    def open(self) -> Factor:
        if self.trouble == "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.trouble == "refuses":
            raise DataError("not this one")
        return Factor(self.factor, str(os.getpid()) if self.trouble == "differs" else "same")


@dataclass(frozen=True)
class Multiply(Task):
    """Multiplies a column; every unit that is begun is written down in `log`.

    `trouble` maps the first row of a unit to what happens: `dies once`, `dies`, `raises`.
    """

    log: str
    trouble: tuple[tuple[int, str], ...] = ()

    def prepare(self, opened: Factor) -> Work:
        return _Multiplying(self, opened.factor)


class _Multiplying(Work):
    def __init__(self, task: Multiply, factor: int) -> None:
        self.task = task
        self.factor = factor

    def do(self, rows: pa.Table) -> Result:
        numbers = rows["n"].to_pylist()
        log = Path(self.task.log)
        first = not log.exists() or f"{numbers[0]} " not in log.read_text()
        with log.open("a") as stream:
            stream.write(f"{numbers[0]} {os.getpid()}\n")
        trouble = dict(self.task.trouble).get(numbers[0], "")
        if trouble == "dies" or (trouble == "dies once" and first):
            os.kill(os.getpid(), signal.SIGKILL)
        if trouble == "raises":
            raise ZeroDivisionError("by nothing")
        product = pa.table({"product": [n * self.factor for n in numbers]})
        return Result(product, {}, os.getpid())


def begun(log: Path) -> list[int]:
    """The first rows of all units that were begun, in that order."""
    return [int(line.split()[0]) for line in log.read_text().splitlines()]


def units(count: int, rows: int = 5) -> list[Unit]:
    """Units of a column `n` that counts; each is a slice of one table."""
    table = pa.table({"n": list(range(count * rows))})
    return [Unit(at, at + rows, table.slice(at, rows)) for at in range(0, count * rows, rows)]
