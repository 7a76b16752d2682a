"""What a section is given: a run, read lazily, a table streamed, nothing of it changed."""

from __future__ import annotations

import contextlib
import hashlib
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pyrite.analysis.measures import Scope
from pyrite.analysis.resample import Clusters
from pyrite.analysis.targets import main_target
from pyrite.errors import CorruptArtifactError
from pyrite.files import read_json
from pyrite.runs import Run
from pyrite.steps.model_view import ModelView, views
from pyrite.steps.rows import RowReader
from pyrite.steps.stored_table import StoredTable
from pyrite.store import RunFolder, StepFolder, find_step
from pyrite.types import Json

if TYPE_CHECKING:
    from pyrite.tables import QueryTable

__all__ = [
    "CONFIDENCE",
    "MOST_COMPARED",
    "SEED",
    "Material",
    "StepLeft",
    "View",
    "matrix",
    "readable",
    "rows_at",
    "spread",
]

CONFIDENCE = 0.95
RESAMPLES = 2000
SEED = 0
MOST_COMPARED = 200_000
"""Rows on which several models, or the outputs of one, are compared; more are sampled."""


@dataclass(frozen=True)
class StepLeft:
    """A step of the plan and what it left; `meta` is empty where it has not finished."""

    id: str
    kind: str
    requires: tuple[str, ...]
    identity: str
    how: str
    described: Mapping[str, Json]
    folder: StepFolder
    meta: Mapping[str, Json]

    @property
    def finished(self) -> bool:
        """Whether it is done."""
        return bool(self.meta)

    @property
    def declared(self) -> Mapping[str, Json]:
        """The fields that decide its result, as the experiment says them."""
        found: Mapping[str, Json] = self.described.get("declared") or {}
        return found

    @property
    def notes(self) -> list[str]:
        """What it said, each beginning with its name."""
        said = [str(note) for note in self.meta.get("notes", ())]
        return [one if one.startswith(f"{self.id}: ") else f"{self.id}: {one}" for one in said]

    @property
    def findings(self) -> list[str]:
        """What it found, one sentence each."""
        return [str(one) for one in self.meta.get("findings", ())]


@dataclass(frozen=True)
class View:
    """One model's scores of the rows of one query; `target` is the score that stands for it."""

    step: StepLeft
    stored: StoredTable
    table: QueryTable
    target: str | None

    @property
    def id(self) -> str:
        """The query's name; with the model's where several stand side by side in it."""
        return self.table.id

    @property
    def model(self) -> str:
        """The model's name."""
        return self.table.model_id

    @property
    def data(self) -> str:
        """The name of the data step."""
        return self.step.requires[1]

    @property
    def pairs(self) -> bool:
        """Whether every row is a chosen and a rejected text."""
        return self.table.pairs

    def numbers(self, name: str) -> np.ndarray:
        """A numeric column as float64 [rows]; what is one number of many is read chunk by chunk."""
        reduce = self._of_many(name)
        if reduce is None:
            return self.table.numbers(name)
        tables = self.stored.chunks.tables(["scores"])
        return np.concatenate([reduce(matrix(x["scores"]).astype(np.float64)) for x in tables])

    def _of_many(self, name: str) -> Callable[[np.ndarray], np.ndarray] | None:
        if name == "score" and isinstance(self.table, ModelView):
            at = self.stored.outputs.index(self.model)
            return lambda scores: scores[:, at]
        if name == "scores.max" and name in self.table.targets:
            return lambda scores: np.asarray(scores.max(axis=1))
        return None

    @property
    def title(self) -> str:
        """How the report calls it."""
        return self.id if isinstance(self.table, ModelView) else f"{self.id} ({self.model})"


class Material:
    """A run as the sections see it.

    Raises:
        CorruptArtifactError: the manifest is not whole.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.path: Path = run.path
        self.folder = RunFolder(run.path)
        self.manifest: dict[str, Json] = run.manifest
        if not isinstance(self.manifest.get("steps"), list):
            raise CorruptArtifactError(
                f"{run.path / 'manifest.json'}: not a whole manifest; run the experiment again, "
                "what is stored is reused"
            )
        self._scopes: dict[str, Clusters] = {}

    @property
    def command(self) -> str:
        """What makes the same run again."""
        return f"pyrite run {shlex.quote(str(self.path / 'experiment.yml'))}"

    @cached_property
    def _all(self) -> list[StepLeft]:
        found = []
        for one in self.manifest["steps"]:
            folder = self.folder.step(one["id"])
            described = one.get("described")
            meta = folder.meta if folder.identity == one["identity"] else None
            found.append(
                StepLeft(
                    id=str(one["id"]),
                    kind=str(one["kind"]),
                    requires=tuple(one["requires"]),
                    identity=str(one["identity"]),
                    how=str(one.get("how", "")),
                    described=described if isinstance(described, dict) else {},
                    folder=folder,
                    meta=meta or self._opened_before(one),
                )
            )
        return found

    def _opened_before(self, step: Mapping[str, Json]) -> Mapping[str, Json]:
        # A model is not opened again for scores that were stored before.
        if step["kind"] != "model" or step["identity"] is None:
            return {}
        before = find_step(self.path.parent.parent, step["identity"])
        return (before.meta or {}) if before else {}

    def steps(self, *kinds: str) -> list[StepLeft]:
        """The steps of these kinds (all, where none is named), in the plan's order."""
        return [step for step in self._all if not kinds or step.kind in kinds]

    def step(self, name: str) -> StepLeft:
        """The step of this name."""
        return next(step for step in self._all if step.id == name)

    @cached_property
    def tables(self) -> list[tuple[StepLeft, StoredTable]]:
        """The tables of the queries that have finished."""
        found = []
        for step in self.steps("query"):
            if step.finished and self.step(step.requires[1]).finished:
                found.append((step, self.run.query(step.id)))
        return found

    @cached_property
    def views(self) -> list[View]:
        """The same, one view a model; those without any score too."""
        found = []
        for step, stored in self.tables:
            for table in views(stored):
                known = [name for name in table.targets if name != "scores.argmax"]
                found.append(View(step, stored, table, main_target(known)))
        return found

    def scope(self, view: View) -> Scope:
        """The prompts of a view's rows, ready to be resampled."""
        return Scope(view.id, view.model, self._clusters(view), CONFIDENCE)

    def _clusters(self, view: View) -> Clusters:
        if view.data not in self._scopes:
            codes = _group_codes(view.stored.rows)
            self._scopes[view.data] = Clusters(codes, resamples=RESAMPLES, seed=SEED)
        return self._scopes[view.data]

    def scope_of(self, view: View, rows: np.ndarray) -> Scope:
        """The same for some of the rows, which are then numbered from 0."""
        if len(rows) == view.table.num_rows:
            return self.scope(view)
        _, codes = np.unique(self._clusters(view).groups[rows], return_inverse=True)
        clusters = Clusters(codes, resamples=RESAMPLES, seed=SEED)
        return Scope(view.id, view.model, clusters, CONFIDENCE)

    def gold(self, view: View) -> str | None:
        """The column with human scores or verified correctness that an analysis names."""
        for step in self.steps("analyze"):
            name = step.declared.get("gold")
            if name and view.step.id in step.requires and name in view.table.columns:
                return str(name) if name in view.stored.numeric_columns() else None
        return None

    def records(self, step: StepLeft, name: str) -> list[dict[str, Json]]:
        """A small table that a finished step left, as rows.

        Raises:
            CorruptArtifactError: it is gone or damaged.
        """
        path = step.folder.require(name)
        with readable(path, step.folder.path):
            rows: list[dict[str, Json]] = pq.read_table(path).to_pylist()
        return rows

    def json(self, step: StepLeft, name: str) -> dict[str, Json]:
        """A JSON file that a finished step left.

        Raises:
            CorruptArtifactError: it is gone or damaged.
        """
        path = step.folder.require(name)
        value = read_json(path)
        if not isinstance(value, dict):
            raise CorruptArtifactError(
                f"{path}: not whole JSON; delete {step.folder.path} and run again"
            )
        return value


@contextlib.contextmanager
def readable(path: Path, folder: Path) -> Iterator[None]:
    """Turn the ways in which a parquet file cannot be read into one error with its cure."""
    try:
        yield
    except (pa.ArrowInvalid, OSError) as error:
        raise CorruptArtifactError(
            f"{path}: damaged ({error}); delete {folder} and run again"
        ) from error


def spread(num_rows: int, most: int) -> np.ndarray:
    """All rows, or `most` of them drawn at random with a fixed seed, in order: int64."""
    if num_rows <= most:
        return np.arange(num_rows)
    return np.sort(np.random.default_rng(SEED).choice(num_rows, most, replace=False))


def matrix(column: pa.ChunkedArray) -> np.ndarray:
    """A column of vectors as float32 [rows, width]; a missing vector is NaN."""
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    return np.asarray(array.flatten(), dtype=np.float32).reshape(-1, array.type.list_size)


def _group_codes(rows: RowReader) -> np.ndarray:
    """The prompts as codes in order of appearance; holds 8 bytes a row, never the texts."""
    parts = []
    for batch in rows.batches(["group"]):
        names: Sequence[str] = batch.column(0).to_pylist()
        digests = b"".join(_digest(name) for name in names)
        parts.append(np.frombuffer(digests, dtype=np.uint64))
    _, first, codes = np.unique(np.concatenate(parts), return_index=True, return_inverse=True)
    place = np.empty(len(first), dtype=np.int64)
    place[np.argsort(first, kind="stable")] = np.arange(len(first))
    return np.asarray(place[codes])


def _digest(name: str) -> bytes:
    return hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def rows_at(
    reader: RowReader, rows: Sequence[int], columns: Sequence[str]
) -> dict[int, dict[str, Json]]:
    """Some rows by their place in the file; parts of it without any of them are not read.

    Raises:
        CorruptArtifactError: the file is damaged.
    """
    wanted = np.unique(np.asarray(rows, dtype=np.int64))
    found: dict[int, dict[str, Json]] = {}
    with readable(reader.path, reader.path.parent):
        for start, batch in _batches_with(reader.path, wanted, list(columns)):
            inside = wanted[(wanted >= start) & (wanted < start + batch.num_rows)]
            taken = batch.take(pa.array(inside - start)).to_pylist()
            found |= dict(zip(inside.tolist(), taken, strict=True))
    return found


def _batches_with(
    path: Path, wanted: np.ndarray, columns: list[str]
) -> Iterator[tuple[int, pa.RecordBatch]]:
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        start = 0
        for group in range(file.metadata.num_row_groups):
            stop = start + file.metadata.row_group(group).num_rows
            if np.any((wanted >= start) & (wanted < stop)):
                at = start
                for batch in file.iter_batches(1024, row_groups=[group], columns=columns):
                    yield at, batch
                    at += batch.num_rows
            start = stop
