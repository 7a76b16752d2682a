"""Columns that split the rows into a few subsets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pyrite.data import CANONICAL
from pyrite.steps.stored_table import StoredTable

__all__ = ["Subsets", "subsets"]

MOST_VALUES = 20
MOST_COLUMNS = 3
_FIRST = ("subset", "category", "source", "dataset", "split", "domain", "topic", "language")


@dataclass(frozen=True)
class Subsets:
    """A column with few values: the values as text, and which one each row has (-1: none)."""

    column: str
    values: tuple[str, ...]
    codes: np.ndarray


def subsets(table: StoredTable) -> list[Subsets]:
    """The columns of the data with 2 to 20 different values that are words or yes and no."""
    schema = table.rows.schema
    names = [f.name for f in schema if f.name not in CANONICAL and _is_word(f.type)]
    names.sort(key=lambda n: _FIRST.index(n.lower()) if n.lower() in _FIRST else len(_FIRST))
    found = []
    for name in names:
        one = _subsets(table, name)
        if one is not None:
            found.append(one)
        if len(found) == MOST_COLUMNS:
            break
    return found


def _is_word(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_boolean(kind)
    )


def _subsets(table: StoredTable, name: str) -> Subsets | None:
    known: dict[str, int] = {}
    parts = []
    for batch in table.rows.batches([name]):
        column = batch.column(0)
        encoded = column.cast(pa.string()).dictionary_encode()
        if len(encoded.dictionary) > MOST_VALUES:
            return None
        places = np.full(len(encoded.dictionary) + 1, -1, dtype=np.int16)
        for at, value in enumerate(encoded.dictionary.to_pylist()):
            if value is not None:
                places[at] = known.setdefault(value, len(known))
        if len(known) > MOST_VALUES:
            return None
        parts.append(places[np.asarray(encoded.indices.fill_null(len(encoded.dictionary)))])
    if len(known) < 2:
        return None
    return Subsets(name, tuple(known), np.concatenate(parts))
