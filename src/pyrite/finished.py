"""The finished steps of a run directory: each is whole, or there is an error that says why not.

`pyrite.runs.Run` is for a user who knows what ran; this is for what reads runs that somebody else
made: another process may have been killed in them, and files may have been damaged or deleted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pyrite.component import nearest
from pyrite.errors import CorruptArtifactError, StoreError
from pyrite.runs import open_table
from pyrite.steps.stored_table import StoredTable
from pyrite.store import open_run
from pyrite.types import Json

__all__ = ["FinishedRun", "FinishedStep"]


@dataclass(frozen=True)
class FinishedStep:
    """A step whose files are all there.

    Attributes:
        requires: names of the steps that it reads.
        identity: of its result.
        declared: the fields that its result depends on, as the experiment said them.
        content: fingerprints of what it read, by role.
        meta: what it left when it finished.
        path: its folder.
    """

    id: str
    kind: str
    requires: tuple[str, ...]
    identity: str
    declared: Mapping[str, Json]
    content: Mapping[str, Json]
    meta: Mapping[str, Json]
    path: Path

    def parquet(self, name: str) -> pa.Table:
        """A table that the step left.

        Raises:
            CorruptArtifactError: it is missing or damaged.
        """
        path = self.path / name
        try:
            return pq.read_table(path, page_checksum_verification=True)
        except (pa.ArrowInvalid, OSError) as error:
            raise CorruptArtifactError(
                f"{path}: cannot be read ({error}); delete {self.path} and run again"
            ) from error


class FinishedRun:
    """A run directory as others left it.

    Raises:
        StoreError: there is no run at this path.
        CorruptArtifactError: its manifest is damaged.
    """

    def __init__(self, path: Path) -> None:
        self._folder = open_run(path)
        self._manifest = self._folder.manifest
        self.path = path
        self.name = str(self._manifest["name"])
        self.plan = str(self._manifest.get("plan") or path.name)

    @property
    def status(self) -> str:
        """`finished`, `running`, `failed` or `interrupted`, as the run says of itself."""
        return str(self._manifest.get("status", "unknown"))

    def names(self, kind: str) -> list[str]:
        """Names of all planned steps of a kind, finished or not, in order."""
        return [str(step["id"]) for step in self._manifest["steps"] if step["kind"] == kind]

    def kinds(self) -> dict[str, str]:
        """The kind of every planned step, by name."""
        return {str(step["id"]): str(step["kind"]) for step in self._manifest["steps"]}

    def is_finished(self, name: str) -> bool:
        """Whether a step ended, whatever became of its files since."""
        return name in self.kinds() and self._folder.step(name).meta is not None

    def steps(self, kind: str) -> list[FinishedStep]:
        """The finished steps of a kind.

        Raises:
            CorruptArtifactError: files of one are missing or changed.
        """
        return [self.step(name) for name in self.names(kind) if self.is_finished(name)]

    def step(self, name: str) -> FinishedStep:
        """A finished step.

        Raises:
            StoreError: there is no such step, or it is not finished.
            CorruptArtifactError: its files are missing or changed.
        """
        record = next((x for x in self._manifest["steps"] if x["id"] == name), None)
        if record is None:
            known = nearest(name, list(self.kinds()))
            raise StoreError(f"{self.path}: the run has no step {name!r} ({known})")
        folder = self._folder.step(name)
        meta = folder.meta
        if meta is None:
            raise StoreError(f"{self.path}: the step {name!r} is not finished; run again")
        identity = record["identity"]
        if not folder.done(identity):
            raise CorruptArtifactError(
                f"{folder.path}: files are missing or changed since the step finished; delete this "
                "folder and run again"
            )
        described = record["described"]
        return FinishedStep(
            id=name,
            kind=str(record["kind"]),
            requires=tuple(record["requires"]),
            identity=str(identity),
            declared=described["declared"],
            content=described["content"],
            meta=meta,
            path=folder.path,
        )

    def required(self, step: FinishedStep, kind: str) -> str:
        """The name of the first step of a kind that a step reads.

        Raises:
            StoreError: it reads none.
        """
        kinds = self.kinds()
        for name in step.requires:
            if kinds.get(name) == kind:
                return name
        raise StoreError(f"{self.path}: the step {step.id!r} reads no {kind}")

    def table(self, query: FinishedStep) -> StoredTable:
        """The table of a query: its rows beside what it stored.

        Raises:
            StoreError: the rows are not there.
            CorruptArtifactError: files are damaged.
        """
        model, data = self.required(query, "model"), self.required(query, "data")
        self.step(data)
        try:
            return open_table(self._folder, query.id, model=model, data=data)
        except (pa.ArrowInvalid, KeyError, IndexError, json.JSONDecodeError) as error:
            raise CorruptArtifactError(
                f"{query.path}: the stored scores cannot be read ({error}); delete this folder and "
                "run again"
            ) from error
