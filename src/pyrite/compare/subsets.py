"""Subsets of rows by the values of a column of the data."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from pyrite.analysis.resample import MIN_GROUPS
from pyrite.component import nearest
from pyrite.data import CANONICAL
from pyrite.errors import StoreError
from pyrite.tables import QueryTable

__all__ = ["MOST_VALUES", "members_of", "subsets"]

MOST_VALUES = 20
"""A column with more values is no column of subsets; with `--by` the largest so many are shown."""
MOST_COLUMNS = 3

_NO_SUBSETS = frozenset({*CANONICAL, "problem"})

Members = dict[str, np.ndarray]
"""Value of a column -> int64 indices of its rows, the largest subset first."""


def subsets(
    table: QueryTable, rows: np.ndarray, by: Sequence[str]
) -> tuple[dict[str, Members], list[str]]:
    """Columns of subsets with their members, as indices into `rows`, and what was left out.

    Raises:
        StoreError: the data has no column that `by` names.
    """
    if by:
        found = {name: members_of(table, name)[0] for name in by}
        return _kept({name: _among(members, rows) for name, members in found.items()})
    found, small = {}, []
    groups = table.groups()[rows]
    for name in table.columns:
        if name in _NO_SUBSETS or name in table.targets or not _is_text(table, name):
            continue
        members = _among(members_of(table, name)[0], rows)
        if not 2 <= len(members) <= MOST_VALUES:
            continue
        prompts = [len(np.unique(groups[at])) for at in members.values()]
        if sum(count >= MIN_GROUPS for count in prompts) >= 2:
            found[name] = members
        else:
            small.append(name)
    notes = []
    if small:
        notes.append(
            f"no subsets by {', '.join(small)}: no two values have {MIN_GROUPS} prompts each"
        )
    if len(found) > MOST_COLUMNS:
        notes.append(
            f"subsets are shown by {', '.join(list(found)[:MOST_COLUMNS])}; others with --by: "
            f"{', '.join(list(found)[MOST_COLUMNS:])}"
        )
    return dict(list(found.items())[:MOST_COLUMNS]), notes


def members_of(table: QueryTable, column: str) -> tuple[Members, int]:
    """The rows of every value of a column, and how many rows have none.

    Raises:
        StoreError: the data has no such column.
    """
    own = [name for name in table.columns if name not in ("row_id", *table.targets)]
    if column not in own:
        raise StoreError(f"{table.id}: the rows have no column {column!r} ({nearest(column, own)})")
    try:
        texts = table.column(column).cast(pa.string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid) as error:
        raise StoreError(f"{table.id}: {column!r} has no values to group by ({error})") from error
    encoded = texts.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    values = encoded.dictionary.to_pylist()
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    members = {value: np.flatnonzero(codes == code) for code, value in enumerate(values)}
    by_size = sorted(members.items(), key=lambda item: (-len(item[1]), item[0]))
    return dict(by_size), int(np.sum(codes < 0))


def _is_text(table: QueryTable, name: str) -> bool:
    kind = table.head([name], 1).schema.field(name).type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _among(members: Members, rows: np.ndarray) -> Members:
    """The same as indices into `rows` (each row once)."""
    found = {value: np.flatnonzero(np.isin(rows, at)) for value, at in members.items()}
    return {value: at for value, at in found.items() if len(at)}


def _kept(found: dict[str, Members]) -> tuple[dict[str, Members], list[str]]:
    notes = []
    for name, members in found.items():
        if len(members) > MOST_VALUES:
            notes.append(
                f"{name} has {len(members)} values; the {MOST_VALUES} largest subsets are shown"
            )
            found[name] = dict(list(members.items())[:MOST_VALUES])
    return found, notes
