"""Canonical rows on their way to the rest of the program: kept on disk, given out in batches."""

from __future__ import annotations

import io
import os
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import pyarrow as pa

from pyrite.data.columns import (
    Kind,
    column_type,
    decode,
    encode,
    text_array,
    without_surrogates,
)
from pyrite.data.mapping import Row
from pyrite.data.notes import Notes
from pyrite.errors import DataError
from pyrite.sources import Source

__all__ = ["Rows", "Spool"]

_TEXTS = ("group", "prompt", "response", "chosen", "rejected", "messages")
_CHUNK_ROWS = 10_000
_CHUNK_BYTES = 32 << 20
_IN_MEMORY = 32 << 20


class Spool:
    """Collects rows in chunks; small data stays in memory, more goes to a file without a name."""

    def __init__(self, notes: Notes, scratch: Path | None = None) -> None:
        self._notes = notes
        self._scratch = scratch
        self._pending: list[Row] = []
        self._pending_bytes = 0
        self._memory: list[bytes] = []
        self._file: IO[bytes] | None = None
        self._places: list[tuple[int, int]] = []
        self._end = 0
        self.kinds: dict[str, frozenset[Kind]] = {}
        self.names: dict[str, str] = {}
        self.sizes: list[int] = []

    def add(self, row: Row) -> None:
        """Take one row."""
        self._pending.append(row)
        texts = row.texts
        for text in (texts.prompt, texts.response, texts.chosen, texts.rejected, texts.messages):
            self._pending_bytes += len(text) if text is not None else 0
        for value in row.extras.values():
            self._pending_bytes += len(value) if isinstance(value, str | list | dict) else 8
        if len(self._pending) >= _CHUNK_ROWS or self._pending_bytes >= _CHUNK_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what is pending as one chunk."""
        if not self._pending:
            return
        rows, self._pending, self._pending_bytes = self._pending, [], 0
        arrays = [self._text_column(name, rows) for name in _TEXTS]
        fields = [pa.field(name, pa.string()) for name in _TEXTS]
        for name in dict.fromkeys(name for row in rows for name in row.extras):
            chunk = encode([row.extras.get(name) for row in rows], self._replaced)
            self.kinds[name] = self.kinds.get(name, frozenset()) | chunk.kinds
            arrays.append(chunk.array)
            form = {"form": chunk.form}
            fields.append(pa.field(self._clean_name(name), chunk.array.type, metadata=form))
        batch = pa.record_batch(arrays, schema=pa.schema(fields))
        self.sizes.append(len(rows))
        self._keep(batch)

    def _text_column(self, name: str, rows: Sequence[Row]) -> Any:
        if name == "group":
            # A copy of another column: what is replaced in it has been counted there.
            return text_array([row.group for row in rows], lambda _: None)
        return text_array([getattr(row.texts, name) for row in rows], self._replaced)

    def _clean_name(self, name: str) -> str:
        """A column name as UTF-8 can hold it, and different from all others."""
        if name not in self.names:
            clean = unique = without_surrogates(name)
            number = 2
            while unique in self.names.values():
                unique, number = f"{clean}_{number}", number + 1
            self.names[name] = unique
        return self.names[name]

    def _replaced(self, number: int) -> None:
        self._notes.count(
            "held lone surrogates, which UTF-8 cannot hold; replaced by U+FFFD",
            thing="value",
            number=number,
        )

    def _keep(self, batch: Any) -> None:
        sink = io.BytesIO()
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        with pa.ipc.new_stream(sink, batch.schema, options=options) as writer:
            writer.write_batch(batch)
        raw = sink.getvalue()
        self._places.append((self._end, len(raw)))
        self._end += len(raw)
        if self._file is None and self._end <= _IN_MEMORY:
            self._memory.append(raw)
            return
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=self._scratch)  # noqa: SIM115 - see close
                self._file.writelines(self._memory)
                self._memory = []
            self._file.write(raw)
            self._file.flush()
        except OSError as error:
            folder = self._scratch or tempfile.gettempdir()
            raise DataError(
                f"{folder}: the rows cannot be kept there: {error.strerror or error} (free some "
                "space, or set TMPDIR to another folder)"
            ) from error

    def chunk(self, number: int) -> Any:
        """Read one chunk again, as it was encoded."""
        if self._file is None:
            raw = self._memory[number]
        else:
            start, length = self._places[number]
            raw = os.pread(self._file.fileno(), length, start)
        with pa.ipc.open_stream(raw) as reader:
            return reader.read_next_batch()

    def note_mixtures(self) -> None:
        """Say which columns are text although some of their values are numbers."""
        for name, kinds in self.kinds.items():
            numbers = kinds & {Kind.INT, Kind.WIDE_INT, Kind.FLOAT}
            if numbers and column_type(kinds) == pa.string():
                self._notes.say(f"column {name!r} is text: it holds numbers and other values")

    def close(self) -> None:
        """Give the disk space back."""
        self._memory = []
        if self._file is not None:
            self._file.close()


class Rows:
    """The rows of a data set, read, mapped and sampled; batches may be taken any number of times.

    Attributes:
        schema: of every batch: the canonical columns, then the source's own.
        num_rows: rows after sampling.
        sides: texts that every row has, of `prompt`, `response`, `chosen`, `rejected`.
        detected: what was found and decided, in plain sentences.
        source: what was read.
    """

    def __init__(
        self,
        spool: Spool,
        *,
        chosen: Sequence[int] | None,
        sides: tuple[str, ...],
        detected: tuple[str, ...],
        source: Source,
    ) -> None:
        self._spool = spool
        self._chosen = chosen
        self._types = {name: column_type(kinds) for name, kinds in spool.kinds.items()}
        self.num_rows = sum(spool.sizes) if chosen is None else len(chosen)
        self.sides = sides
        self.detected = detected
        self.source = source
        self.schema = pa.schema(
            [
                pa.field("row_id", pa.int64()),
                *(pa.field(name, pa.string()) for name in _TEXTS),
                *(pa.field(spool.names[name], kind) for name, kind in self._types.items()),
            ]
        )
        self._closer = weakref.finalize(self, spool.close)

    def batches(self, rows: int = 10_000) -> Iterator[pa.RecordBatch]:
        """The rows in order, at most `rows` in a batch (fewer where the texts are long)."""
        waiting: list[Any] = []
        count = size = row_id = 0
        for chunk in self._chunks():
            for start in range(0, chunk.num_rows, rows):
                piece = chunk.slice(start, rows)
                bytes_ = piece.get_total_buffer_size() * piece.num_rows // max(chunk.num_rows, 1)
                if waiting and (count + piece.num_rows > rows or size + bytes_ > _CHUNK_BYTES * 2):
                    yield self._numbered(waiting, row_id)
                    row_id += count
                    waiting, count, size = [], 0, 0
                waiting.append(piece)
                count += piece.num_rows
                size += bytes_
        if waiting:
            yield self._numbered(waiting, row_id)

    def table(self) -> pa.Table:
        """All rows in memory; for data known to be small."""
        return pa.Table.from_batches(list(self.batches()), schema=self.schema)

    def close(self) -> None:
        """Give temporary disk space back; done by itself when the rows are no longer used."""
        self._closer()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _chunks(self) -> Iterator[Any]:
        first = 0
        position = 0
        for number, size in enumerate(self._spool.sizes):
            if self._chosen is None:
                yield self._typed(self._spool.chunk(number))
            else:
                end = position
                while end < len(self._chosen) and self._chosen[end] < first + size:
                    end += 1
                if end > position:
                    taken = [index - first for index in self._chosen[position:end]]
                    yield self._typed(self._spool.chunk(number).take(pa.array(taken)))
                position = end
            first += size

    def _typed(self, chunk: Any) -> Any:
        arrays = [chunk.column(name) for name in _TEXTS]
        for name, wanted in self._types.items():
            index = chunk.schema.get_field_index(self._spool.names[name])
            if index < 0:
                arrays.append(pa.nulls(chunk.num_rows, wanted))
            else:
                form = chunk.schema.field(index).metadata[b"form"].decode()
                arrays.append(decode(chunk.column(index), form, wanted))
        return pa.record_batch(arrays, schema=pa.schema(list(self.schema)[1:]))

    def _numbered(self, pieces: list[Any], start: int) -> pa.RecordBatch:
        table = pa.Table.from_batches(pieces).combine_chunks()
        numbers = range(start, start + table.num_rows)
        group = table.column("group")
        if group.null_count:
            texts = zip(numbers, group.to_pylist(), strict=True)
            own = [f"row {number}" if text is None else text for number, text in texts]
            index = table.schema.get_field_index("group")
            table = table.set_column(index, "group", pa.array(own, pa.string()))
        table = table.add_column(0, "row_id", pa.array(numbers, pa.int64()))
        return table.cast(self.schema).combine_chunks().to_batches()[0]
