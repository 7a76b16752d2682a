"""The rows at the ends: highest and lowest scores, largest margins either way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pyrite.report import Block, Column, Notice, Section, Table
from pyrite.report.cells import columns, cut, shortened
from pyrite.report.material import Material, View, rows_at
from pyrite.report.tokens import token_rewards
from pyrite.types import Json

__all__ = ["section"]

MOST_CHARACTERS = 800_000
"""Characters that all texts of this section hold together."""
ROWS = 10
ROWS_OF_MANY = 4
MANY = 4
MOST_VIEWS = 12
_TEXTS = ("prompt", "messages", "response", "chosen", "rejected")
_SCORES = ("chosen_end_scores", "rejected_end_scores")


class _Ends(NamedTuple):
    """The rows at both ends of one view, with their texts."""

    view: View
    rows: list[tuple[str, int]]
    numbers: dict[str, dict[int, float]]
    texts: dict[int, dict[str, Json]]


def section(material: Material) -> Section:
    """One table per model; the first rows of it token by token, where that was stored."""
    views = [view for view in material.views if view.target][:MOST_VIEWS]
    each = ROWS if len(views) <= MANY else ROWS_OF_MANY
    found = [_ends(view, each) for view in views]
    found = [one for one in found if one.rows]
    texts = [
        value
        for one in found
        for _, row in one.rows
        for value in one.texts[row].values()
        if isinstance(value, str)
    ]
    limit = cut(texts, most=MOST_CHARACTERS)
    blocks: list[Block] = []
    if any(len(text) > limit for text in texts):
        said = f"Texts longer than {limit:,} characters are cut here."
        rest = f"pyrite.Run({str(material.path)!r}).table(QUERY) has them whole"
        blocks.append(Notice(level="note", text=said, cure=rest))
    for one in found:
        blocks.append(_table(material, one, limit))
        if len(found) <= MANY:
            blocks += token_rewards(one.view, _read_closely(one))
    return Section(
        id="extremes",
        title="The rows at the ends",
        lead="Ends of a distribution are not typical rows, and one row proves nothing: they are "
        "here to be read.",
        blocks=blocks,
    )


def _ends(view: View, each: int) -> _Ends:
    target = view.target or ""
    values = view.numbers(target)
    usable = np.flatnonzero(np.isfinite(values))
    order = usable[np.argsort(values[usable], kind="stable")]
    low, high = order[:each], order[max(each, len(order) - each) :][::-1]
    words = (
        ("largest for the rejected", "largest for the chosen")
        if target == "margin"
        else (
            "lowest",
            "highest",
        )
    )
    rows = [(words[1], int(row)) for row in high] + [(words[0], int(row)) for row in low]
    names = [target, *(n for n in _SCORES if n in view.table.columns and n != target)]
    places = [row for _, row in rows]
    numbers = {}
    for name in names:
        column = values if name == target else view.numbers(name)
        numbers[name] = {row: float(column[row]) for row in places}
    present = [name for name in _TEXTS if name in view.stored.rows.columns]
    return _Ends(view, rows, numbers, rows_at(view.stored.rows, places, present))


def _read_closely(ends: _Ends) -> list[tuple[str, int]]:
    """The few rows that are shown token by token: of pairs, which are two texts, fewer."""
    each = 1 if ends.view.pairs else 2
    first: dict[str, list[tuple[str, int]]] = {}
    for end, row in ends.rows:
        first.setdefault(end, []).append((end, row))
    return [one for rows in first.values() for one in rows[:each]]


def _table(material: Material, ends: _Ends, limit: int) -> Table:
    view = ends.view
    present = [name for name in _TEXTS if any(one.get(name) for one in ends.texts.values())]
    used: list[Column] = columns(
        ("end", "which end", "text"),
        ("row_id", "row", "count"),
        *((name, name, "number") for name in ends.numbers),
        *((name, name, "long") for name in present),
    )
    rows: list[list[Json]] = [
        [
            end,
            row,
            *(column[row] for column in ends.numbers.values()),
            *_texts(ends.texts[row], present, limit),
        ]
        for end, row in ends.rows
    ]
    total = view.table.num_rows
    return Table(
        id=f"extremes-{view.id}",
        caption=f"{view.title}: the rows with the most extreme {view.target}.",
        columns=used,
        rows=rows,
        total=total,
        sampled=f"those at both ends of {view.target}; of equal ones the first in the data",
    )


def _texts(row: dict[str, Json], names: Sequence[str], limit: int) -> list[Json]:
    return [shortened(row[name], limit) if row.get(name) else row.get(name) for name in names]
