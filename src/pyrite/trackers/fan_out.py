"""Several trackers as one: each call goes to all, and a tracker that fails is muted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pyrite.component import snake_case
from pyrite.trackers import FigureFiles, RunInfo, Session, Tracker

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["OnProblem", "Trackers"]

OnProblem = Callable[[str, str], None]
"""Called with the tracker's name and what went wrong, once per tracker at most."""


@dataclass
class _Member:
    name: str
    session: Session
    muted: bool = False


@dataclass
class Trackers:
    """The open sessions of a run.

    Before work starts a tracker may refuse; afterwards none can change or stop the run. The first
    failure of a tracker goes to `on_problem`; from then on it is only closed at the end.
    """

    on_problem: OnProblem
    _members: list[_Member] = field(default_factory=list)
    _lines: tuple[str, ...] | None = None

    @classmethod
    def start(
        cls, trackers: Sequence[Tracker], *, info: RunInfo, on_problem: OnProblem
    ) -> Trackers:
        """Open a session with each tracker, in order.

        Raises:
            TrackerError: one refuses; those that were already open are closed as failed.
        """
        opened = cls(on_problem)
        complete = False
        try:
            for tracker in trackers:
                name = snake_case(type(tracker).__name__)
                opened._members.append(_Member(name, tracker.start(info)))
            complete = True
        finally:
            if not complete:
                opened.finish("failed")
        return opened

    def scalars(self, values: Mapping[str, float], step: int | None = None) -> None:
        """Numbers at a step (None: final values)."""
        self._each(lambda session: session.scalars(values, step))

    def table(self, name: str, table: pa.Table) -> None:
        """A table small enough to show."""
        self._each(lambda session: session.table(name, table))

    def figure(self, figure: FigureFiles) -> None:
        """A figure."""
        self._each(lambda session: session.figure(figure))

    def artifact(self, name: str, path: Path, kind: str) -> None:
        """A file or folder of the run directory."""
        self._each(lambda session: session.artifact(name, path, kind))

    def finish(self, status: str) -> tuple[str, ...]:
        """Close all sessions, muted ones too; `status` is finished, failed or interrupted.

        Returns:
            What the user should read, one entry per tracker that has something to say. A second
            call closes nothing and returns the same.
        """
        if self._lines is None:
            self._lines = ()
            lines: list[str] = []
            for member in self._members:
                self._guarded(member, lambda session: _collect(lines, session.finish(status)))
            self._lines = tuple(lines)
        return self._lines

    def _each(self, call: Callable[[Session], None]) -> None:
        for member in self._members:
            if not member.muted:
                self._guarded(member, call)

    def _guarded(self, member: _Member, call: Callable[[Session], None]) -> None:
        try:
            call(member.session)
        except Exception as error:  # noqa: BLE001 - services raise anything; the run must go on
            if not member.muted:
                member.muted = True
                self.on_problem(member.name, f"{type(error).__name__}: {error}")


def _collect(lines: list[str], line: str | None) -> None:
    if line:
        lines.append(line)
