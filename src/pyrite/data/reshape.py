"""Changes of the table before it is mapped: long to wide, and the columns of a second table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from pyrite.component import nearest
from pyrite.config.sections import Join, Pivot
from pyrite.data import Record
from pyrite.data.notes import Notes
from pyrite.data.streams import shorten
from pyrite.data.values import as_text, join_key
from pyrite.errors import DataError
from pyrite.types import Json

__all__ = ["Located", "joined", "pivoted"]

Located = tuple[str, Record]
"""Where a record stands, and the record."""


def pivoted(records: Iterable[Located], pivot: Pivot, notes: Notes) -> Iterator[Located]:
    """One record per `index`, in order of first appearance, with a column per value.

    The whole table is held in memory, since its last row may belong to its first record.

    Raises:
        DataError: a column does not exist, or a cell has two values.
    """
    wide: dict[tuple[Json, ...], tuple[str, dict[str, Json]]] = {}
    filled: dict[tuple[Json, ...], dict[str, str]] = {}
    names: dict[str, None] = {}
    others: dict[str, None] = {}
    used = {*pivot.index, pivot.columns, pivot.values}
    for where, record in records:
        _need(record, where, "pivot", sorted(used))
        if record[pivot.columns] in (None, ""):
            raise DataError(f"{where}: pivot: column {pivot.columns!r} is empty; it names a column")
        key = tuple(join_key(record[name]) for name in pivot.index)
        name = as_text(record[pivot.columns])
        if name in pivot.index:
            raise DataError(f"{where}: pivot: the value {name!r} is also an index column's name")
        others.update(dict.fromkeys(x for x in record if x not in used))
        row = wide.setdefault(key, (where, {name: record[name] for name in pivot.index}))[1]
        before = filled.setdefault(key, {})
        if name in before:
            raise DataError(
                f"{where}: pivot: a second value for {_told(pivot.index, key)}, {name!r}; the "
                f"first is at {before[name]} (add the column that tells them apart to pivot.index)"
            )
        before[name] = where
        names.setdefault(name)
        row[name] = record[pivot.values]
    _note_pivot(pivot, names, others, [row for _, row in wide.values()], notes)
    for where, row in wide.values():
        yield where, {**{x: row[x] for x in pivot.index}, **{x: row.get(x) for x in names}}


def _note_pivot(
    pivot: Pivot,
    names: dict[str, None],
    others: dict[str, None],
    rows: list[dict[str, Json]],
    notes: Notes,
) -> None:
    notes.say(
        f"long to wide, held in memory: {len(rows):,} rows, one per {', '.join(pivot.index)}, with "
        f"a column of {pivot.values!r} for each of {len(names)} values of {pivot.columns!r}"
    )
    if others:
        notes.say(
            f"pivot left out {', '.join(map(repr, others))} (add them to pivot.index to keep them)"
        )
    empty = sum(len(names) + len(pivot.index) - len(row) for row in rows)
    if empty:
        notes.count(
            "empty after the pivot: the long table has no such row", thing="cell", number=empty
        )


def joined(
    records: Iterable[Located],
    second: Iterable[Located],
    join: Join,
    notes: Notes,
) -> Iterator[Located]:
    """Records with the columns of a second table, which is held in memory.

    Rows without a match are left out and counted.

    Raises:
        DataError: a key column does not exist, the second table has a key twice, or nothing
            matches.
    """
    keys = [join.on] if isinstance(join.on, str) else list(join.on)
    stem = Path(join.path).name.split(".")[0]
    table = _keyed(second, keys, join.path)
    matched = unmatched = 0
    example = ""
    for where, record in records:
        _need(record, where, "join", keys)
        key = tuple(join_key(record[name]) for name in keys)
        found = table.get(key)
        if found is None:
            unmatched += 1
            example = example or f"{where}: {_told(keys, key)}"
            continue
        matched += 1
        added = {name: value for name, value in found.items() if name not in keys}
        for name in added.keys() & record.keys():
            notes.say(
                f"column {name!r} of {join.path} is called {f'{stem}.{name}'!r}: the name is taken"
            )
            added[f"{stem}.{name}"] = added.pop(name)
        yield where, {**record, **added}
    if not matched:
        raise DataError(
            f"join: no row has a match in {join.path} by {', '.join(keys)} (first: {example}; keys "
            f"there: {', '.join(shorten(k[0] if len(k) == 1 else k) for k in list(table)[:3])})"
        )
    notes.say(f"joined with {join.path} ({len(table):,} rows, in memory) by {', '.join(keys)}")
    if unmatched:
        notes.count(f"left out: no match in {join.path} (first: {example})", number=unmatched)


def _keyed(second: Iterable[Located], keys: list[str], path: str) -> dict[tuple[Json, ...], Record]:
    table: dict[tuple[Json, ...], Record] = {}
    double = 0
    example = ""
    for where, record in second:
        _need(record, where, "join", keys)
        key = tuple(join_key(record[name]) for name in keys)
        if key in table:
            double += 1
            example = example or f"{where}: {_told(keys, key)}"
        table.setdefault(key, record)
    if double:
        raise DataError(
            f"join: {path} has {double:,} rows whose key another row has already (first: "
            f"{example}); a key must be there once, so that no row is doubled"
        )
    return table


def _need(record: Record, where: str, what: str, names: list[str]) -> None:
    for name in names:
        if name not in record:
            hint = nearest(name, list(record))
            raise DataError(f"{where}: {what}: no column {name!r} ({hint})")


def _told(names: list[str], key: tuple[Json, ...]) -> str:
    return ", ".join(f"{name} {shorten(value)}" for name, value in zip(names, key, strict=True))
