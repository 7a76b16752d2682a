"""The contract of trackers: where a run is shown to others, one service per file.

The run directory is always written; a tracker gets copies. Every method has a default that does
nothing, so a tracker implements what its service can show. Nothing that a tracker does may change
or stop a run once it has started: a failure is recorded in the run's events and said once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pyrite.component import Component, Family
from pyrite.types import Json

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["TRACKERS", "FigureFiles", "RunInfo", "Session", "Tracker"]

TRACKERS = Family("trackers", "pyrite.trackers", "Tracker")


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What is known when a run starts; `config` has no secrets in it."""

    name: str
    plan_id: str
    path: Path
    config: Mapping[str, Json]
    tags: tuple[str, ...] = ()
    group: str | None = None
    job_type: str | None = None


@dataclass(frozen=True, slots=True)
class FigureFiles:
    """A figure on disk: the picture, and the interactive page where there is one."""

    name: str
    png: Path
    html: Path | None = None


class Session:
    """One tracked run; base of what `Tracker.start` returns, does nothing by itself."""

    def scalars(self, values: Mapping[str, float], step: int | None = None) -> None:
        """Numbers at a step (None: final values)."""

    def table(self, name: str, table: pa.Table) -> None:
        """A table small enough to show (the caller has already cut it to a sample)."""

    def figure(self, figure: FigureFiles) -> None:
        """A figure."""

    def artifact(self, name: str, path: Path, kind: str) -> None:
        """A file or folder of the run directory; `kind` is model, data, query or analysis."""

    def finish(self, status: str) -> str | None:
        """Close the session; `status` is finished, failed or interrupted.

        Returns:
            What the user should read: where to look, or how to sync. None: nothing to say.
        """
        return None


class Tracker(Component):
    """A tracking service: its fields are its settings in the experiment."""

    def start(self, info: RunInfo) -> Session:
        """Open a session.

        Raises:
            TrackerError: the service refuses (wrong key, no permission) or is not installed.
        """
        return Session()
