"""How progress is shown: bars on a terminal, lines in a file or a pipe, or nothing."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Literal, cast

if TYPE_CHECKING:
    from rich.progress import TaskID

__all__ = ["Display", "Snapshot", "Style", "Told", "display_on", "harmless"]

Style = Literal["auto", "bars", "lines", "quiet"]
Told = Literal["always", "if_long"]
"""`if_long` is for one of very many tasks: a bar only while it lasts, a line only if it is long."""

LINE_SECONDS = 10.0
LINE_SHARE = 0.1
LEAST_SECONDS = 1.0
"""Lines about one task are never closer together than this; a shorter task is not long."""


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
    told: Told = "always"

    @property
    def is_passing(self) -> bool:
        """Whether it is too short to be told of, so far."""
        return self.told == "if_long" and self.elapsed < LEAST_SECONDS

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


class Display:
    """Shows nothing; a task is only the key that its bar is found by."""

    def open(self) -> None:
        """Before anything is shown."""

    def say(self, text: str) -> None:
        """Show a sentence."""

    def begin(self, task: object, now: Snapshot) -> None:
        """A task begins."""

    def change(self, task: object, now: Snapshot) -> None:
        """A task has counted on."""

    def end(self, task: object, now: Snapshot, how: str) -> None:
        """A task is over: done, or stopped."""

    def close(self) -> None:
        """Nothing is shown any more."""


class _Lines(Display):
    """A line at the start, every 10 seconds or 10 per cent, and at the end."""

    def __init__(self, stream: _Tolerant) -> None:
        self._stream = stream
        self._last: dict[int, Snapshot] = {}

    def say(self, text: str) -> None:
        self._write(text)

    def begin(self, task: object, now: Snapshot) -> None:
        self._last[id(task)] = now
        if not now.is_passing:
            self._write(f"{now.name}: {now.count()}")

    def change(self, task: object, now: Snapshot) -> None:
        if now.total is not None and now.done >= now.total:
            return  # the last line follows
        last = self._last[id(task)]
        waited = now.elapsed - last.elapsed
        gained = (now.done - last.done) / now.total if now.total else 0.0
        if waited >= LINE_SECONDS or (gained >= LINE_SHARE and waited >= LEAST_SECONDS):
            self._last[id(task)] = now
            speed = now.speed()
            self._write(f"{now.name}: {now.count()}{', ' if speed else ''}{speed}")

    def end(self, task: object, now: Snapshot, how: str) -> None:
        self._last.pop(id(task), None)
        if not now.is_passing:
            self._write(_ended(now, how))

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


class _Bars(Display):
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

    def begin(self, task: object, now: Snapshot) -> None:
        self._rows[id(task)] = self._rich.add_task(
            now.name, total=now.total, completed=now.done, count=now.count(), speed=""
        )

    def change(self, task: object, now: Snapshot) -> None:
        self._update(task, now, now.speed())

    def end(self, task: object, now: Snapshot, how: str) -> None:
        self._update(task, now, how)
        row = self._rows.pop(id(task))
        self._rich.stop_task(row)
        if now.told == "if_long":  # else bars of what is over push the living one off the screen
            self._rich.remove_task(row)
            if not now.is_passing:
                self.say(_ended(now, how))

    def close(self) -> None:
        self._rich.stop()

    def _update(self, task: object, now: Snapshot, speed: str) -> None:
        row = self._rows[id(task)]
        self._rich.update(row, completed=now.done, count=now.count(), speed=speed)


def display_on(style: Style, given: IO[str]) -> Display:
    """The display of a style; `auto` is bars on a terminal and lines elsewhere."""
    stream = _Tolerant(given)
    if style == "auto":
        terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
        style = "bars" if terminal else "lines"
    if style == "bars":
        return _Bars(stream)
    return _Lines(stream) if style == "lines" else Display()


def _ended(now: Snapshot, how: str) -> str:
    counted = f", {now.count()}" if now.done or now.total is not None else ""
    return f"{now.name}: {how}{counted} in {_duration(now.elapsed)}"


def harmless(text: str) -> str:
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
