"""Which section requires which: ids, `requires`, and one query per combination."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

from pyrite.component import nearest
from pyrite.config.tree import Findings, Map, Mark, Seq, shown

__all__ = ["Linked", "Node", "link"]

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,99}")
_PLURAL = {
    "model": "models",
    "data": "data sets",
    "query": "queries",
    "analyze": "analyses",
    "exploit": "exploit steps",
}
_NOUN = {
    "model": "a model",
    "data": "a data set",
    "query": "a query",
    "analyze": "an analysis",
    "exploit": "an exploit step",
}
FANNED = ("query", "exploit")
"""Kinds that take one model and one data set, and become one step per combination."""


@dataclass(frozen=True, slots=True)
class Node:
    """One section as far as the links between sections go.

    Attributes:
        index: its place in its list.
        gold: a model that it only asks too, or a column; "" for none.
        transfer: models that it only asks too, with where that is written.
        reference: a model that it is only compared with, with where that is written.
    """

    kind: str
    index: int
    id: str
    requires: tuple[tuple[str, Mark], ...]
    mark: Mark
    gold: str = ""
    transfer: tuple[tuple[str, Mark], ...] = ()
    reference: tuple[tuple[str, Mark], ...] = ()

    @classmethod
    def of(cls, kind: str, index: int, section: Map, mark: Mark) -> Node:
        """The node of a canonical section."""
        name, gold = section.get("id", kind), section.get("gold")
        return cls(
            kind,
            index,
            id=name if isinstance(name, str) else "",
            requires=_named(section, "requires"),
            mark=section.at("id") if "id" in section else mark,
            gold=gold if isinstance(gold, str) else "",
            transfer=_named(section, "transfer"),
            reference=_reference(section),
        )

    @property
    def beside(self) -> set[str]:
        """What it names beside the models that it is about."""
        return {self.gold, *(name for name, _ in (*self.transfer, *self.reference))} - {""}


def _reference(section: Map) -> tuple[tuple[str, Mark], ...]:
    name = section.get("reference")
    return ((name, section.at("reference")),) if isinstance(name, str) and name else ()


def _named(section: Map, key: str) -> tuple[tuple[str, Mark], ...]:
    """The names in a list of a section, and where each stands."""
    written = section.get(key)
    pairs = written.pairs() if isinstance(written, Seq) else ()
    return tuple((name, mark) for name, mark in pairs if isinstance(name, str))


@dataclass(frozen=True, slots=True)
class Linked:
    """A query, analysis or exploit step as it runs: its id and what it requires, in order.

    `index` is the place of the section in the file; one section that requires several models or
    data sets gives several of these, each of them with the other models in `others`.
    """

    kind: str
    index: int
    id: str
    requires: tuple[str, ...]
    others: tuple[str, ...] = ()


def link(nodes: Sequence[Node], findings: Findings) -> list[Linked]:
    """Check ids and references, fill in what is unambiguous, and fan queries out."""
    _check_ids(nodes, findings)
    by_id = {node.id: node for node in reversed(nodes)}
    linked: list[Linked] = []
    fanned: dict[str, list[str]] = {}
    for node in nodes:
        if node.kind in FANNED:
            models = _required(node, "model", nodes, by_id, findings)
            data = _required(node, "data", nodes, by_id, findings)
            kinds = ("model", "data", "analyze") if node.kind == "exploit" else ("model", "data")
            _check_references(node, kinds, nodes, by_id, findings)
            _check_beside(node, nodes, by_id, findings)
            made = _combinations(node, models, data)
            analyses = dict.fromkeys(n for n, _ in node.requires if _is(n, "analyze", by_id))
            made = [replace(one, requires=(*one.requires, *analyses)) for one in made]
            fanned[node.id] = [one.id for one in made]
            linked.extend(made)
    _check_fanned(nodes, fanned, findings)
    for node in nodes:
        if node.kind == "analyze":
            queries = _required(node, "query", nodes, by_id, findings)
            _check_references(node, ("query",), nodes, by_id, findings)
            names = [name for query in queries for name in fanned.get(query, ())]
            linked.append(Linked(node.kind, node.index, node.id, tuple(names)))
    return linked


def _check_ids(nodes: Sequence[Node], findings: Findings) -> None:
    first: dict[str, Node] = {}
    for node in nodes:
        if findings.told(node.mark):
            continue
        if not _ID.fullmatch(node.id):
            findings.mistake(
                node.mark,
                f"the id is {shown(node.id)}, expected letters, digits, '_', '-' and '.', "
                "a letter or digit first",
            )
            continue
        other = first.setdefault(node.id.lower(), node)
        if other is node:
            continue
        line = other.mark.location.line
        where = f"first on line {line}; " if line else ""
        if other.id == node.id:
            message = f"the id {node.id!r} is taken by {_NOUN[other.kind]}"
        else:
            message = f"the ids {node.id!r} and {other.id!r} differ only in case"
        findings.mistake(node.mark, message, f"{where}give one of them another `id`")


def _required(
    node: Node, kind: str, nodes: Sequence[Node], by_id: dict[str, Node], findings: Findings
) -> list[str]:
    """Ids of the required sections of one kind; filled in where there is only one."""
    named = dict.fromkeys(n for n, _ in node.requires if _is(n, kind, by_id))
    usable = [name for name in named if name not in node.beside]
    if usable:
        return usable
    candidates = [other.id for other in nodes if other.kind == kind and other.id not in node.beside]
    dangling = [name for name, _ in node.requires if name not in by_id]
    if dangling:
        return []
    if len(candidates) == 1:
        return candidates
    mark = node.requires[0][1] if node.requires else node.mark
    if candidates:
        choice = f"name one of: {', '.join(candidates)}"
        findings.mistake(
            mark, f"{node.id!r} does not say in `requires` which {_PLURAL[kind]} it needs", choice
        )
    else:
        asked = (
            " beside those of `gold`, `reference` and `transfer`"
            if kind == "model" and node.beside
            else ""
        )
        findings.mistake(mark, f"{node.id!r} needs {_NOUN[kind]}, and there is none{asked}")
    return []


def _is(name: str, kind: str, by_id: dict[str, Node]) -> bool:
    return name in by_id and by_id[name].kind == kind


def _check_references(
    node: Node,
    kinds: tuple[str, ...],
    nodes: Sequence[Node],
    by_id: dict[str, Node],
    findings: Findings,
) -> None:
    wanted = " and ".join(_PLURAL[kind] for kind in kinds)
    usable = [other for other in nodes if other.kind in kinds]
    named = {name for name, _ in node.requires}
    for name, mark in node.requires:
        found = by_id.get(name)
        if found is None:
            hint = _suggestion(name, usable, named)
            findings.mistake(mark, f"nothing has the id {name!r}", hint)
        elif found.kind not in kinds:
            findings.mistake(
                mark,
                f"{name!r} is {_NOUN[found.kind]}; {_NOUN[node.kind]} requires {wanted}",
                nearest(name, [other.id for other in usable]),
            )


def _check_beside(
    node: Node, nodes: Sequence[Node], by_id: dict[str, Node], findings: Findings
) -> None:
    """What `transfer` and `reference` name is a model."""
    models = [other.id for other in nodes if other.kind == "model"]
    for name, mark in (*node.transfer, *node.reference):
        if not _is(name, "model", by_id):
            hint = nearest(name, models)
            findings.mistake(mark, f"is {shown(name)}, and no model is called so", hint)


def _suggestion(name: str, usable: Sequence[Node], named: set[str]) -> str:
    """The nearest id; where none is near, the only one of a kind that nothing refers to."""
    hint = nearest(name, [node.id for node in usable])
    if hint.startswith("did you mean"):
        return hint
    covered = {node.kind for node in usable if node.id in named}
    free = [node for node in usable if node.kind not in covered]
    if len(free) == 1:
        noun = _NOUN[free[0].kind].split(" ", 1)[1]
        return f"did you mean {free[0].id!r}, the only {noun}?"
    return hint


def _combinations(node: Node, models: list[str], data: list[str]) -> list[Linked]:
    made = []
    for model, rows in product(models, data):
        parts = [node.id]
        if len(models) > 1:
            parts.append(model)
        if len(data) > 1:
            parts.append(rows)
        others = tuple(name for name in models if name != model)
        made.append(Linked(node.kind, node.index, ".".join(parts), (model, rows), others))
    return made


def _check_fanned(nodes: Sequence[Node], fanned: dict[str, list[str]], findings: Findings) -> None:
    taken = {node.id.lower() for node in nodes}
    for node in nodes:
        for name in fanned.get(node.id, ()) if node.kind in FANNED else ():
            if name == node.id:
                continue
            if name.lower() in taken or not _ID.fullmatch(name):
                problem = "is taken" if name.lower() in taken else "has more than 100 characters"
                findings.mistake(
                    node.mark,
                    f"one of its {_PLURAL[node.kind]} would be called {name!r}, which {problem}",
                    "give it another `id`",
                )
            taken.add(name.lower())
