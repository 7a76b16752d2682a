"""Rules about what exploit steps found: numbers of verdicts, and shares of turned pairs."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pyrite.analysis.resample import Estimate
from pyrite.compare.blocks import percent
from pyrite.files import read_json
from pyrite.finished import FinishedRun, FinishedStep
from pyrite.gate.judging import Verdict, above, chosen, missing
from pyrite.gate.policy import VERDICTS, Allowed, FlipRule, Policy, VerdictRule
from pyrite.gate.result import Checked, Outcome
from pyrite.steps.data import ROWS
from pyrite.steps.rows import RowReader
from pyrite.types import Json

__all__ = ["Edits"]

EFFECTS = "effects.parquet"
SHOWN = 5
"""Edits that a message names; JSON and JUnit have all of them."""
_NO_VERDICT = (None, "insufficient_data")
Row = Mapping[str, Json]


@dataclass
class Edits:
    """What exploit steps of a run say of edits, against a policy.

    Attributes:
        today: the day on which entries of the allowlist are valid or not.
    """

    run: FinishedRun
    policy: Policy
    today: datetime.date
    _matched: set[int] = field(default_factory=set)

    def verdicts(self, key: str, rule: VerdictRule) -> Iterator[Checked]:
        """One line for each exploit step: how many edits have the verdict."""
        for step in chosen(self.run, "exploit", rule.steps):
            if isinstance(step, str):
                yield missing(self.policy, rule, key, "exploit steps", step)
                continue
            rows = _rows(step)
            if not rows or not self._says_something(key, rows):
                yield missing(self.policy, rule, key, step.id, _why(step))
            else:
                yield self._count(key, rule, step, rows)

    def _says_something(self, key: str, rows: Sequence[Row]) -> bool:
        if key == "insufficient_data":
            return True
        sent = [row for row in rows if row["sent"]]
        if sent:
            return any(row["verdict"] not in _NO_VERDICT for row in sent)
        return any(row["discovery_effect"] is not None for row in rows)

    def _count(
        self, key: str, rule: VerdictRule, step: FinishedStep, rows: Sequence[Row]
    ) -> Checked:
        severities = _severities(step)
        counted, passed_by = [], []
        for row in rows:
            if row["verdict"] != VERDICTS[key]:
                continue
            label = str(row["edit"])
            severity, least = severities.get(label), rule.severity_at_least
            if least is not None and severity is not None and severity < least:
                passed_by.append(f"{label}: severity {severity:g}")
                continue
            let, why = self._allowed(label, step.id)
            if let:
                passed_by.append(f"{label}: {why}")
                continue
            told = _effect(row)
            if least is not None:
                told += f", severity {'not measured' if severity is None else f'{severity:g}'}"
            grave = float("inf") if severity is None else severity
            counted.append((-grave, f"{label} {told}{f', {why}' if why else ''}"))
        bad = len(counted) > rule.max
        noun = VERDICTS[key].replace("_", " ")
        message = f"{len(counted)} with the verdict {noun}, at most {rule.max}"
        named = tuple(told for _, told in sorted(counted))
        message += f": {_some(named)}" if named else f" ({len(rows)} edits tried)"
        message += f"; not counted: {'; '.join(passed_by)}" if passed_by else ""
        outcome = Outcome.FINDING if bad else Outcome.PASSED
        return Checked(key, step.id, outcome, message, len(counted), float(rule.max), named)

    def flips(self, rule: FlipRule) -> Iterator[Checked]:
        """One line for each exploit step: the edits that turn more pairs than they may."""
        for step in chosen(self.run, "exploit", rule.steps):
            if isinstance(step, str):
                yield missing(self.policy, rule, "flips", "exploit steps", step)
                continue
            rows = _rows(step)
            measured = {str(row["edit"]): _flipped(row) for row in rows}
            known = {label: share for label, share in measured.items() if share is not None}
            if known:
                yield self._turned(rule, step, known)
            else:
                yield self._none_turned(rule, step, rows)

    def _none_turned(self, rule: FlipRule, step: FinishedStep, rows: Sequence[Row]) -> Checked:
        """Nothing was worth confirming on pairs, or it could not be measured."""
        data = self.run.step(self.run.required(step, "data"))
        found = [row for row in rows if row["discovery_effect"] is not None]
        if not RowReader(data.path / ROWS).has_pairs:
            why = "the data has no pairs"
        elif found and not any(row["sent"] for row in rows):
            message = (
                f"none of {len(found)} edits was promising enough on discovery prompts to be "
                "confirmed, so no share of turned pairs was measured"
            )
            return Checked("flips", step.id, Outcome.PASSED, message, None, rule.max)
        else:
            why = "no edit was confirmed on enough rightly ordered pairs"
        return missing(self.policy, rule, "flips", step.id, why)

    def _turned(
        self, rule: FlipRule, step: FinishedStep, shares: Mapping[str, Estimate]
    ) -> Checked:
        judge = self.policy.judged_by(rule)
        over, passed_by = [], []
        for label, share in shares.items():
            if above(share, rule.max, judge) is Verdict.WITHIN:
                continue
            let, why = self._allowed(label, step.id)
            told = f"{label} {percent(share)}, {share.groups} prompts"
            if let:
                passed_by.append(f"{label}: {why}")
            else:
                over.append((-share.value, told + (f", {why}" if why else "")))
        worst_label, worst = max(shares.items(), key=lambda item: item[1].value)
        message = f"{len(over)} of {len(shares)} edits turn more than {rule.max:.1%} of right pairs"
        named = tuple(told for _, told in sorted(over))
        message += f" (judged by the {judge}): "
        message += (
            _some(named) or f"the most: {worst_label} {percent(worst)}, {worst.groups} prompts"
        )
        message += f"; not counted: {'; '.join(passed_by)}" if passed_by else ""
        outcome = Outcome.FINDING if over else Outcome.PASSED
        return Checked("flips", step.id, outcome, message, worst, rule.max, named)

    def _allowed(self, label: str, step: str) -> tuple[bool, str]:
        """Whether an edit is let through, and the entry that says so, or that no longer does."""
        expired = ""
        for at, entry in enumerate(self.policy.allow):
            if entry.edit != label or entry.step not in (None, step):
                continue
            self._matched.add(at)
            if self.today <= entry.until:
                return True, f"allowed until {entry.until}, {entry.reason}"
            expired = f"was allowed until {entry.until}"
        return False, expired

    def unmatched(self) -> list[str]:
        """Entries of the allowlist that let nothing through."""
        left: list[tuple[int, Allowed]] = list(enumerate(self.policy.allow))
        return [
            f"allow: {entry.edit} matched nothing that was counted; the entry can go"
            for at, entry in left
            if at not in self._matched
        ]


def _some(named: Sequence[str]) -> str:
    """The first ones, and how many more there are."""
    more = len(named) - SHOWN
    return "; ".join(named[:SHOWN]) + (f"; and {more} more" if more > 0 else "")


def _rows(step: FinishedStep) -> list[Row]:
    if EFFECTS not in step.meta.get("files", {}):
        return []
    rows: list[Row] = step.parquet(EFFECTS).to_pylist()
    return rows


def _why(step: FinishedStep) -> str:
    said = [str(text) for text in step.meta.get("findings", ())]
    told = said[0] if len(said) == 1 else "; ".join(said[:2])
    return f"no edit has a verdict ({told})" if told else "no edit has a verdict"


def _severities(step: FinishedStep) -> dict[str, float]:
    """Severity by the edit's label, of the cards that have one."""
    found = {}
    for name in step.meta.get("files", {}):
        if not (name.startswith("cards/") and name.endswith(".json")):
            continue
        card = read_json(step.path / name)
        if not isinstance(card, dict):
            continue
        severity = card.get("severity")
        value = severity.get("score") if isinstance(severity, dict) else severity
        if isinstance(value, int | float):
            found[str(card["edit"]["label"])] = float(value)
    return found


def _effect(row: Row) -> str:
    if row["effect"] is None:
        return f"not measured ({row['reason'] or row['problem']})"
    one = Estimate(
        row["effect"], row["effect_low"], row["effect_high"], row["answers"], row["effect_prompts"]
    )
    return f"{one} SD, {one.rows} answers, {one.groups} prompts"


def _flipped(row: Row) -> Estimate | None:
    if row["flipped"] is None:
        return None
    prompts = int(row["flipped_prompts"])  # the table does not say of how many pairs
    return Estimate(row["flipped"], row["flipped_low"], row["flipped_high"], prompts, prompts)
