"""What the doctor found before each query and exploit step scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyrite.doctor import Status
from pyrite.report.material import Material
from pyrite.steps.examine import recorded
from pyrite.types import Json

__all__ = ["Examined", "examinations", "trusted"]


@dataclass(frozen=True)
class Examined:
    """The checks made for one step; none where it was not examined."""

    step: str
    findings: Sequence[dict[str, Json]]

    def of(self, status: Status) -> list[dict[str, Json]]:
        """The checks that ended so."""
        return [one for one in self.findings if one["status"] == status]


def examinations(material: Material) -> list[Examined]:
    """One per query, exploit and replay step, of steps that failed or were interrupted too."""
    found = []
    for step in material.steps("query", "exploit", "replay"):
        findings, _ = recorded(step.folder.path)
        found.append(Examined(step.id, findings if isinstance(findings, list) else ()))
    return found


def trusted(material: Material) -> str:
    """Whether the scores can be trusted, in one sentence that says no more than was checked."""
    examined = examinations(material)
    made = [
        one for one in examined if any(x["status"] != Status.NOT_APPLICABLE for x in one.findings)
    ]
    start = "Can the scores be trusted:"
    if not made:
        if any(one.findings for one in examined):
            return (
                f"{start} not examined, because no check of the model can be made on these scores."
            )
        return f"{start} not examined, because the doctor was off or no query has begun."
    failed = _named(made, Status.FAIL)
    warned = _named(made, Status.WARN)
    passed = sum(len(one.of(Status.PASS)) for one in made)
    total = passed + len(failed) + len(warned)
    if failed:
        return f"{start} no: {len(failed)} of {total} checks failed ({_listed(failed)})."
    left_out = sum(len(one.of(Status.NOT_APPLICABLE)) for one in made)
    told = f"{start} {passed} of the {total} checks that could be made passed and none failed"
    told += f", {left_out} could not be made" if left_out else ""
    if warned:
        told += f"; to look at: {_listed(warned)}"
    left = [one.step for one in examined if not one.findings]
    if left:
        told += f"; not examined: {', '.join(left)}"
    return f"{told} ({_rows(material)})."


def _named(examined: Sequence[Examined], status: Status) -> list[str]:
    return [f"{one.step}: {x['check']}" for one in examined for x in one.of(status)]


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:4])
    return f"{shown}, and {len(names) - 4} more" if len(names) > 4 else shown


def _rows(material: Material) -> str:
    rows = without = cut = 0
    for step in material.steps("query"):
        counts = step.meta.get("counts", {})
        rows += step.meta.get("rows", 0)
        without += counts.get("missing", 0)
        cut += counts.get("truncated", 0)
    if not rows:
        return "no query has finished"
    return f"{rows:,} rows scored, {without:,} without a score, {cut:,} truncated"
