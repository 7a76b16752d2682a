"""Reading canonical rows back, by range, and turning them into items to score."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from pyrite.data import CANONICAL
from pyrite.errors import CorruptArtifactError
from pyrite.models import ItemScorer, Rendered, Scorer, TextScorer, TokenScorer
from pyrite.types import Item, Json, Message

if TYPE_CHECKING:
    from pyrite.config.sections import QuerySection
    from pyrite.rendering import Rendering

__all__ = ["Renderer", "RowReader", "RowStream", "holds_pairs"]

TEXTS = ("prompt", "response", "chosen", "rejected", "messages")


def holds_pairs(columns: Sequence[str]) -> bool:
    """Whether rows with these columns are preference pairs."""
    return {"chosen", "rejected"} <= set(columns)


class RowReader:
    """The rows of a data step, streamed; canonical columns that are empty are left out."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            file = pq.ParquetFile(path)
        except (pa.ArrowInvalid, OSError) as error:
            raise CorruptArtifactError(
                f"{path}: cannot be read ({error}); delete {path.parent} and run again"
            ) from error
        with file:
            self.num_rows: int = file.metadata.num_rows
            schema: pa.Schema = file.schema_arrow
            empty = _empty_columns(file.metadata) & set(CANONICAL)
        self.schema = pa.schema([field for field in schema if field.name not in empty])
        self.columns: tuple[str, ...] = tuple(self.schema.names)

    @property
    def has_pairs(self) -> bool:
        """Whether the rows are preference pairs."""
        return holds_pairs(self.columns)

    def batches(
        self, columns: Sequence[str] | None = None, rows: int = 10_000
    ) -> Iterator[pa.RecordBatch]:
        """Stream batches; a damaged page is an error, never data."""
        names = list(self.columns if columns is None else columns)
        try:
            with pq.ParquetFile(self.path, page_checksum_verification=True) as file:
                yield from file.iter_batches(batch_size=rows, columns=names)
        except (pa.ArrowInvalid, OSError) as error:
            raise CorruptArtifactError(
                f"{self.path}: damaged ({error}); delete {self.path.parent} and run again"
            ) from error


def _empty_columns(metadata: pq.FileMetaData) -> set[str]:
    """Columns that are null in every row, by the file's own statistics."""
    empty = set()
    for at in range(metadata.num_columns):
        groups = [metadata.row_group(g).column(at) for g in range(metadata.num_row_groups)]
        counts = [g.statistics.null_count if g.statistics else None for g in groups]
        if groups and counts == [g.num_values for g in groups]:
            empty.add(groups[0].path_in_schema)
    return empty


class RowStream:
    """Rows by ascending range."""

    def __init__(self, reader: RowReader, *, all_columns: bool) -> None:
        """`all_columns` is for models that take items as they are; others need only the texts."""
        names = [c for c in reader.columns if all_columns or c in TEXTS or c == "row_id"]
        self._pending: list[pa.RecordBatch] = []
        self._batches = reader.batches(names, rows=2048)
        self._at = 0

    def read(self, start: int, stop: int) -> pa.Table:
        """Rows start..stop-1; ranges must ascend."""
        parts = []
        while self._at < stop:
            batch = self._pending.pop() if self._pending else next(self._batches)
            first, last = self._at, self._at + batch.num_rows
            if last > stop:
                self._pending.append(batch.slice(stop - first))
                batch = batch.slice(0, stop - first)
                last = stop
            if last > start:
                parts.append(batch.slice(max(start - first, 0)))
            self._at = last
        return pa.Table.from_batches(parts)


class Renderer:
    """How a row becomes what an opened model is given."""

    def __init__(self, section: QuerySection, scorer: Scorer) -> None:
        self.section = section
        self.scorer = scorer
        self._rendering = self._find_rendering()

    def item(self, row: Mapping[str, Json], side: str) -> Item:
        """The item that one text of a row makes."""
        turns = json.loads(row["messages"]) if row.get("messages") else []
        messages = tuple(Message(turn["role"], turn["content"]) for turn in turns)
        response = row.get(side)
        if messages and response is not None:
            messages = (*messages, Message("assistant", response))
        extras = row if isinstance(self.scorer, ItemScorer) else {}
        return Item(row.get("prompt"), response, messages, extras, side)

    def render(self, item: Item) -> Rendered | None:
        """The text to tokenise; None for models that take items as they are."""
        if self._rendering is None:
            return None
        spec = self.section.message
        return self._rendering.render(
            item, roles=spec.roles, base_prompt=spec.base_prompt, scorer=self.scorer
        )

    def _find_rendering(self) -> Rendering | None:
        if not isinstance(self.scorer, TokenScorer | TextScorer):
            return None
        from pyrite.rendering import RENDERINGS

        name = self.section.message.unravel
        if name == "default":
            name = self.scorer.default_unravel
        found: type[Rendering] = RENDERINGS.get(name)  # type: ignore[assignment]
        return found()
