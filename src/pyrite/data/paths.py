"""Column paths: `a`, `a.b`, `a[0]`, and `a[].b` for one row per element of a list."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pyrite.component import nearest
from pyrite.data import Record
from pyrite.errors import DataError
from pyrite.types import Json

__all__ = ["ColumnPath", "parse_path"]

_STEP = re.compile(r"\.(?P<key>[^.\[\]]+)|\[(?P<index>-?\d*)\]")


class _Missing:
    """What stands where a path leads nowhere (null is a value)."""


_MISSING: Any = _Missing()


@dataclass(frozen=True, slots=True)
class ColumnPath:
    """A parsed path: the source column, the steps into it, and the list that is expanded.

    Attributes:
        text: as written.
        root: the column of the source that it starts from.
        steps: keys and indices after the root (after the list, where one is expanded).
        to_list: keys and indices from the root to the list; None where nothing is expanded.
    """

    text: str
    root: str
    steps: tuple[str | int, ...] = ()
    to_list: tuple[str | int, ...] | None = None

    @property
    def list_text(self) -> str:
        """The expanded list as written, "" where there is none."""
        return self.text.split("[]", maxsplit=1)[0] if self.to_list is not None else ""

    def elements(self, record: Record) -> Json:
        """The list that is expanded, None where the record has none."""
        return _walk(record, (self.root, *(self.to_list or ())), None)

    def value(self, record: Record, index: int | None = None) -> Json:
        """The value in a record, of its element `index` where a list is expanded; else None."""
        return self._find(record, index, None)

    def exists(self, records: Iterable[Record]) -> bool:
        """Whether any of the records has this path at all, be it null."""
        return any(self._find(record, 0, _MISSING) is not _MISSING for record in records)

    def _find(self, record: Record, index: int | None, default: Json) -> Json:
        if self.to_list is None:
            return _walk(record, (self.root, *self.steps), default)
        return _walk(record, (self.root, *self.to_list, index or 0, *self.steps), default)


def _walk(value: Json, steps: Sequence[str | int], default: Json) -> Json:
    for step in steps:
        if isinstance(step, str):
            if not isinstance(value, dict) or step not in value:
                return default
        elif not isinstance(value, list) or not -len(value) <= step < len(value):
            return default
        value = value[step]
    return value


def parse_path(text: str, known: Sequence[str], *, key: str) -> ColumnPath:
    """Parse a path; a source column that has this very name wins over a nested reading.

    Args:
        text: what the experiment says.
        known: the columns of the source.
        key: what names the path, for messages (`schema.prompt`, `group`).

    Raises:
        DataError: it is empty, not well formed, or starts from no known column.
    """
    if text in known:
        return ColumnPath(text=text, root=text)
    roots = [x for x in known if x and text.startswith((f"{x}.", f"{x}["))]
    if not roots:
        hint = nearest(re.split(r"[.\[]", text, maxsplit=1)[0] or text, list(known))
        raise DataError(f"{key}: the source has no column {text!r} ({hint})")
    root = max(roots, key=len)
    rest, steps, to_list = text[len(root) :], [], None
    position = 0
    while position < len(rest):
        match = _STEP.match(rest, position)
        if match is None:
            raise DataError(f"{key}: {text!r} is not a column path (a.b, a[0] or a[].b)")
        position = match.end()
        if match["key"] is not None:
            steps.append(match["key"])
        elif match["index"]:
            steps.append(int(match["index"]))
        elif to_list is not None:
            raise DataError(f"{key}: {text!r} expands two lists; only one [] is possible")
        else:
            to_list, steps = tuple(steps), []
    return ColumnPath(text=text, root=root, steps=tuple(steps), to_list=to_list)
