"""What is being done, how fast, and how long it will still take: bars or plain lines on stderr.

On a terminal there are bars; where stderr goes to a file or a pipe there are a few lines; when
quiet there is nothing. A display that breaks (a closed pipe) is given up: it never stops the work.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import IO, Literal, Self

from pyrite.displays import Display, Snapshot, Style, Told, display_on, harmless
from pyrite.escape import shortened

__all__ = ["Progress", "Snapshot", "Style", "Task", "Told"]

WINDOW_SECONDS = 30.0
"""The rate is measured over this time, so that a slow start is forgotten."""
NAME_LENGTH = 60


class Task:
    """One thing that is being done; made by `Progress.task`, advanced from any thread."""

    def __init__(
        self,
        name: str,
        *,
        total: int | None,
        unit: str,
        done: int,
        told: Told,
        display: Display,
        clock: _Clock,
    ) -> None:
        self._name = shortened(name, NAME_LENGTH)
        self._unit = shortened(unit, NAME_LENGTH)
        self._total = total
        self._done = done
        self._told = told
        self._display = display
        self._clock = clock
        self._lock = threading.Lock()
        self._began = clock()
        self._samples: deque[tuple[float, int]] = deque([(self._began, done)])
        self._ended = False
        display.begin(self, self._snapshot(self._began))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.finish("done" if kind is None else "stopped")

    def advance(self, n: int = 1) -> None:
        """Count `n` more units as done."""
        with self._lock:
            self._done += n
            now = self._clock()
            self._sample(now)
            if not self._ended:
                self._display.change(self, self._snapshot(now))

    def finish(self, how: Literal["done", "stopped"] = "done") -> None:
        """End the task: its last state is shown once, whatever was counted."""
        with self._lock:
            if not self._ended:
                self._ended = True
                self._display.end(self, self._snapshot(self._clock()), how)

    def _sample(self, now: float) -> None:
        # At most ten samples a second, and always one that is older than the window.
        if now - self._samples[-1][0] >= 0.1:
            self._samples.append((now, self._done))
        while len(self._samples) > 2 and now - self._samples[1][0] >= WINDOW_SECONDS:
            self._samples.popleft()

    def _snapshot(self, now: float) -> Snapshot:
        since, before = self._samples[0]
        seconds = now - since
        rate = (self._done - before) / seconds if seconds > 0 and self._done > before else None
        left = None
        if rate is not None and self._total is not None:
            left = max(self._total - self._done, 0) / rate
        elapsed = now - self._began
        return Snapshot(
            self._name, self._unit, self._done, self._total, rate, left, elapsed, self._told
        )


class Progress:
    """A display of tasks; use it as a context manager.

    >>> with Progress(style="quiet") as progress, progress.task("scoring", total=3) as task:
    ...     for _ in range(3):
    ...         task.advance()

    An exception, an interrupt included, leaves the terminal as it was and passes on.
    """

    def __init__(
        self,
        *,
        style: Style = "auto",
        stream: IO[str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is shown before the block is entered.

        Args:
            style: `auto` is bars on a terminal and lines elsewhere.
            stream: where to write; default: stderr as it is when the block is entered.
            clock: seconds that never go back.
        """
        self._style = style
        self._stream = stream
        self._clock = clock
        self._display: Display = Display()
        self._tasks: list[Task] = []

    def __enter__(self) -> Self:
        self._display = display_on(self._style, self._stream or sys.stderr)
        self._display.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        try:
            for task in self._tasks:
                task.finish("done" if kind is None else "stopped")
        finally:
            self._tasks.clear()
            display, self._display = self._display, Display()
            display.close()

    def task(
        self,
        name: str,
        total: int | None = None,
        *,
        unit: str = "rows",
        done: int = 0,
        told: Told = "always",
    ) -> Task:
        """Begin to show a task.

        Args:
            name: what is being done; any text, shown as it is without control characters.
            total: units to do in all; None: not known.
            unit: what is counted, in the plural.
            done: units that an earlier run has already done; they do not count for the rate.
            told: whether it is shown though it takes no time.
        """
        task = Task(
            name,
            total=total,
            unit=unit,
            done=done,
            told=told,
            display=self._display,
            clock=self._clock,
        )
        self._tasks.append(task)
        return task

    def say(self, text: str) -> None:
        """Show a sentence; control characters of a text in it do nothing."""
        self._display.say(harmless(text))


_Clock = Callable[[], float]
