"""A comparison in words: headings, tables of short texts, and sentences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pyrite.analysis.resample import Estimate
from pyrite.compare.result import (
    ChangedCheck,
    ComparedEdit,
    ComparedExploits,
    ComparedQuery,
    Comparison,
    Effect,
    Fate,
    Part,
)

__all__ = ["Block", "blocks", "estimate", "percent", "points"]

_FATES = {
    Fate.NEW: "new",
    Fate.PERSISTING: "persisting",
    Fate.OPEN: "not shown fixed",
    Fate.FIXED: "fixed",
    Fate.NOT_TESTED: "not tested",
}
NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Block:
    """A heading with sentences, a table (its first line is the header), and more sentences."""

    heading: str
    before: tuple[str, ...] = ()
    table: tuple[tuple[str, ...], ...] = ()
    after: tuple[str, ...] = ()


def blocks(comparison: Comparison) -> list[Block]:
    """Everything that a comparison says, in the order to show it."""
    found = [_head(comparison)]
    for query in comparison.queries:
        found += _query(query)
    found += [_exploits(one) for one in comparison.exploits]
    found.append(_checks(comparison.checks, comparison.checks_same))
    if comparison.notes:
        found.append(Block("Not compared", comparison.notes))
    return found


def estimate(value: Estimate | None) -> str:
    """`0.31 [0.27, 0.35]`."""
    return NOT_MEASURED if value is None else str(value)


def percent(value: Estimate | None) -> str:
    """`71.0 % [65.2, 76.1]`."""
    if value is None:
        return NOT_MEASURED
    return f"{_tenth(100 * value.value)} % [{_tenth(100 * value.low)}, {_tenth(100 * value.high)}]"


def points(value: Estimate | None) -> str:
    """A difference of two shares in percentage points: `+2.1 [-0.4, +4.6]`."""
    if value is None:
        return NOT_MEASURED
    signed = (f"{round(100 * x, 1) + 0.0:+.1f}" for x in (value.value, value.low, value.high))
    first, low, high = signed
    return f"{first} [{low}, {high}]"


def _tenth(number: float) -> str:
    return f"{round(number, 1) + 0.0:.1f}"


def _head(comparison: Comparison) -> Block:
    a, b = comparison.a, comparison.b
    said = [f"A  {a.path} ({a.name}, {a.status})", f"B  {b.path} ({b.name}, {b.status})"]
    said.append(
        f"Intervals have a confidence of {comparison.confidence:.0%} and know that rows of one "
        "prompt belong together; differences are B minus A."
    )
    said += [f"Allowed although different: {text}" for text in comparison.allowed]
    return Block("Comparison", tuple(said))


def _query(query: ComparedQuery) -> list[Block]:
    names = dict.fromkeys((query.query_a, query.query_b))
    heading = f"{' and '.join(names)}: {query.target}"
    said = [f"A {query.model_a}, B {query.model_b}; {query.whole.rows} rows, "]
    said[0] += f"{query.whole.prompts} prompts"
    if query.rows < max(query.rows_a, query.rows_b):
        said.append(f"{query.rows} rows are in both ({query.rows_a} in A, {query.rows_b} in B)")
    found = [Block(heading, (*said, *query.notes), _whole(query.whole), query.whole.notes)]
    for column in dict.fromkeys(part.column for part in query.subsets):
        parts = [part for part in query.subsets if part.column == column]
        found.append(Block(f"{heading}, by {column}", (), _subsets(parts), _notes(parts)))
    return found


def _whole(part: Part) -> tuple[tuple[str, ...], ...]:
    rows: list[tuple[str, ...]] = []
    accuracy, scores = part.accuracy, part.scores
    if accuracy is not None:
        rows += [
            ("accuracy of A", percent(accuracy.a), _n(accuracy.a)),
            ("accuracy of B", percent(accuracy.b), _n(accuracy.b)),
            ("B minus A, points", points(accuracy.difference), _n(accuracy.difference)),
            ("pairs that turned", percent(accuracy.turned), _n(accuracy.turned)),
            (
                "only B right, only A right",
                f"{accuracy.gained}, {accuracy.lost}; McNemar's exact p = {accuracy.p:.2g}"
                + (
                    f", by prompts {accuracy.p_prompts:.2g}"
                    if accuracy.p_prompts is not None
                    else ""
                ),
                f"{accuracy.a.rows} pairs, {accuracy.ties} with a margin of 0",
            ),
        ]
    if scores is not None:
        rows += [
            ("shift of the mean, in own SD", estimate(scores.shift), _n(scores.shift)),
            ("rows move beyond it by, in SD", estimate(scores.moved), _n(scores.moved)),
            ("rank correlation", estimate(scores.spearman), _n(scores.shift)),
            ("1 SD, in score units", f"{scores.sd_a:.3g} in A, {scores.sd_b:.3g} in B", ""),
        ]
    return (("", "value and interval", "n"), *rows) if rows else ()


def _n(value: Estimate) -> str:
    return f"{value.rows} rows, {value.groups} prompts"


def _subsets(parts: Sequence[Part]) -> tuple[tuple[str, ...], ...]:
    paired = any(part.accuracy is not None for part in parts)
    rows: list[tuple[str, ...]] = []
    for part in parts:
        accuracy, scores = part.accuracy, part.scores
        shown = [part.value]
        if paired:
            shown += [
                percent(accuracy.a if accuracy else None),
                percent(accuracy.b if accuracy else None),
                points(accuracy.difference if accuracy else None),
                f"{accuracy.p:.2g}" if accuracy else NOT_MEASURED,
            ]
        else:
            shown += [
                estimate(scores.shift if scores else None),
                estimate(scores.moved if scores else None),
            ]
        shown += [estimate(scores.spearman if scores else None), f"{part.rows}, {part.prompts}"]
        rows.append(tuple(shown))
    pairs = ("accuracy of A", "accuracy of B", "B - A, points", "McNemar p")
    heads = pairs if paired else ("shift, SD", "moved, SD")
    return (("subset", *heads, "rank correlation", "rows, prompts"), *rows)


def _notes(parts: Iterable[Part]) -> tuple[str, ...]:
    return tuple(f"{part.value}: {note}" for part in parts for note in part.notes)


def _exploits(one: ComparedExploits) -> Block:
    names = " and ".join(dict.fromkeys((one.step_a, one.step_b)))
    counts = {fate: sum(edit.fate is fate for edit in one.edits) for fate in Fate}
    told = ", ".join(f"{count} {_FATES[fate]}" for fate, count in counts.items() if count)
    before = [
        f"{told or 'no exploits in either'}; {one.same} edits were tried in both "
        f"({one.tried_a} in A, {one.tried_b} in B); smallest effect {one.smallest:g} SD",
        *one.notes,
    ]
    head = ("edit", "", "A, SD", "B, SD", "B - A, SD", "prompts of A, B")
    table = (head, *(_edit(edit) for edit in one.edits)) if one.edits else ()
    after = tuple(f"{edit.edit}: {_FATES[edit.fate]}: {edit.why}" for edit in one.edits)
    return Block(f"{names}: exploits", tuple(before), table, after)


def _edit(edit: ComparedEdit) -> tuple[str, ...]:
    return (
        edit.edit,
        _FATES[edit.fate],
        _effect(edit.a),
        _effect(edit.b),
        estimate(edit.difference) if edit.difference else NOT_MEASURED,
        f"{_prompts(edit.a)}, {_prompts(edit.b)}",
    )


def _effect(effect: Effect) -> str:
    if effect.effect is None:
        return NOT_MEASURED
    mark = " (discovery)" if effect.phase.startswith("discovery") else ""
    return f"{effect.effect}{mark}"


def _prompts(effect: Effect) -> str:
    return "0" if effect.effect is None else str(effect.effect.groups)


def _checks(changed: Sequence[ChangedCheck], same: int) -> Block:
    if not changed:
        return Block("Checks of the doctor", (f"{same} checks say the same in both; none changed",))
    rows = [(x.step, x.check, _status(x.before), _status(x.after), x.saw) for x in changed]
    head = ("step", "check", "A", "B", "what was seen")
    return Block("Checks of the doctor", (f"{same} checks say the same",), (head, *rows))


def _status(status: str | None) -> str:
    return "not made" if status is None else status.replace("_", " ")
