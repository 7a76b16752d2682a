"""One local file: JSON lines, JSON, CSV or parquet, plain or gzipped."""

from __future__ import annotations

import csv
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, ClassVar, Literal

from pyrite.data import Reader, Record, Untyped
from pyrite.data.streams import decode, decoded_lines, opened, shorten
from pyrite.errors import DataError
from pyrite.sources import Source
from pyrite.types import Json

__all__ = ["FORMATS", "LocalFile"]

FORMATS = ("jsonl", "json", "csv", "parquet")
_PARQUET_ROWS = 1_000


class LocalFile(Reader):
    """A file on this machine: .jsonl, .json, .csv or .parquet, each also with .gz.

    JSON lines and CSV are read line by line and parquet by row groups; a JSON array is held in
    memory while it is read. A file has no splits: `read` takes any split and reads all of it.
    """

    NOT_IDENTITY: ClassVar[frozenset[str]] = frozenset({"id", "path", "revision"})

    format: Literal["auto", "jsonl", "json", "csv", "parquet"] = "auto"

    def source(self) -> Source:
        """The file itself."""
        return Source(name=self.path, files=(Path(self.path),))

    def splits(self) -> tuple[str, ...]:
        """None: a single file has no splits."""
        return ()

    def kind(self) -> str:
        """The format: as configured, else by the file's suffix.

        Raises:
            DataError: the suffix is not one that is known.
        """
        if self.format != "auto":
            return self.format
        name = self.path.removesuffix(".gz")
        suffix = Path(name).suffix.lower().removeprefix(".")
        suffix = {"ndjson": "jsonl", "pq": "parquet"}.get(suffix, suffix)
        if suffix not in FORMATS:
            raise DataError(
                f"{self.path}: unknown suffix {'.' + suffix!r}: name the file .jsonl, .json, .csv "
                "or .parquet (each also .gz), or set format"
            )
        return suffix

    def read(self, split: str | None) -> Iterator[tuple[str, Record]]:
        """Stream the records of the file."""
        readers = {
            "jsonl": _read_json_lines,
            "json": _read_json,
            "csv": _read_csv,
            "parquet": _read_parquet,
        }
        path = Path(self.path)
        if path.is_dir():
            raise DataError(f"{path}: is a folder, not a file")
        count = 0
        for where, record in readers[self.kind()](path):
            count += 1
            yield where, record
        if not count:
            raise DataError(f"{path}: no rows in it")


def _read_json_lines(path: Path) -> Iterator[tuple[str, Record]]:
    with opened(path) as stream:
        for number, line in enumerate(decoded_lines(stream, path), start=1):
            if line.isspace():
                continue
            where = f"{path}:{number}"
            try:
                record = json.loads(line)
            except json.JSONDecodeError as error:
                raise DataError(
                    f"{where}: not JSON: {error.msg} at column {error.colno}: "
                    f"{shorten(line.strip())}{_json_hint(line)}"
                ) from error
            except RecursionError as error:
                raise DataError(f"{where}: JSON nested too deeply to be read") from error
            yield where, _checked(record, where)


def _json_hint(line: str) -> str:
    array = line.lstrip().startswith("[")
    return " (a JSON array over several lines? set format: json)" if array else ""


def _checked(record: Json, where: str) -> Record:
    if not isinstance(record, dict):
        raise DataError(
            f"{where}: a row must be a JSON object with named columns, not {shorten(record)}"
        )
    return record


def _read_json(path: Path) -> Iterator[tuple[str, Record]]:
    with opened(path) as stream:
        raw = stream.read()
    try:
        content = json.loads(decode(raw, path).removeprefix("\ufeff"))
    except json.JSONDecodeError as error:
        lines = error.msg == "Extra data"
        cure = " (one object per line? name it .jsonl or set format: jsonl)" if lines else ""
        raise DataError(
            f"{path}:{error.lineno}: not JSON: {error.msg} at column {error.colno}{cure}"
        ) from error
    except RecursionError as error:
        raise DataError(f"{path}: JSON nested too deeply to be read") from error
    for index, record in enumerate(_json_rows(content, path), start=1):
        where = f"{path} row {index}"
        yield where, _checked(record, where)


def _json_rows(content: Json, path: Path) -> list[Json]:
    if isinstance(content, list):
        return content
    arrays = []
    if isinstance(content, dict):
        arrays = [key for key, value in content.items() if isinstance(value, list)]
        if len(arrays) == 1:
            rows: list[Json] = content[arrays[0]]
            return rows
    found = f"it has {len(arrays)} arrays: {', '.join(arrays[:10])}" if arrays else "it has none"
    raise DataError(f"{path}: a JSON file must be an array of rows or hold exactly one ({found})")


def _read_csv(path: Path) -> Iterator[tuple[str, Record]]:
    # The default limit of 128 KiB per value is shorter than a long answer.
    csv.field_size_limit(sys.maxsize)
    with opened(path) as stream:
        rows = csv.reader(decoded_lines(stream, path), strict=True)
        try:
            header = _header(next(rows, []), path)
            for values in rows:
                if not values:
                    continue
                where = f"{path}:{rows.line_num}"
                if len(values) != len(header):
                    raise DataError(
                        f"{where}: {len(values)} values where the header has {len(header)} "
                        f"columns; the row starts with {shorten(values[0])} (a comma, quote or "
                        "line break outside of quotes?)"
                    )
                yield where, dict(zip(header, map(Untyped, values), strict=True))
        except csv.Error as error:
            raise DataError(f"{path}:{rows.line_num}: not valid CSV: {error}") from error


def _header(names: list[str], path: Path) -> list[str]:
    # pandas writes its index as a first column without a name.
    header = [name or f"column_{index}" for index, name in enumerate(names, start=1)]
    double = sorted({name for name in header if header.count(name) > 1})
    if double:
        raise DataError(f"{path}:1: the header names a column twice: {', '.join(double)}")
    return header


def _read_parquet(path: Path) -> Iterator[tuple[str, Record]]:
    if path.suffix != ".gz":
        with opened(path) as stream:
            yield from parquet_records(stream, path)
        return
    with opened(path) as packed, tempfile.TemporaryFile() as stream:
        shutil.copyfileobj(packed, stream)
        stream.seek(0)
        yield from parquet_records(stream, path)


def parquet_records(stream: IO[bytes], path: Path) -> Iterator[tuple[str, Record]]:
    """Stream the rows of an open parquet file.

    Raises:
        DataError: it is not parquet, or a page of it is damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    index = 0
    try:
        with pq.ParquetFile(stream) as file:
            for batch in file.iter_batches(batch_size=_PARQUET_ROWS):
                for record in batch.to_pylist():
                    index += 1
                    yield f"{path} row {index}", record
    except (pa.ArrowException, OSError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{path}: not a readable parquet file: {first}") from error
