"""What a plan would do, without doing it: the lines of `--dry-run`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pyrite.plan import Plan, PlannedStep, is_selected
from pyrite.steps.chunks import ChunkStore
from pyrite.store import RunFolder, StepFolder, find_step

__all__ = ["PlanLine", "plan_lines"]


@dataclass(frozen=True, slots=True)
class PlanLine:
    """One step of a plan: its identity (None: not known offline) and what is stored of it."""

    id: str
    kind: str
    identity: str | None
    status: str

    def __str__(self) -> str:
        identity = self.identity[:12] if self.identity else "-" * 12
        return f"{self.kind:<8} {self.id:<28} {identity}  {self.status}"


def plan_lines(plan: Plan, out: Path, only: Sequence[str] = ()) -> list[PlanLine]:
    """One line a step, in the order they would run."""
    own = RunFolder(out / plan.name / plan.id) if plan.id else None
    needed = plan.needed(only)
    return [_line(p, own, out, only, needed=p.step.id in needed) for p in plan]


def _line(
    planned: PlannedStep, own: RunFolder | None, out: Path, only: Sequence[str], *, needed: bool
) -> PlanLine:
    step, identity = planned.step, planned.identity
    if not needed:
        return PlanLine(step.id, step.kind, identity, "not selected by --only")
    if identity is None:
        status = "identity not known offline: content is on a hub and not in the cache"
        return PlanLine(step.id, step.kind, None, status)
    stored = own.step(step.id) if own and own.step(step.id).done(identity) else None
    stored = stored or find_step(out, identity)
    if stored is not None:
        status = f"stored in {stored.path.parent.parent}"
    elif step.kind == "model":
        status = "opened if a query needs it"
    elif not is_selected(step, only) and step.kind != "data":
        status = "not selected by --only, and not stored: would be refused"
    else:
        begun = find_step(out, identity, done=False)
        status = _partly(begun) if begun and step.kind == "query" else "to do"
    return PlanLine(step.id, step.kind, identity, status)


def _partly(folder: StepFolder) -> str:
    rows = sum(chunk.stop - chunk.start for chunk in ChunkStore(folder.path).chunks())
    return f"to do, {rows} rows are stored" if rows else "to do"
