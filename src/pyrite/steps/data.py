"""The `data` step: reads a source once and leaves canonical rows in `rows.parquet`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from pyrite.config.sections import DataSection
from pyrite.errors import DataError
from pyrite.files import atomic_path
from pyrite.sources import resolve_commit
from pyrite.steps import Step, StepContext, StepResult
from pyrite.types import Json

__all__ = ["ROWS", "DataStep"]

ROWS = "rows.parquet"


@dataclass
class DataStep(Step):
    """Load one data set."""

    kind: ClassVar[str] = "data"

    section: DataSection

    @property
    def id(self) -> str:  # type: ignore[override]
        """The data set's name."""
        return self.section.id

    def declared(self) -> Json:
        """The fields that decide which rows there are and what their columns mean."""
        return self.section.identity()

    def fingerprints(self) -> Mapping[str, str | None]:
        """Hash of the local files or commit of the hub data set."""
        from pyrite.data.load import sources

        return {role: source.fingerprint() for role, source in sources(self.section).items()}

    def pin(self) -> DataStep:
        """Fix a hub data set to the commit that its revision names now."""
        from pyrite.data.load import sources

        repos = [source for source in sources(self.section).values() if source.repo]
        if not repos:
            return self
        commit = resolve_commit(repos[0].repo, self.section.revision, "dataset")
        return replace(self, section=self.section.model_copy(update={"revision": commit}))

    def run(self, context: StepContext) -> StepResult:
        """Stream the source into `rows.parquet`.

        Raises:
            DataError: the source cannot be read, a row does not fit, or there are no rows.
        """
        import pyarrow.parquet as pq

        from pyrite.data.load import load

        try:
            rows = load(self.section)
        except DataError as error:
            if self.section.path in str(error):
                raise
            raise DataError(f"{self.section.path}: {error}") from error
        count = 0
        with (
            context.progress.task(f"{self.id}: reading rows") as task,
            atomic_path(context.folder.path / ROWS) as path,
            pq.ParquetWriter(path, rows.schema, write_page_checksum=True) as writer,
        ):
            for batch in rows.batches():
                writer.write_batch(batch)
                count += batch.num_rows
                task.advance(batch.num_rows)
        if not count:
            raise DataError(f"{self.section.path}: no rows")
        columns = list(rows.schema.names)
        return StepResult(
            meta={"rows": count, "columns": columns, "detected": list(rows.detected)},
            notes=tuple(f"{self.id}: {sentence}" for sentence in rows.detected),
            scalars={"rows": count},
        )
