"""How names and tables are shown by services that know neither arrow nor hostile names."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pyrite.types import Json

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["cells", "file_name", "key"]

MAX_ROWS = 1000
MAX_CHARACTERS = 10_000
_Cell = str | int | float | bool | None


def cells(table: pa.Table, max_rows: int = MAX_ROWS) -> tuple[list[str], list[list[_Cell]]]:
    """Column names, made unique, and at most `max_rows` rows of plain values.

    Nested values are JSON text, bytes are their length, times are ISO text; a long text is cut
    and says by how much.
    """
    cut = table.slice(0, max_rows)
    columns = [[_cell(value) for value in column.to_pylist()] for column in cut.columns]
    rows = [list(row) for row in zip(*columns, strict=True)]
    return _unique(table.column_names), rows


def _unique(names: Sequence[str]) -> list[str]:
    taken: set[str] = set()
    unique = []
    for name in names:
        candidate, count = name or "(unnamed)", 1
        while candidate in taken:
            count += 1
            candidate = f"{name or '(unnamed)'} ({count})"
        taken.add(candidate)
        unique.append(candidate)
    return unique


def _cell(value: object) -> _Cell:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return _shortened(value)
    if isinstance(value, bytes):
        return f"({len(value)} bytes)"
    if isinstance(value, list | dict | tuple):
        return _shortened(json.dumps(_json(value), ensure_ascii=False))
    return _shortened(str(value))


def _json(value: object) -> Json:
    if isinstance(value, dict):
        return {str(name): _json(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, str | bool | int | float):
        return value
    return f"({len(value)} bytes)" if isinstance(value, bytes) else str(value)


def _shortened(text: str) -> str:
    over = len(text) - MAX_CHARACTERS
    return text if over <= 0 else f"{text[:MAX_CHARACTERS]}… ({over} more characters)"


def key(name: str) -> str:
    """`name` as a key of a chart: `/` groups and stays, but no part can climb out of a folder."""
    parts = [_part(part) for part in re.split(r"[/\\]", name)]
    return "/".join(part for part in parts if part) or "unnamed"


def _part(part: str) -> str:
    printable = "".join(character if character.isprintable() else " " for character in part)
    stripped = printable.strip()
    return stripped.replace(".", "_") if set(stripped) == {"."} else stripped[:100]


def file_name(name: str) -> str:
    """`name` as one part of a path: ASCII letters, digits, `_`, `-` and inner dots."""
    return re.sub(r"[^A-Za-z0-9_.\-]+", "-", name).strip("-.")[:100] or "unnamed"
