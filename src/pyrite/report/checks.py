"""The doctor's checks: once for every model, and what differed before its other steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pyrite.doctor import Status
from pyrite.report import Block, Fact, Facts, Level, Notice
from pyrite.report.material import Material
from pyrite.report.trust import Examined, examinations
from pyrite.types import Json

__all__ = ["checks"]

_LEVELS: dict[str, Level] = {
    Status.PASS: "good",
    Status.WARN: "warning",
    Status.FAIL: "bad",
    Status.NOT_APPLICABLE: "note",
}
_ORDER = (Status.FAIL, Status.WARN, Status.PASS, Status.NOT_APPLICABLE)
_Finding = dict[str, Json]


def checks(material: Material) -> Iterator[Block]:
    """What failed, then all checks of a model with what each saw."""
    models: dict[str, list[Examined]] = {}
    for one in examinations(material):
        models.setdefault(material.step(one.step).requires[0], []).append(one)
    for model, examined in models.items():
        for one in examined:
            if not one.findings:
                text = f"{one.step}: no check of the model is on record."
                cure = "leave `doctor: fail` or `doctor: warn` on"
                yield Notice(level="warning", text=text, cure=cure)
        made = [one for one in examined if one.findings]
        if made:
            yield from _notices(made)
            yield from _facts(model, made)


def _notices(made: Sequence[Examined]) -> Iterator[Block]:
    for status in (Status.FAIL, Status.WARN):
        steps: dict[tuple[str, str], list[str]] = {}
        for one in made:
            for x in one.of(status):
                said = (f"{x['check']}: {x['saw']} ({x['why']})", str(x["cure"]))
                steps.setdefault(said, []).append(one.step)
        for (text, cure), names in steps.items():
            yield Notice(level=_LEVELS[status], text=f"{', '.join(names)}: {text}", cure=cure)


def _facts(model: str, made: Sequence[Examined]) -> Iterator[Block]:
    first, *others = made
    same = [first.step, *(one.step for one in others if not _other(one, first))]
    yield Facts(title=f"Checks of {model} before {_listed(same)} scored", items=_items(first))
    for one in others:
        if differs := _other(one, first):
            rest = len(one.findings) - len(differs)
            title = f"Before {one.step} scored: {rest} checks saw the same, these another thing"
            yield Facts(title=title, items=_items(Examined(one.step, differs)))


def _other(one: Examined, first: Examined) -> list[_Finding]:
    """The checks that ended or saw otherwise than before the first step."""
    known = {(x["check"], x["status"], x["saw"]) for x in first.findings}
    return [x for x in one.findings if (x["check"], x["status"], x["saw"]) not in known]


def _items(examined: Examined) -> list[Fact]:
    return [
        Fact(
            label=str(one["check"]),
            value=f"{str(one['status']).replace('_', ' ')}: {one['saw']}",
            note=f"Why it matters: {one['why']}.",
            level=_LEVELS.get(one["status"]),
        )
        for one in sorted(examined.findings, key=lambda x: _ORDER.index(x["status"]))
    ]


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
