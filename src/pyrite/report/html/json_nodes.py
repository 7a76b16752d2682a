"""Any JSON as something to read: a text, a definition list, a list or a small table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyrite.report.html import numbers
from pyrite.report.html.texts import clip, visible
from pyrite.types import Json

__all__ = ["Definitions", "Grid", "Items", "Node", "Plain", "label", "node"]

DEEPEST = 4
MOST = 60
LONGEST = 2000


@dataclass(frozen=True)
class Plain:
    """A text."""

    text: str
    kind: str = "plain"


@dataclass(frozen=True)
class Definitions:
    """Labels and what belongs to them."""

    items: Sequence[tuple[str, Node]]
    kind: str = "definitions"


@dataclass(frozen=True)
class Items:
    """A list; `left` further elements are not shown."""

    items: Sequence[Node]
    left: int
    kind: str = "items"


@dataclass(frozen=True)
class Grid:
    """Rows of texts with the same labels; `left` further rows are not shown."""

    labels: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: int
    kind: str = "grid"


Node = Plain | Definitions | Items | Grid


def node(value: Json, *, depth: int = 0) -> Node:
    """What shows a value; estimates become intervals with their n."""
    if isinstance(value, Mapping):
        if _is_estimate(value):
            return Plain(estimate(value))
        if depth < DEEPEST:
            return Definitions(
                [
                    (label(str(key)), node(one, depth=depth + 1))
                    for key, one in list(value.items())[:MOST]
                ]
            )
    elif isinstance(value, list | tuple):
        if not value:
            return Plain("none")
        if len(value) == 3 and all(numbers.as_number(x) is not None for x in value):
            return Plain(", ".join(_scalar(x) for x in value))
        if depth < DEEPEST:
            return _several(value, depth)
    else:
        return Plain(_scalar(value))
    return Plain(visible(clip(str(value), LONGEST)))


def _several(value: Sequence[Json], depth: int) -> Node:
    left = max(0, len(value) - MOST)
    shown = list(value[:MOST])
    if all(isinstance(one, Mapping) and one for one in shown):
        keys = sorted(
            dict.fromkeys(key for one in shown for key in one),
            key=lambda key: any(_is_estimate(one.get(key)) for one in shown),
        )
        if len(keys) <= 8 and all(_is_flat(x) for one in shown for x in one.values()):
            rows = [[_flat(one.get(key)) for key in keys] for one in shown]
            return Grid([label(str(key)) for key in keys], rows, left)
    if all(not isinstance(one, Mapping | list | tuple) for one in shown):
        more = [f"and {left} more"] if left else []
        return Plain(", ".join([*map(_scalar, shown), *more]))
    return Items([node(one, depth=depth + 1) for one in shown], left)


def _is_flat(value: Json) -> bool:
    return not isinstance(value, Mapping | list | tuple) or _is_estimate(value)


def _flat(value: Json) -> str:
    return estimate(value) if isinstance(value, Mapping) else _scalar(value)


def _is_estimate(value: Json) -> bool:
    return isinstance(value, Mapping) and {"value", "low", "high"} <= set(value)


def estimate(value: Mapping[str, Json]) -> str:
    """`0.42 [0.31, 0.53], n = 40, 12 prompts`."""
    shown = numbers.interval(numbers.ends(value))
    sizes = [f"n = {numbers.count(value['n'])}"] if value.get("n") is not None else []
    if value.get("prompts") not in (None, value.get("n")):
        sizes.append(f"{numbers.count(value['prompts'])} prompts")
    return ", ".join([shown, *sizes])


def _scalar(value: Json) -> str:
    if value is None:
        return numbers.MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return numbers.count(value)
    if isinstance(value, float):
        return numbers.number(value, numbers.decimals([numbers.as_number(value)]))
    return visible(clip(str(value), LONGEST))


def label(key: str) -> str:
    """`median margin` of `median_margin`; a key that is a sentence stays as it is."""
    return visible(clip(key.replace("_", " ") if key.isidentifier() else key, 120))
