"""What a run shows to its trackers: copies of what the run directory holds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pyrite.plan import Plan
from pyrite.steps import Step, StepResult
from pyrite.steps.stored_table import StoredTable
from pyrite.store import RunFolder, StepFolder
from pyrite.trackers import FigureFiles, RunInfo
from pyrite.trackers.fan_out import Trackers
from pyrite.trackers.redact import redact

if TYPE_CHECKING:
    import pyarrow as pa

    from pyrite.experiment import Experiment

__all__ = ["Tracking"]

SHOWN_ROWS = 1000
"""Rows of a query's table that trackers are shown; the run directory has all."""


class Tracking:
    """The open trackers of one run."""

    def __init__(self, trackers: Trackers, say: Callable[[str], None]) -> None:
        self._trackers = trackers
        self._say = say

    @classmethod
    def start(
        cls, experiment: Experiment, folder: RunFolder, plan: Plan, say: Callable[[str], None]
    ) -> Tracking:
        """Open the experiment's trackers.

        Raises:
            TrackerError: one refuses; nothing has been run yet.
        """

        def problem(name: str, message: str) -> None:
            message = redact(message)
            folder.event("tracker failed", tracker=name, message=message)
            say(f"{name}: {message}; the run goes on without it, all results are in {folder.path}")

        info = RunInfo(
            name=plan.name,
            plan_id=plan.id or "",
            path=folder.path,
            config=redact(experiment.public()),
            tags=tuple(redact(list(experiment.tags))),
            group=redact(experiment.group),
            job_type=redact(experiment.job_type),
        )
        return cls(Trackers.start(experiment.track, info=info, on_problem=problem), say)

    def step(
        self,
        step: Step,
        folder: StepFolder,
        result: StepResult,
        table: Callable[[str], StoredTable],
    ) -> None:
        """Show a finished step: its numbers, a sample of its table, its figures, its files."""
        if result.scalars:
            self._trackers.scalars({f"{step.id}/{k}": v for k, v in result.scalars.items()})
        if step.kind == "query":
            stored = table(step.id)
            self._trackers.table(step.id, stored.head(stored.columns, SHOWN_ROWS))
        for figure in result.meta.get("figures", ()):
            files = FigureFiles(
                name=f"{step.id}/{figure['name']}",
                png=folder.path / figure["png"],
                html=folder.path / figure["html"] if figure.get("html") else None,
            )
            self._trackers.figure(files)
        for name in result.meta.get("tables", ()):
            self._trackers.table(f"{step.id}/{Path(name).stem}", _read(folder.path / name))
        self._trackers.artifact(step.id, folder.path, step.kind)

    def report(self, path: Path) -> None:
        """Show the report of the run."""
        self._trackers.artifact("report", path, "report")

    def finish(self, status: str) -> None:
        """Close the trackers and pass on what they want the user to read."""
        for line in self._trackers.finish(status):
            self._say(line)


def _read(path: Path) -> pa.Table:
    import pyarrow.parquet as pq

    table: pa.Table = pq.read_table(path)
    return table.slice(0, SHOWN_ROWS)
