"""Chunks of a query: one parquet file a range of rows, its vectors beside it.

A chunk is there when its parquet file is; it is renamed into place last, after its vectors.
Ranges never overlap, so a run that was killed goes on with the ranges that are missing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pyrite.errors import CorruptArtifactError
from pyrite.files import atomic_path
from pyrite.types import Json

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Chunk", "ChunkStore"]

_NAME = re.compile(r"rows-(\d{9})-(\d{9})\.parquet")


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows start..stop-1 of a query."""

    start: int
    stop: int
    path: Path

    @property
    def vectors_path(self) -> Path:
        """Where this chunk's vectors are, if it has any."""
        return self.path.with_suffix(".safetensors")


class ChunkStore:
    """The chunks of one query step."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "rows"

    def chunks(self) -> list[Chunk]:
        """All finished chunks, in row order."""
        found = []
        for path in sorted(self.folder.glob("rows-*.parquet")):
            if match := _NAME.fullmatch(path.name):
                found.append(Chunk(int(match[1]), int(match[2]), path))
        return found

    def missing(self, num_rows: int) -> list[tuple[int, int]]:
        """Ranges of rows that no readable chunk covers; a damaged chunk is removed and redone."""
        gaps, at = [], 0
        for chunk in self.chunks():
            if not _whole(chunk):
                chunk.path.unlink()
                continue
            if chunk.start > at:
                gaps.append((at, chunk.start))
            at = chunk.stop
        if at < num_rows:
            gaps.append((at, num_rows))
        return gaps

    def write(
        self,
        start: int,
        stop: int,
        table: pa.Table,
        vectors: Mapping[str, np.ndarray],
        about: Mapping[str, Json],
    ) -> None:
        """Write a chunk: vectors first, then the table that makes it count.

        `about` is what a reader must know of the model's outputs; every chunk carries it.
        """
        table = table.replace_schema_metadata({"about": json.dumps(dict(about))})
        path = self.folder / f"rows-{start:09d}-{stop:09d}.parquet"
        if vectors:
            from safetensors.numpy import save_file

            with atomic_path(path.with_suffix(".safetensors")) as temporary:
                save_file(dict(vectors), temporary)
        with atomic_path(path) as temporary:
            pq.write_table(table, temporary, write_page_checksum=True)

    def tables(self, columns: list[str] | None = None) -> Iterator[pa.Table]:
        """The chunks' tables in row order.

        Raises:
            CorruptArtifactError: a chunk cannot be read.
        """
        for chunk in self.chunks():
            try:
                yield pq.read_table(chunk.path, columns=columns, page_checksum_verification=True)
            except (pa.ArrowInvalid, OSError) as error:
                raise CorruptArtifactError(
                    f"{chunk.path}: damaged ({error}); delete it and run again"
                ) from error

    def schema(self) -> pa.Schema:
        """Columns of the chunks."""
        return pq.read_schema(self.chunks()[0].path)

    def about(self) -> dict[str, Json]:
        """What the chunks carry of the model: `outputs` (names) and `outputs_are`."""
        metadata = self.schema().metadata or {}
        about: dict[str, Json] = json.loads(metadata[b"about"])
        return about

    def vectors(self, name: str) -> Iterator[np.ndarray]:
        """One named array per chunk, in row order."""
        from safetensors.numpy import load_file

        for chunk in self.chunks():
            yield load_file(chunk.vectors_path)[name]

    def vector_names(self) -> tuple[str, ...]:
        """Names of the arrays beside the chunks."""
        from safetensors import safe_open

        path = self.chunks()[0].vectors_path
        if not path.is_file():
            return ()
        with safe_open(path, framework="numpy") as file:
            return tuple(file.keys())

    def counts(self) -> dict[str, int]:
        """Rows truncated, rows with a problem, rows without a score."""
        truncated = problems = missing = 0
        for table in self.tables(["truncated", "problem", "has_score"]):
            truncated += pc.sum(table["truncated"]).as_py() or 0
            problems += table.num_rows - table["problem"].null_count
            missing += table.num_rows - (pc.sum(table["has_score"]).as_py() or 0)
        return {"truncated": truncated, "problems": problems, "missing": missing}


def _whole(chunk: Chunk) -> bool:
    try:
        metadata = pq.read_metadata(chunk.path)
    except (pa.ArrowInvalid, OSError):
        return False
    return bool(metadata.num_rows == chunk.stop - chunk.start)
