"""In this process, one unit after another: the default."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable

from pyrite.executors import Done, Executor, Opened, Opening, Pool, Task, Unit

__all__ = ["Local"]


class Local(Executor):
    """Work in this process: `engine: local`, the default."""

    def start(self, opening: Opening) -> Pool:
        """Open in this process."""
        return _Here(opening.open())


class _Here(Pool):
    where = "this process"

    def __init__(self, opened: Opened) -> None:
        self.here = opened
        self.about = opened.about
        self.content = opened.content

    def run(self, task: Task, units: Iterable[Unit]) -> Generator[Done, None, None]:
        assert self.here is not None, "the pool is closed"
        work = task.prepare(self.here)
        try:
            for unit in units:
                began = time.monotonic()
                result = work.do(unit.rows)
                yield Done(unit.start, unit.stop, result, time.monotonic() - began)
        finally:
            work.close()

    def close(self) -> None:
        if self.here is not None:
            self.here.close()
            self.here = None
