"""A run on disk, as a user of the Python interface sees it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from pyrite.component import nearest
from pyrite.errors import StoreError
from pyrite.steps.analyze import FINDINGS
from pyrite.steps.data import ROWS
from pyrite.steps.stored_table import StoredTable
from pyrite.store import RunFolder, open_run
from pyrite.types import Json

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["HTML", "Run", "open_table"]

HTML = "report.html"

_FINDING = ("analyze", "exploit", "replay")
"""Kinds of steps that leave findings, in the order in which these are told."""


class Run:
    """A run directory, finished or not.

    Example:
        >>> run = Run("runs/demo/0123456789ab")          # doctest: +SKIP
        >>> run.table("my_query")[["prompt", "score"]]   # doctest: +SKIP
    """

    def __init__(self, path: str | Path) -> None:
        self._folder = open_run(Path(path))

    @property
    def path(self) -> Path:
        """The run directory."""
        return self._folder.path

    @property
    def name(self) -> str:
        """The experiment's name."""
        return str(self.manifest["name"])

    @property
    def manifest(self) -> dict[str, Json]:
        """Versions, seeds, identities of all steps, and how each came about."""
        return self._folder.manifest

    def table(self, query: str, *, vectors: bool = True) -> pd.DataFrame:
        """All rows of a query: the data's columns and what `store` names.

        Args:
            query: the query's name.
            vectors: also the stored vectors, an array per row; False leaves them on disk.

        Raises:
            StoreError: the run has no finished query of this name.
        """
        return self.query(query).to_pandas(vectors=vectors)

    def query(self, query: str) -> StoredTable:
        """The same, streamed: for tables that should not be held in memory."""
        step = self._step(query, "query")
        model, data = step["requires"]
        return open_table(self._folder, query, model=model, data=data)

    @property
    def figures(self) -> list[Path]:
        """The PNG of every figure, in the order the analyses made them."""
        found = []
        for step in self._steps("analyze"):
            folder = self._folder.step(step["id"])
            for figure in (folder.meta or {}).get("figures", ()):
                found.append(folder.path / figure["png"])
        return found

    @property
    def findings(self) -> list[str]:
        """What analyses and exploit steps found, one sentence each, with interval and n."""
        return [sentence for found in self.findings_by_step.values() for sentence in found]

    @property
    def findings_by_step(self) -> dict[str, list[str]]:
        """The findings of each analysis and each exploit step, by its name."""
        names = [step["id"] for kind in _FINDING for step in self._steps(kind)]
        metas = {name: self._folder.step(name).meta or {} for name in names}
        return {name: list(meta.get("findings", ())) for name, meta in metas.items()}

    @property
    def findings_files(self) -> dict[str, Path]:
        """The text file with all findings of each of these steps."""
        return {name: self._folder.step(name).path / FINDINGS for name in self.findings_by_step}

    @property
    def cards(self) -> list[Path]:
        """The Markdown card of every confirmed finding of the exploit steps; JSON is beside it."""
        found = []
        for step in self._steps("exploit"):
            folder = self._folder.step(step["id"])
            found += [folder.path / name for name in (folder.meta or {}).get("cards", ())]
        return found

    @property
    def suites(self) -> list[Path]:
        """Findings of the exploit steps, a line of JSON each, as `pyrite replay` takes them."""
        return self._left("suite")

    @property
    def replayed(self) -> list[dict[str, Json]]:
        """What became of each exploit of a replayed suite: status, effects here and there, n."""
        from pyrite.steps.replay import REPLAY

        folders = [self._folder.step(step["id"]) for step in self._steps("replay")]
        lines = [line for one in folders for line in one.require(REPLAY).read_text().splitlines()]
        return [json.loads(line) for line in lines]

    @property
    def pairs(self) -> list[Path]:
        """Preference pairs of the exploits, in TRL's format, where there are any."""
        return [path for path in self._left("pairs") if path.stat().st_size]

    @property
    def notes(self) -> list[str]:
        """What was detected, counted, or could not be measured, and why."""
        metas = [self._folder.step(step["id"]).meta or {} for step in self.manifest["steps"]]
        return [sentence for meta in metas for sentence in meta.get("notes", ())]

    @property
    def report(self) -> Path | None:
        """The page for people, `report.html`; None where none was written."""
        path = self.path / HTML
        return path if path.is_file() else None

    def associations(self, analysis: str) -> pd.DataFrame:
        """The associations that an analysis tried: effects, intervals, q-values, n."""
        import pandas as pd

        self._step(analysis, "analyze")
        return pd.read_parquet(self._folder.step(analysis).require("associations.parquet"))

    def effects(self, exploit: str) -> pd.DataFrame:
        """Every edit that an exploit step tried: discovery, confirmation, verdict."""
        import pandas as pd

        self._step(exploit, "exploit")
        return pd.read_parquet(self._folder.step(exploit).require("effects.parquet"))

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    def _left(self, key: str) -> list[Path]:
        """The file that `key` of what an exploit step says of itself names."""
        found = []
        for step in self._steps("exploit"):
            folder = self._folder.step(step["id"])
            name = (folder.meta or {}).get(key)
            if name is not None:
                found.append(folder.path / name)
        return found

    def _steps(self, kind: str) -> list[dict[str, Json]]:
        return [step for step in self.manifest["steps"] if step["kind"] == kind]

    def _step(self, name: str, kind: str) -> dict[str, Json]:
        for step in self._steps(kind):
            if step["id"] == name:
                if self._folder.step(name).meta is None:
                    raise StoreError(f"{self.path}: the step {name!r} is not finished; run again")
                return step
        names = [str(step["id"]) for step in self._steps(kind)]
        raise StoreError(f"{self.path}: no {kind} step {name!r} ({nearest(name, names)})")


def open_table(folder: RunFolder, query: str, *, model: str, data: str) -> StoredTable:
    """The stored table of a query in a run folder."""
    return StoredTable(
        query_id=query,
        model_id=model,
        rows=folder.step(data).require(ROWS),
        query=folder.step(query).path,
    )
