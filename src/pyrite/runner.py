"""Runs a plan: reuses what is stored, does what is missing, records what happened."""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pyrite.errors import PyriteError, StoreError
from pyrite.manifest import environment
from pyrite.plan import Plan, PlannedStep, is_selected
from pyrite.runs import Run, open_table
from pyrite.steps import Step, StepContext, StepResult
from pyrite.steps.stored_table import StoredTable
from pyrite.store import RunFolder, StepFolder, find_step
from pyrite.trackers.redact import redact
from pyrite.tracking import Tracking
from pyrite.types import Json

if TYPE_CHECKING:
    from pyrite.experiment import Experiment
    from pyrite.progress import Progress

__all__ = ["Runner"]


@dataclass
class Runner:
    """One run of one plan.

    Attributes:
        experiment: what is run.
        plan: its steps, every identity known.
        progress: where to show what is being done and to say what was found.
        only: names or kinds of steps to run; empty runs all. What a selected step requires is
            reused from earlier runs; a query or an analysis that no run stored is refused.
    """

    experiment: Experiment
    plan: Plan
    progress: Progress
    only: Sequence[str] = ()
    _folder: RunFolder = field(init=False)
    _tracking: Tracking | None = field(default=None, init=False)
    _used: dict[str, str] = field(default_factory=dict, init=False)

    def run(self) -> Run:
        """Run the plan.

        Returns:
            The finished run.

        Raises:
            RunInUseError: another process works on the same run.
            PyriteError: a step failed; what was finished before is kept.
        """
        assert self.plan.id is not None, "a plan is run only when every identity is known"
        self._folder = RunFolder(self.out / self.plan.name / self.plan.id)
        with self._folder.locked():
            self._folder.write_experiment(redact(self.experiment.to_yaml()))
            self._write_manifest("running")
            self._folder.event("start", plan=self.plan.id, only=list(self.only))
            try:
                self._tracking = Tracking.start(self.experiment, self._folder, self.plan, self._say)
                self._run_steps()
            except BaseException as error:
                status = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
                message = redact(str(error))
                self._folder.event(status, error=type(error).__name__, message=message)
                self._write_manifest(status)
                if self._tracking is not None:
                    self._tracking.finish(status)
                raise
            finally:
                for planned in self.plan:
                    planned.step.close()
            self._write_manifest("finished")
            self._folder.event("finished")
            try:
                self._report(self._tracking)
            finally:
                self._tracking.finish("finished")
        return Run(self._folder.path)

    @property
    def out(self) -> Path:
        """The folder that all runs are below."""
        return Path(self.experiment.out)

    def _report(self, tracking: Tracking) -> None:
        """Write the report; all results are stored before, so a failure of it loses none.

        A mistake of the renderer, too, must not take a finished run from whoever waits for it:
        it is said, its traceback is an event, and `Run.report` is None.
        """
        from pyrite.report.write import write_report

        try:
            with self.progress.task("writing the report", unit="pages"):
                page = write_report(self._folder.path)
        except Exception as error:  # noqa: BLE001 - whatever failed, the run itself is whole
            message = redact(f"{type(error).__name__}: {error}")
            where = redact("".join(traceback.format_exception(error)))
            self._folder.event("report failed", message=message, traceback=where)
            self._say(f"THE REPORT WAS NOT WRITTEN: {message}")
            return
        tracking.report(page)

    def _run_steps(self) -> None:
        queried = {name for planned in self.plan for name in planned.step.requires}
        for planned in self.plan:
            step = planned.step
            if not is_selected(step, self.only):
                continue
            if step.kind != "model":
                self._ensure(planned)
            elif self.only or step.id not in queried:
                # Otherwise a model is opened only when a query has rows left to score.
                self._open(planned)

    def _ensure(self, planned: PlannedStep) -> StepFolder:
        """The step's folder, finished: as it is, from another run, or by running it."""
        step, identity = planned.step, planned.identity
        assert identity is not None
        folder = self._folder.step(step.id)
        if step.id in self._used:
            return folder
        for name in step.requires:
            # A query's table is its rows beside its scores: reused or not, it needs both.
            if self.plan[name].step.kind == "data":
                self._ensure(self.plan[name])
        if self._reuse(folder, step, identity):
            return folder
        if not is_selected(step, self.only) and step.kind not in ("model", "data"):
            raise StoreError(
                f"{step.id}: not run because of --only {','.join(self.only)}, and no earlier run "
                f"in {self.out} stored it under this identity; run it too: --only {step.id},..."
            )
        inputs = {name: (self.plan[name].step, self._input(name)) for name in step.requires}
        self._begin(folder, identity, step)
        started = time.monotonic()
        self._folder.event("step", id=step.id, section=step.kind, identity=identity)
        context = StepContext(folder, inputs, self.progress, self.table, self._folder.event)
        result = step.run(context)
        seconds = round(time.monotonic() - started, 3)
        folder.finish({**result.meta, "kind": step.kind, "id": step.id, "notes": result.notes})
        self._folder.event("step done", id=step.id, seconds=seconds, notes=result.notes)
        self._finish(step, folder, result, "run")
        return folder

    def _input(self, name: str) -> StepFolder:
        planned = self.plan[name]
        if planned.step.kind != "model":
            return self._ensure(planned)
        # The model step itself is opened by the query; its folder is completed here once.
        return self._folder.step(name) if name in self._used else self._open(planned)

    def _open(self, planned: PlannedStep) -> StepFolder:
        folder = self._folder.step(planned.step.id)
        assert planned.identity is not None
        folder.begin(planned.identity)
        context = StepContext(folder, {}, self.progress, self.table)
        with self.progress.task(f"{planned.step.id}: opening the model"):
            result = planned.step.run(context)
        folder.finish({**result.meta, "kind": "model", "id": planned.step.id})
        self._finish(planned.step, folder, result, "run")
        return folder

    def _reuse(self, folder: StepFolder, step: Step, identity: str) -> bool:
        if folder.done(identity):
            where = "this run"
        else:
            other = find_step(self.out, identity)
            if other is None:
                return False
            folder.adopt(other)
            where = str(other.path.parent.parent)
        meta = folder.meta or {}
        self._say(f"{step.id}: stored before ({where}), not run again")
        self._folder.event("step reused", id=step.id, source=where)
        result = StepResult(meta, tuple(meta.get("notes", ())), meta.get("scalars", {}))
        self._finish(step, folder, result, "reused")
        return True

    def _begin(self, folder: StepFolder, identity: str, step: Step) -> None:
        if folder.identity != identity:
            begun = find_step(self.out, identity, done=False)
            if begun is not None:
                folder.adopt(begun)
                self._say(f"{step.id}: going on from {begun.path.parent.parent}")
        folder.begin(identity)

    def _finish(self, step: Step, folder: StepFolder, result: StepResult, how: str) -> None:
        self._used[step.id] = how
        for note in result.notes:
            self._say(note)
        assert self._tracking is not None, "no step runs before the trackers have started"
        self._tracking.step(step, folder, result, self.table)

    def table(self, query_id: str) -> StoredTable:
        """The stored table of a query of this run."""
        step = self.plan[query_id].step
        model, data = step.requires
        return open_table(self._folder, query_id, model=model, data=data)

    def _say(self, text: str) -> None:
        self.progress.say(text)

    def _write_manifest(self, status: str) -> None:
        steps: list[Mapping[str, Json]] = [
            {
                "id": planned.step.id,
                "kind": planned.step.kind,
                "requires": list(planned.step.requires),
                "identity": planned.identity,
                "described": redact(planned.described),
                "how": self._used.get(planned.step.id, "not run"),
            }
            for planned in self.plan
        ]
        self._folder.write_manifest(
            {
                "name": self.plan.name,
                "plan": self.plan.id,
                "status": status,
                "seed": self.experiment.seed,
                "engine": redact(self.experiment.public()["engine"]),
                "warnings": [str(warning) for warning in self.experiment.warnings],
                "steps": steps,
                "environment": environment(),
                "written": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
            }
        )


def raise_unknown_only(only: Sequence[str], plan: Plan) -> None:
    """Refuse names in `only` that no step has.

    Raises:
        PyriteError: a name is neither a step nor a kind of step.
    """
    unknown = [name for name in only if not any(is_selected(p.step, [name]) for p in plan)]
    if unknown:
        known = {p.step.id for p in plan} | {p.step.kind for p in plan}
        raise PyriteError(
            f"--only: no step {', '.join(unknown)}; steps: {', '.join(sorted(known))}"
        )
