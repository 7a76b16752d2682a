"""`--set a.b.c=value`: one value of the file replaced from the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyrite.component import nearest
from pyrite.config.dialect import ALIASES
from pyrite.config.document import parse_value
from pyrite.config.tree import Findings, Map, Mark, Seq, shown
from pyrite.types import Json, Location

__all__ = ["PLACE", "apply"]

PLACE = Location("--set")
"""What a mistake in an override names as its file."""


def apply(root: Map, overrides: Sequence[str], env: Mapping[str, str], findings: Findings) -> None:
    """Set values in the tree as it was written; keys that do not exist yet are made.

    Elements of a list are addressed by index, by `id`, or by the name they are written under.
    """
    for override in overrides:
        path, equals, text = override.partition("=")
        path = path.strip()
        mark = Mark(PLACE, path)
        segments = path.split(".")
        if not equals or not all(segments):
            findings.mistake(Mark(PLACE), f"{override!r} is not an override", "write a.b.c=value")
            continue
        value = parse_value(text, mark, env, findings)
        segments[0] = _as_written(root, segments[0])
        _set(root, segments, value, mark, findings)


def _as_written(root: Map, key: str) -> str:
    """The key itself, or the other name that the file has the section under."""
    for one, other in (*ALIASES.items(), *((b, a) for a, b in ALIASES.items())):
        if key == one and key not in root and other in root:
            return other
    return key


def _set(node: Json, segments: list[str], value: Json, mark: Mark, findings: Findings) -> None:
    if isinstance(node, Seq):
        _set_in_list(node, segments, value, mark, findings)
        return
    key, rest = segments[0], segments[1:]
    if rest and key not in node and _is_own_name(node, key):
        _set(node, rest, value, mark, findings)
        return
    if not rest:
        node.put(key, value, mark)
        return
    inner = node.get(key)
    if inner is None or inner == "default":
        inner = Map(Mark(mark.location, node.at(key).path))
        node.put(key, inner, inner.mark)
    if not isinstance(inner, Map | Seq):
        findings.mistake(mark, f"{node.at(key).path} is {shown(inner)}, it has no {rest[0]!r}")
        return
    _set(inner, rest, value, mark, findings)


def _is_own_name(node: Map, segment: str) -> bool:
    """Whether a single section is addressed as the list of one that it stands for."""
    is_section = "." not in node.mark.path and node.mark.path != ""
    return is_section and segment in ("0", node.get("id"))


def _set_in_list(
    node: Seq, segments: list[str], value: Json, mark: Mark, findings: Findings
) -> None:
    for length in range(len(segments), 0, -1):
        index = _find(node, ".".join(segments[:length]))
        if index is None:
            continue
        rest = segments[length:]
        if not rest:
            node[index], node.marks[index] = value, mark
            return
        inside = _inside(node[index], segments[0])
        if isinstance(inside, Map | Seq):
            _set(inside, rest, value, mark, findings)
        else:
            path = node.marks[index].path
            findings.mistake(mark, f"{path} is {shown(node[index])}, it has no {rest[0]!r}")
        return
    names = [name for element in node for name in _names(element)] or [
        str(index) for index in range(len(node))
    ]
    findings.mistake(
        mark, f"{node.mark.path} has no element {segments[0]!r}", nearest(segments[0], names)
    )


def _find(node: Seq, name: str) -> int | None:
    if name.isdecimal() and int(name) < len(node):
        return int(name)
    return next((i for i, element in enumerate(node) if name in _names(element)), None)


def _names(element: Json) -> list[str]:
    """What an element of a list may be called: its id, else the name it is written under."""
    if isinstance(element, str):
        return [element]
    if not isinstance(element, Map) or not element:
        return []
    first = next(iter(element))
    names = [element.get("id"), element.get("name"), element.get("target"), element.get("y")]
    if len(element) == 1 or element[first] is None:
        names.append(first)
        body = element[first]
        if isinstance(body, Map):
            names.append(body.get("id"))
    return [name for name in names if isinstance(name, str)]


def _inside(element: Json, name: str) -> Json:
    """Where the fields of an element stand: below its name, or beside it."""
    if isinstance(element, Map) and len(element) == 1:
        body = next(iter(element.values()))
        if isinstance(body, Map | Seq) and name in _names(element):
            return body
    return element
