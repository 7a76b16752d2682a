"""The `replay` step: exploits that one model had, tried on another; no search and no choice."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from pyrite.exploits.card import numbers
from pyrite.exploits.measured import Rules
from pyrite.exploits.replaying import Replay, Replayed, Status, replay
from pyrite.exploits.suite import Entry
from pyrite.files import write_text
from pyrite.sources import hash_text
from pyrite.steps import StepContext, StepResult
from pyrite.steps.analyze import FINDINGS
from pyrite.steps.examine import recorded
from pyrite.steps.exploit import ExploitStep
from pyrite.steps.exploit_run import ExploitRun
from pyrite.types import Json

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["REPLAY", "ReplayStep"]

REPLAY = "replay.jsonl"


class _ReplayRun(ExploitRun):
    """An exploit step's run in which every prompt confirms."""

    @property
    def fraction(self) -> float:
        return 1.0


@dataclass
class ReplayStep(ExploitStep):
    """Try the exploits of a suite on one model, with the answers of one data set.

    Attributes:
        suite: what is tried; all of it was proved by the same rules.
        called: the suite's path, for people.
    """

    kind: ClassVar[str] = "replay"
    VERSION: ClassVar[int] = 1

    suite: tuple[Entry, ...] = ()
    rules: Rules = Rules()  # noqa: RUF009 - frozen
    called: str = ""

    def declared(self) -> Json:
        """How texts are made and judged; the suite's content is a fingerprint."""
        ignored = ("edits", "search", "transfer", "controls", "confirm", "reference")
        return {k: v for k, v in self.section.identity().items() if k not in ignored}

    def fingerprints(self) -> Mapping[str, str | None]:
        """Hash of what the suite says: edits, verdicts, effects, rules."""
        kept = ("id", "identity", "verdict", "effect", "net", "rules")
        lines = [{name: one.line.get(name) for name in kept} for one in self.suite]
        return {"suite": hash_text(json.dumps(lines, sort_keys=True))}

    def run(self, context: StepContext) -> StepResult:
        """Score what the suite's edits make, judge, and write what became of each exploit.

        A run that was killed goes on with what the score store has kept.

        Raises:
            ConfigError: the model gives no single score, or has recorded scores only.
            DataError: the rows have no answers.
            ScoringError: a forward pass failed.
        """
        run = _ReplayRun(self, context)
        run.refuse_columns()
        run.admit(self.doctor)
        _, naturals = run.parts
        done = replay(
            self.suite,
            naturals,
            run.target.score,
            rules=replace(self.rules, seed=self.section.seed),
            budget=self.section.budget,
            gold=run.gold,
        )
        return self._left(done, run)

    def _left(self, done: Replay, run: ExploitRun) -> StepResult:
        folder = run.context.folder.path
        counts = Counter(str(one.status) for one in done.found)
        told = [_summary(done, self.called), *(one.sentence() for one in done.found)]
        lines = [json.dumps(_line(one)) for one in done.found]
        write_text(folder / REPLAY, "".join(f"{line}\n" for line in lines))
        write_text(folder / FINDINGS, "".join(f"{line}\n" for line in told))
        examined, said = recorded(folder)
        notes = [*run.target.recalled.said(), *said]
        return StepResult(
            meta={
                "findings": told,
                "statuses": dict(counts),
                "texts": done.scored,
                "suite": self.called,
                "doctor": examined,
            },
            notes=tuple(f"{self.id}: {note}" for note in notes),
            scalars={"texts": float(done.scored), **{k: float(v) for k, v in counts.items()}},
        )


def _summary(done: Replay, suite: str) -> str:
    counts = Counter(one.status for one in done.found)
    parts = ", ".join(f"{counts[status]} {_verb(status, counts[status])}" for status in Status)
    if not done.found:
        return f"{suite} holds no such finding: there is nothing to replay"
    unit = f"1 SD is {done.scale.sd:.3g} score units here"
    return f"{len(done.found)} replayed: {parts} ({done.scored:,} texts; {unit})"


def _verb(status: Status, count: int) -> str:
    return "persist" if status is Status.PERSISTS and count != 1 else str(status)


def _line(one: Replayed) -> dict[str, Json]:
    found, line = one.proof.confirmed, one.entry.line
    return {
        "id": one.entry.id,
        "label": one.entry.label,
        "identity": line["identity"],
        "status": str(one.status),
        "reason": one.reason,
        "proved": {name: line.get(name) for name in ("verdict", "effect", "net", "model", "data")},
        "verdict": str(found.verdict),
        "effect": numbers(found.effect),
        "net": numbers(found.net),
        "effect_on_gold": numbers(found.gold),
        "q": found.q,
        "answers": found.answers,
        "dropped": found.dropped,
    }
