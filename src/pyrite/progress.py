"""What is being done, how fast, and how long it will still take: bars or plain lines on stderr.

On a terminal there are bars; where stderr goes to a file or a pipe there are a few lines; when
quiet there is nothing. A display that breaks (a closed pipe) is given up: it never stops the work.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import IO, TYPE_CHECKING, Literal, Protocol, Self, cast

if TYPE_CHECKING:
    from rich.progress import TaskID

__all__ = ["Progress", "Snapshot", "Style", "Task"]

Style = Literal["auto", "bars", "lines", "quiet"]

WINDOW_SECONDS = 30.0
"""The rate is measured over this time, so that a slow start is forgotten."""
LINE_SECONDS = 10.0
LINE_SHARE = 0.1
LEAST_SECONDS = 1.0
"""Lines about one task are never closer together than this."""
NAME_LENGTH = 60


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How far a task is; `rate` is units per second, `left` seconds, None where unknown."""

    name: str
    unit: str
    done: int
    total: int | None
    rate: float | None
    left: float | None
    elapsed: float

    def count(self) -> str:
        """`300 of 1,000 rows (30%)`; where the total is not known `300 rows`, at first `…`."""
        if self.total is None:
            return f"{self.done:,} {self.unit}" if self.done else "…"
        share = f" ({100 * self.done // self.total}%)" if self.total else ""
        return f"{self.done:,} of {self.total:,} {self.unit}{share}"

    def speed(self) -> str:
        """`120 rows/s, 6 s left`, as far as it is known; else empty."""
        if self.rate is None:
            return ""
        left = "" if self.left is None else f", {_duration(self.left)} left"
        return f"{_rate(self.rate)} {self.unit}/s{left}"


class Task:
    """One thing that is being done; made by `Progress.task`, advanced from any thread."""

    def __init__(
        self,
        name: str,
        *,
        total: int | None,
        unit: str,
        done: int,
        display: _Display,
        clock: _Clock,
    ) -> None:
        self._name = _printable(name)
        self._unit = _printable(unit)
        self._total = total
        self._done = done
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
        return Snapshot(
            self._name, self._unit, self._done, self._total, rate, left, now - self._began
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
        self._display: _Display = _Quiet()
        self._tasks: list[Task] = []

    def __enter__(self) -> Self:
        self._display = _display(self._style, self._stream or sys.stderr)
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
            display, self._display = self._display, _Quiet()
            display.close()

    def task(
        self, name: str, total: int | None = None, *, unit: str = "rows", done: int = 0
    ) -> Task:
        """Begin to show a task.

        Args:
            name: what is being done; any text, shown as it is without control characters.
            total: units to do in all; None: not known.
            unit: what is counted, in the plural.
            done: units that an earlier run has already done; they do not count for the rate.
        """
        task = Task(
            name, total=total, unit=unit, done=done, display=self._display, clock=self._clock
        )
        self._tasks.append(task)
        return task

    def say(self, text: str) -> None:
        """Show a sentence; control characters of a text in it do nothing."""
        self._display.say(_harmless(text))


_Clock = Callable[[], float]


class _Display(Protocol):
    def open(self) -> None: ...

    def say(self, text: str) -> None: ...

    def begin(self, task: Task, now: Snapshot) -> None: ...

    def change(self, task: Task, now: Snapshot) -> None: ...

    def end(self, task: Task, now: Snapshot, how: str) -> None: ...

    def close(self) -> None: ...


class _Quiet:
    def open(self) -> None: ...

    def say(self, text: str) -> None: ...

    def begin(self, task: Task, now: Snapshot) -> None: ...

    def change(self, task: Task, now: Snapshot) -> None: ...

    def end(self, task: Task, now: Snapshot, how: str) -> None: ...

    def close(self) -> None: ...


class _Lines:
    """A line at the start, every 10 seconds or 10 per cent, and at the end."""

    def __init__(self, stream: _Tolerant) -> None:
        self._stream = stream
        self._last: dict[int, Snapshot] = {}

    def open(self) -> None: ...

    def say(self, text: str) -> None:
        self._write(text)

    def begin(self, task: Task, now: Snapshot) -> None:
        self._last[id(task)] = now
        self._write(f"{now.name}: {now.count()}")

    def change(self, task: Task, now: Snapshot) -> None:
        if now.total is not None and now.done >= now.total:
            return  # the last line follows
        last = self._last[id(task)]
        waited = now.elapsed - last.elapsed
        gained = (now.done - last.done) / now.total if now.total else 0.0
        if waited >= LINE_SECONDS or (gained >= LINE_SHARE and waited >= LEAST_SECONDS):
            self._last[id(task)] = now
            speed = now.speed()
            self._write(f"{now.name}: {now.count()}{', ' if speed else ''}{speed}")

    def end(self, task: Task, now: Snapshot, how: str) -> None:
        self._last.pop(id(task), None)
        counted = f", {now.count()}" if now.done or now.total is not None else ""
        self._write(f"{now.name}: {how}{counted} in {_duration(now.elapsed)}")

    def close(self) -> None: ...

    def _write(self, line: str) -> None:
        self._stream.write(f"{line}\n")
        self._stream.flush()


class _Tolerant:
    """A stream that drops what cannot be written any more: nobody reads on."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self.encoding = getattr(stream, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        safe = text.encode(self.encoding, "replace").decode(self.encoding)
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(safe)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()

    def isatty(self) -> bool:
        try:
            return self._stream.isatty()
        except ValueError:  # closed
            return False


class _Bars:
    """Live bars by rich; texts are plain, never markup."""

    def __init__(self, stream: _Tolerant) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as RichProgress

        def text(template: str) -> TextColumn:
            return TextColumn(template, markup=False)

        self._rich = RichProgress(
            text("{task.description}"),
            BarColumn(bar_width=24),
            text("{task.fields[count]}"),
            TimeElapsedColumn(),
            text("{task.fields[speed]}"),
            console=Console(file=cast("IO[str]", stream), force_terminal=True),
            # Results on stdout stay there when only stderr is a terminal.
            redirect_stdout=False,
            refresh_per_second=5,
        )
        self._rows: dict[int, TaskID] = {}

    def open(self) -> None:
        self._rich.start()

    def say(self, text: str) -> None:
        self._rich.console.print(text, markup=False, highlight=False, emoji=False, soft_wrap=True)

    def begin(self, task: Task, now: Snapshot) -> None:
        self._rows[id(task)] = self._rich.add_task(
            now.name, total=now.total, completed=now.done, count=now.count(), speed=""
        )

    def change(self, task: Task, now: Snapshot) -> None:
        self._update(task, now, now.speed())

    def end(self, task: Task, now: Snapshot, how: str) -> None:
        self._update(task, now, how)
        self._rich.stop_task(self._rows.pop(id(task)))

    def close(self) -> None:
        self._rich.stop()

    def _update(self, task: Task, now: Snapshot, speed: str) -> None:
        row = self._rows[id(task)]
        self._rich.update(row, completed=now.done, count=now.count(), speed=speed)


def _display(style: Style, given: IO[str]) -> _Display:
    stream = _Tolerant(given)
    if style == "auto":
        terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
        style = "bars" if terminal else "lines"
    if style == "bars":
        return _Bars(stream)
    return _Lines(stream) if style == "lines" else _Quiet()


def _printable(text: str) -> str:
    """One line without control, direction or surrogate characters, of bounded length."""
    line = "".join(character if character.isprintable() else " " for character in text)
    line = " ".join(line.split())
    return line if len(line) <= NAME_LENGTH else f"{line[: NAME_LENGTH - 1]}…"


def _harmless(text: str) -> str:
    """Lines without control, direction or surrogate characters."""
    return "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in text)


def _rate(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}"


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"
