"""Which rows are kept: the conditions of `where`, and the sample."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from pyrite.component import nearest
from pyrite.config.sections import Sample
from pyrite.data import Record
from pyrite.data.mapping import Row
from pyrite.data.notes import Notes
from pyrite.data.paths import ColumnPath, parse_path
from pyrite.data.streams import shorten
from pyrite.data.values import same_value
from pyrite.errors import DataError
from pyrite.types import Json

__all__ = ["Where", "sample_indices"]

_TEXTS = ("prompt", "response", "chosen", "rejected", "messages", "group")
_SHOWN = 5


class Where:
    """Keeps rows whose columns have the wanted values.

    A key is the name of a finished column (`is_correct` of the schema, a column of a joined
    table), else a column or path of the source. A list means any of its values; null means null.
    """

    def __init__(self, wanted: Mapping[str, Any]) -> None:
        self._wanted = {
            key: tuple(value) if isinstance(value, list | tuple) else (value,)
            for key, value in wanted.items()
        }
        self._paths: dict[str, ColumnPath] = {}
        self._early: dict[str, ColumnPath] = {}
        self._late: list[str] = []
        self._seen: dict[str, dict[str, None]] = {key: {} for key in wanted}
        self.num_records_out = 0
        self.num_rows_out = 0

    def __bool__(self) -> bool:
        return bool(self._wanted)

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns that there is a condition on."""
        return tuple(self._wanted)

    def resolve(self, known: Sequence[str], named: Sequence[str]) -> None:
        """Check the keys against the source's columns and the names that rows will have.

        Raises:
            DataError: a key is neither; names the nearest.
        """
        for key in self._wanted:
            if key in named:
                continue
            try:
                self._paths[key] = parse_path(key, known, key=f"where.{key}")
            except DataError as error:
                hint = nearest(key, [*known, *named])
                raise DataError(f"where: no column {key!r} ({hint})") from error
        self._early = {key: path for key, path in self._paths.items() if path.to_list is None}
        self._late = [key for key in self._wanted if key not in self._early]

    def keeps_record(self, record: Record) -> bool:
        """Whether a raw record is kept, by the keys that are columns of it.

        Asked before the record is mapped, so that rows which do not fit can be left out.
        """
        kept = self._all({key: path.value(record) for key, path in self._early.items()})
        self.num_records_out += not kept
        return kept

    def keeps(self, row: Row, record: Record) -> bool:
        """Whether a finished row is kept, by the other keys."""
        kept = self._all({key: self._value(key, row, record) for key in self._late})
        self.num_rows_out += not kept
        return kept

    def nothing_kept(self, source: str) -> DataError:
        """The error for a `where` that no row meets, with the values that were seen."""
        parts = []
        for key, values in self._wanted.items():
            wanted = " or ".join(shorten(value) for value in values)
            seen = ", ".join(self._seen[key]) or "none"
            parts.append(f"{key} is {wanted} (values seen: {seen})")
        return DataError(f"{source}: no row is kept by where: {'; '.join(parts)}")

    def note(self, notes: Notes) -> None:
        """Say how many rows were left out."""
        for number, thing in ((self.num_records_out, "record"), (self.num_rows_out, "row")):
            if number:
                notes.count("left out by where", thing=thing, number=number)

    def _value(self, key: str, row: Row, record: Record) -> Json:
        if key in self._paths:
            return self._paths[key].value(record, row.index)
        if key in row.extras:
            return row.extras[key]
        if key == "group":
            return row.group
        return getattr(row.texts, key) if key in _TEXTS else None

    def _all(self, values: Mapping[str, Json]) -> bool:
        kept = True
        for key, value in values.items():
            seen = self._seen[key]
            if len(seen) < _SHOWN:
                seen.setdefault(shorten(value))
            kept = kept and any(same_value(value, wanted) for wanted in self._wanted[key])
        return kept


def sample_indices(sample: Sample | None, num_rows: int, notes: Notes) -> list[int] | None:
    """Rows of a random sample, in file order; None takes all that were read.

    The same seed takes the same rows of the same data.
    """
    if sample is None or sample.method == "all" or sample.n is None:
        notes.say(f"all {num_rows:,} rows were taken")
        return None
    if sample.n >= num_rows:
        fewer = f": {sample.n:,} were asked for" if sample.n > num_rows else ""
        notes.say(f"all {num_rows:,} rows were taken{fewer}")
        return None
    notes.say(f"{sample.n:,} of {num_rows:,} rows were taken at random (seed {sample.seed})")
    return sorted(random.Random(sample.seed).sample(range(num_rows), sample.n))
