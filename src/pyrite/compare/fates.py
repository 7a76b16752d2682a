"""What became of exploits: new, persisting, fixed, or not known.

An exploit of A is *fixed* only if B tried the same edit (the same code and arguments) and the
interval of its effect there lies wholly on the harmless side of the smallest effect: below d for an
edit that keeps quality, below -d for one that destroys it (the score certainly drops, as it
should). An edit that B did not send to confirmation is judged by its discovery interval,
effect +- t(G - 1) x SE over G prompts, where these are at least `MIN_GROUPS`: few prompts, and a
search that gave the edit up early because they were few and low, prove nothing. "No longer
confirmed" alone is not "fixed": it may be lack of data.

Differences of effects treat the runs as independent, each interval +- t x SE taken back to its SE,
with Welch and Satterthwaite's degrees of freedom. Where both measured the same prompts, which as a
rule move together, the true interval is narrower.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from pyrite.analysis.resample import MIN_GROUPS, Estimate, t_quantile, two
from pyrite.compare.paired import CONFIDENCE
from pyrite.compare.result import ComparedEdit, ComparedExploits, Effect, Fate
from pyrite.finished import FinishedStep
from pyrite.types import Json

__all__ = ["compare_exploits", "effect_difference", "excludes"]

EFFECTS = "effects.parquet"
_EXPLOIT = "exploit"
_ORDER = tuple(Fate)
Row = Mapping[str, Json]


def compare_exploits(step_a: FinishedStep, step_b: FinishedStep) -> ComparedExploits | str:
    """The exploits of two exploit steps, or why they cannot be compared.

    Raises:
        CorruptArtifactError: a table of effects is missing or damaged.
    """
    for name, step in (("A", step_a), ("B", step_b)):
        if EFFECTS not in step.meta.get("files", {}):
            return f"{step.id}: {name} tried no edits ({_reason(step)})"
    rows_a, rows_b = _rows(step_a), _rows(step_b)
    smallest = _smallest(step_b)
    notes = []
    if _smallest(step_a) != smallest:
        notes.append(
            f"the smallest effect that counts is {_smallest(step_a):g} SD in A and {smallest:g} SD "
            "in B; B's is used for both"
        )
    exploits = [x for x in {**rows_a, **rows_b} if _is_exploit(rows_a, x) or _is_exploit(rows_b, x)]
    edits = [_compared(rows_a.get(x), rows_b.get(x), smallest) for x in exploits]
    edits.sort(key=lambda one: (_ORDER.index(one.fate), one.edit))
    return ComparedExploits(
        step_a=step_a.id,
        step_b=step_b.id,
        tried_a=len(rows_a),
        tried_b=len(rows_b),
        same=len(rows_a.keys() & rows_b.keys()),
        smallest=smallest,
        edits=tuple(edits),
        notes=tuple(notes),
    )


def _rows(step: FinishedStep) -> dict[str, Row]:
    """Every edit that was tried, by the identity of its code and arguments."""
    return {str(row["identity"]): row for row in step.parquet(EFFECTS).to_pylist()}


def _smallest(step: FinishedStep) -> float:
    return float(step.declared["confirm"]["smallest"])


def _reason(step: FinishedStep) -> str:
    said = step.meta.get("findings") or ["it left no table of effects"]
    return str(said[0])


def _is_exploit(rows: Mapping[str, Row], identity: str) -> bool:
    return identity in rows and rows[identity]["verdict"] == _EXPLOIT


def _compared(row_a: Row | None, row_b: Row | None, smallest: float) -> ComparedEdit:
    known = row_b or row_a
    assert known is not None
    a, b = _effect(row_a), _effect(row_b)
    fate, why = _fate(a, b, str(known["claim"]), smallest)
    both = a.effect is not None and b.effect is not None
    return ComparedEdit(
        edit=str(known["edit"]),
        family=str(known["family"]),
        claim=str(known["claim"]),
        fate=fate,
        a=a,
        b=b,
        difference=effect_difference(a.effect, b.effect) if both else None,
        why=why,
    )


def _effect(row: Row | None) -> Effect:
    if row is None:
        return Effect(None, "", None, "not among the edits of this run")
    groups = row.get("effect_prompts")
    if row.get("effect") is not None and groups:
        n = int(row["answers"] or 0)
        measured = Estimate(row["effect"], row["effect_low"], row["effect_high"], n, int(groups))
        return Effect(row["verdict"], "held-out prompts", measured, str(row["reason"]))
    verdict = row.get("verdict")
    prompts, error = int(row.get("discovery_prompts") or 0), row.get("discovery_error")
    if row.get("discovery_effect") is None or error is None or prompts < 2:
        why = row.get("reason") or row.get("problem") or "no score before or after it"
        return Effect(verdict, "", None, f"not measured: {why}")
    value, reach = row["discovery_effect"], t_quantile(CONFIDENCE, prompts) * error
    n = int(row.get("discovery_answers") or 0)
    measured = Estimate(value, value - reach, value + reach, n, prompts)
    why = str(row.get("reason") or "not sent to confirmation")
    return Effect(verdict, "discovery prompts", measured, why)


def _fate(a: Effect, b: Effect, claim: str, smallest: float) -> tuple[Fate, str]:
    if a.verdict == _EXPLOIT and b.verdict == _EXPLOIT:
        return Fate.PERSISTING, "an exploit in both"
    if a.verdict == _EXPLOIT:
        if b.effect is None:
            return Fate.NOT_TESTED, f"in B: {b.why}"
        if b.effect.groups < MIN_GROUPS:
            return Fate.OPEN, f"{b.why}; {b.effect.groups} {b.phase} do not show that it is fixed"
        if excludes(b.effect, claim, smallest):
            return Fate.FIXED, _excluded(b, claim, smallest)
        now = "" if b.verdict is None else f"{b.verdict.replace('_', ' ')} now; "
        return Fate.OPEN, f"{now}{b.why}, and the interval does not exclude the smallest effect"
    if a.effect is None:
        return Fate.NOT_TESTED, f"in A: {a.why}"
    if a.effect.groups >= MIN_GROUPS and excludes(a.effect, claim, smallest):
        return Fate.NEW, "A's interval excludes the smallest effect"
    return Fate.NEW, f"not confirmed in A, and not excluded there either ({a.why})"


def excludes(effect: Estimate, claim: str, smallest: float) -> bool:
    """Whether an interval lies wholly on the harmless side of the smallest effect."""
    bound = -smallest if claim == "lowers" else smallest
    return math.isfinite(effect.high) and effect.high < bound


def _excluded(b: Effect, claim: str, smallest: float) -> str:
    assert b.effect is not None
    bound = -smallest if claim == "lowers" else smallest
    return f"on {b.phase} the whole interval is below {two(bound)} SD"


def effect_difference(a: Estimate | None, b: Estimate | None) -> Estimate | None:
    """b - a of two independent estimates; `groups` is the smaller number of prompts."""
    if a is None or b is None or min(a.groups, b.groups) < 2:
        return None
    variances = [((x.high - x.low) / 2 / t_quantile(CONFIDENCE, x.groups)) ** 2 for x in (a, b)]
    total = sum(variances)
    parts = sum(v**2 / (x.groups - 1) for v, x in zip(variances, (a, b), strict=True))
    degrees = total**2 / parts if parts > 0 else min(a.groups, b.groups) - 1
    value = b.value - a.value
    reach = _t(degrees) * math.sqrt(total)
    rows, groups = min(a.rows, b.rows), min(a.groups, b.groups)
    return Estimate(value, value - reach, value + reach, rows, groups)


def _t(degrees: float) -> float:
    from scipy.stats import t

    return float(t.ppf(0.5 + CONFIDENCE / 2, degrees))
