"""A table of recorded scores, in memory as hashes of its keys and float columns only."""

from __future__ import annotations

import gzip
import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from pyrite.component import nearest
from pyrite.errors import DataError
from pyrite.types import Json

if TYPE_CHECKING:
    import numpy as np

__all__ = ["ScoreTable"]

_FORMATS = (".csv", ".tsv", ".jsonl", ".parquet")
_BATCH_ROWS = 10_000

Record = Mapping[str, Json]


@dataclass(frozen=True)
class ScoreTable:
    """Values found by key.

    A key is held as a 64-bit hash, 8 bytes a row whatever its texts are; that a key which is not
    in a table of a million rows is taken for one that is has a probability of 5e-14.

    Attributes:
        columns: names of the value columns.
        hashes: uint64 [num_keys], ascending.
        values: the value columns, object [num_keys] each: numbers, None, or text as it was read.
        num_rows: rows of the file.
    """

    columns: tuple[str, ...]
    hashes: np.ndarray
    values: Mapping[str, np.ndarray]
    num_rows: int

    @classmethod
    def read(cls, path: Path, keys: Sequence[str], columns: Sequence[str]) -> ScoreTable:
        """Read the key and value columns of a file, streamed.

        Raises:
            DataError: not a readable csv, tsv, jsonl or parquet file (or one of these with .gz), a
                column is absent, or two rows give one key different scores.
        """
        import numpy as np

        hashes: list[np.ndarray] = []
        values: dict[str, list[np.ndarray]] = {name: [] for name in columns}
        num_rows = 0
        for rows in _batches(path, keys, columns):
            hashes.append(
                np.array([_hash([row[name] for name in keys]) for row in rows], dtype=np.uint64)
            )
            for name in columns:
                cells = np.empty(len(rows), dtype=object)
                cells[:] = [_compact(row[name]) for row in rows]
                values[name].append(cells)
            num_rows += len(rows)
        if not num_rows:
            raise DataError(f"{path}: no rows")
        return cls._sorted(path, np.concatenate(hashes), values, num_rows)

    @classmethod
    def _sorted(
        cls, path: Path, hashes: np.ndarray, parts: Mapping[str, list[np.ndarray]], num_rows: int
    ) -> ScoreTable:
        import numpy as np

        order = np.argsort(hashes, kind="stable")
        hashes = hashes[order]
        values = {name: np.concatenate(cells)[order] for name, cells in parts.items()}
        repeated = np.flatnonzero(hashes[1:] == hashes[:-1]) + 1
        for at in repeated:
            for name, cells in values.items():
                if not _same(cells[at - 1], cells[at]):
                    first, second = sorted((int(order[at - 1]) + 1, int(order[at]) + 1))
                    raise DataError(
                        f"{path}: rows {first} and {second} have the same key and different "
                        f"values of {name!r}; add a column to `on` that tells them apart"
                    )
        kept = np.ones(num_rows, dtype=bool)
        kept[repeated] = False
        return cls(
            tuple(values),
            hashes[kept],
            {name: cells[kept] for name, cells in values.items()},
            num_rows,
        )

    def find(self, key: Sequence[Json]) -> Record | None:
        """The values of the row with this key; None where there is none."""
        import numpy as np

        wanted = np.uint64(_hash(key))
        at = int(np.searchsorted(self.hashes, wanted))
        if at == len(self.hashes) or self.hashes[at] != wanted:
            return None
        return {name: cells[at] for name, cells in self.values.items()}


def _hash(key: Sequence[Json]) -> int:
    text = json.dumps([_key_text(part) for part in key])
    return int.from_bytes(hashlib.blake2b(text.encode("ascii"), digest_size=8).digest(), "big")


def _key_text(value: Json) -> str:
    """A key as text: what csv holds as `7` and parquet as 7 or 7.0 is one key."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _compact(value: Json) -> Json:
    # A score read as text costs 50 bytes as text and 24 as a number.
    if not isinstance(value, str) or "_" in value:
        return value
    try:
        number = float(value)
    except ValueError:
        return value
    return number if math.isfinite(number) else value


def _same(a: Json, b: Json) -> bool:
    both_nan = isinstance(a, float) and isinstance(b, float) and math.isnan(a) and math.isnan(b)
    return both_nan or a == b


def _batches(path: Path, keys: Sequence[str], columns: Sequence[str]) -> Iterator[list[Record]]:
    bare = Path(path.stem) if path.suffix == ".gz" else path
    kind = bare.suffix.lower()
    if kind not in _FORMATS:
        raise DataError(f"{path}: scores are read from {', '.join(_FORMATS)}, also with .gz")
    names = list(dict.fromkeys([*keys, *columns]))
    if kind == ".parquet":
        return _parquet(path, names)
    return _jsonl(path, keys, columns) if kind == ".jsonl" else _csv(path, names, kind)


def _check_columns(path: Path | str, names: Sequence[str], present: Sequence[str]) -> None:
    for name in names:
        if name not in present:
            raise DataError(f"{path}: no column {name!r} ({nearest(name, list(present))})")


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    with path.open("rb") as stream:
        if path.suffix == ".gz":
            with gzip.open(stream) as unpacked:
                yield cast("IO[bytes]", unpacked)
        else:
            yield stream


def _csv(path: Path, names: Sequence[str], kind: str) -> Iterator[list[Record]]:
    import pyarrow as pa
    from pyarrow import csv

    parse = csv.ParseOptions(delimiter="\t" if kind == ".tsv" else ",", newlines_in_values=True)
    convert = csv.ConvertOptions(
        column_types={name: pa.string() for name in names}, strings_can_be_null=False
    )
    try:
        with (
            _opened(path) as stream,
            csv.open_csv(stream, parse_options=parse, convert_options=convert) as reader,
        ):
            _check_columns(path, names, reader.schema.names)
            for batch in reader:
                yield batch.select(names).to_pylist()
    except (pa.ArrowInvalid, OSError, EOFError) as error:
        raise DataError(f"{path}: not a readable table: {error}") from error


def _jsonl(path: Path, keys: Sequence[str], columns: Sequence[str]) -> Iterator[list[Record]]:
    """Rows of a jsonl file; a value that one row leaves out is missing, a key may not be."""
    rows: list[Record] = []
    seen: dict[str, None] = {}
    try:
        with _opened(path) as stream:
            for number, line in enumerate(stream, 1):
                if not line.strip():
                    continue
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise DataError(f"{path}:{number}: not a JSON object")
                _check_columns(f"{path}:{number}", keys, list(row))
                seen.update(dict.fromkeys(row))
                rows.append({name: row.get(name) for name in (*keys, *columns)})
                if len(rows) == _BATCH_ROWS:
                    yield rows
                    rows = []
    except ValueError as error:
        raise DataError(f"{path}: line {number} is not JSON: {error}") from error
    except (OSError, EOFError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error
    if seen:
        _check_columns(path, columns, list(seen))
    if rows:
        yield rows


def _parquet(path: Path, names: Sequence[str]) -> Iterator[list[Record]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with _opened(path) as stream, pq.ParquetFile(pa.PythonFile(stream, "r")) as table:
            _check_columns(path, names, table.schema_arrow.names)
            for batch in table.iter_batches(batch_size=_BATCH_ROWS, columns=names):
                yield batch.to_pylist()
    except (pa.ArrowInvalid, OSError, EOFError) as error:
        raise DataError(f"{path}: not a readable parquet file: {error}") from error
