"""`gate_run`: every rule of a policy over one run."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from pathlib import Path

from pyrite.component import nearest
from pyrite.finished import FinishedRun, FinishedStep
from pyrite.gate.edits import Edits
from pyrite.gate.judging import chosen, missing
from pyrite.gate.measures import accuracy, surface_share
from pyrite.gate.policy import VERDICTS, DoctorRule, Policy
from pyrite.gate.result import Checked, Gated, Outcome
from pyrite.types import Json

__all__ = ["gate_run"]


def gate_run(
    path: str | Path, policy: Policy, *, called: str = "", today: datetime.date | None = None
) -> Gated:
    """Check a run directory against a policy.

    Args:
        path: the run directory, finished or not.
        policy: what is asked.
        called: the policy's file, for messages.
        today: decides which entries of the allowlist have run out; default: this day (UTC).

    Raises:
        StoreError: there is no run at this path.
        CorruptArtifactError: stored files are missing or damaged.
    """
    run = FinishedRun(Path(path))
    day = today or datetime.datetime.now(datetime.UTC).date()
    edits = Edits(run, policy, day)
    checked = list(_required(run, policy))
    for key in VERDICTS:
        rule = getattr(policy, key)
        if rule is not None:
            checked += edits.verdicts(key, rule)
    if policy.flips is not None:
        checked += edits.flips(policy.flips)
    if policy.surface_share is not None:
        checked += surface_share(run, policy, policy.surface_share)
    if policy.accuracy is not None:
        checked += accuracy(run, policy, policy.accuracy)
    if policy.doctor is not None:
        checked += _doctor(run, policy, policy.doctor)
    notes = edits.unmatched()
    if run.status != "finished":
        notes.append(f"the run says of itself that it is {run.status}")
    return Gated(str(run.path), run.name, called, tuple(checked), tuple(notes))


def _required(run: FinishedRun, policy: Policy) -> Iterator[Checked]:
    """Steps that must be there; `missing: ignore` does not let them go."""
    kinds = run.kinds()
    for name in policy.require:
        named = [name] if name in kinds else [x for x, kind in kinds.items() if kind == name]
        if not named:
            known = nearest(name, [*kinds, *dict.fromkeys(kinds.values())])
            message = f"the run has no step and no kind of step {name!r} ({known})"
            yield Checked("require", name, Outcome.FINDING, message)
            continue
        for step in named:
            done = run.is_finished(step)
            if done:
                run.step(step)  # whole, or an error
            message = "finished" if done else "did not finish"
            yield Checked("require", step, Outcome.PASSED if done else Outcome.FINDING, message)


def _doctor(run: FinishedRun, policy: Policy, rule: DoctorRule) -> Iterator[Checked]:
    steps: list[FinishedStep | str] = []
    for kind in ("query", "exploit"):
        named = [x for x in rule.steps if x in run.names(kind)]
        if named or (not rule.steps and run.names(kind)):
            steps += chosen(run, kind, named)
    for name in rule.steps:
        if name not in run.kinds():
            steps.append(f"the run has no step {name!r} ({nearest(name, list(run.kinds()))})")
    if not steps:
        steps.append("the run has no query and no exploit step")
    for step in steps:
        if isinstance(step, str):
            yield missing(policy, rule, "doctor", "steps", step)
            continue
        findings = step.meta.get("doctor")
        if not isinstance(findings, list):
            why = "the model was not examined (`doctor: off`, or recorded scores)"
            yield missing(policy, rule, "doctor", step.id, why)
            continue
        yield from _checks(policy, rule, step.id, {str(x["check"]): x for x in findings})


def _checks(
    policy: Policy, rule: DoctorRule, step: str, findings: Mapping[str, Mapping[str, Json]]
) -> Iterator[Checked]:
    every = rule.must_pass == "all"
    if every and all(x["status"] == "not_applicable" for x in findings.values()):
        yield missing(policy, rule, "doctor", step, "no check can be made on this kind of model")
        return
    names = sorted(findings) if every else list(rule.must_pass)
    for name in names:
        finding = findings.get(name)
        subject = f"{step}: {name}"
        if finding is None or (finding["status"] == "not_applicable" and not every):
            why = "the check was not made" if finding is None else str(finding["saw"])
            yield missing(policy, rule, "doctor", subject, why)
            continue
        status = str(finding["status"])
        bad = status == "fail" or (status == "warn" and rule.warnings == "finding")
        cure = f"; cure: {finding['cure']}" if bad and finding.get("cure") else ""
        message = f"{status.replace('_', ' ')}: {finding['saw']}{cure}"
        yield Checked("doctor", subject, Outcome.FINDING if bad else Outcome.PASSED, message)
