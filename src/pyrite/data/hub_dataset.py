"""A data set on a Hugging Face hub."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Literal

from pyrite.data import Reader, Record
from pyrite.data.local_folder import choose_split
from pyrite.errors import DataError
from pyrite.sources import Source

__all__ = ["HubDataset"]

_BATCH_ROWS = 1_000
_DATA_FILES = [
    f"*.{suffix}{packed}"
    for suffix in ("jsonl", "ndjson", "json", "csv", "tsv", "parquet", "arrow", "txt")
    for packed in ("", ".gz", ".zst", ".xz", ".bz2")
]
_CARDS = ["README.md", ".huggingface.yaml"]


class HubDataset(Reader):
    """A data set on the hub, by name, configuration and revision; no code of it is run.

    `download` fetches the data files of the revision once and reads them from the hub's own cache
    after that, also offline. `stream` reads them over the network each time and keeps nothing.
    """

    NOT_IDENTITY: ClassVar[frozenset[str]] = frozenset({"id", "path", "revision", "mode"})

    name: str | None = None
    revision: str | None = None
    mode: Literal["download", "stream"] = "download"

    def source(self) -> Source:
        """The repository at its revision."""
        return Source(name=self.path, repo=self.path, revision=self.revision, kind="dataset")

    def splits(self) -> tuple[str, ...]:
        """The splits of the configuration."""
        import datasets

        place, revision = self._place()
        with _explained(self.path, self.revision), _silent():
            names = datasets.get_dataset_split_names(place, self.name, revision=revision)
        return tuple(map(str, names))

    def read(self, split: str | None) -> Iterator[tuple[str, Record]]:
        """Stream one split."""
        import datasets

        chosen = choose_split(split, self.splits(), self.path)
        place, revision = self._place()
        streamed = self.mode == "stream"
        with _explained(self.path, self.revision), _silent():
            data = datasets.load_dataset(
                place, self.name, split=chosen, revision=revision, streaming=streamed
            )
        index = 0
        tables = iter(data.with_format("arrow").iter(batch_size=_BATCH_ROWS))
        while (table := self._next(tables)) is not None:
            for record in table.to_pylist():
                index += 1
                yield f"{self.path} [{chosen}] row {index}", record
        if not index:
            raise DataError(f"{self.path}: no rows in split {chosen!r}")

    def _next(self, tables: Iterator[Any]) -> Any:
        with _explained(self.path, self.revision):
            return next(tables, None)

    def _place(self) -> tuple[str, str | None]:
        """What the datasets library is to open: the downloaded folder, or the repository."""
        if self.mode == "stream":
            # The scheme keeps a folder of the same name in the working directory out of it.
            return f"hf://datasets/{self.path}", self.revision
        return str(self._download()), None

    def _download(self) -> Path:
        from huggingface_hub import snapshot_download

        # Asking the datasets library by name would, without a network, give whatever revision it
        # prepared last; the hub's cache gives the one that was asked for, or nothing.
        with _explained(self.path, self.revision), _silent():
            folder = snapshot_download(
                self.path,
                repo_type="dataset",
                revision=self.revision,
                allow_patterns=[*_DATA_FILES, *_CARDS],
            )
        if not any(path.is_file() for path in Path(folder).rglob("*") if path.name not in _CARDS):
            raise DataError(
                f"{self.path}: the repository holds no data file (.jsonl, .json, .csv, .parquet); "
                "data sets that are built by a script cannot be read"
            )
        return Path(folder)


@contextmanager
def _silent() -> Iterator[None]:
    """No progress bars, and the setting as it was afterwards."""
    import datasets
    from huggingface_hub.utils.tqdm import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )

    hub, bars = are_progress_bars_disabled(), datasets.is_progress_bar_enabled()
    disable_progress_bars()
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        if not hub:
            enable_progress_bars()
        if bars:
            datasets.enable_progress_bars()


@contextmanager
def _explained(repo: str, revision: str | None) -> Iterator[None]:
    """Failures of the hub and of the datasets library as errors that say the cure."""
    import datasets.exceptions
    from huggingface_hub import errors

    local = "; or download it and give the local path"
    at = f" at revision {revision!r}" if revision else ""
    try:
        yield
    except errors.GatedRepoError as error:
        raise DataError(
            f"{repo}: the data set is gated: ask for access on its page and log in "
            f"(hf auth login){local}"
        ) from error
    except (errors.RepositoryNotFoundError, datasets.exceptions.DatasetNotFoundError) as error:
        raise DataError(
            f"{repo}: no such data set on the hub, or it is private (check the spelling, log in "
            f"with hf auth login{local}); a local file or folder of this name does not exist either"
        ) from error
    except errors.RevisionNotFoundError as error:
        raise DataError(f"{repo}: the hub has no revision {revision!r} of it") from error
    except (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled, ConnectionError) as error:
        raise DataError(
            f"{repo}{at}: is not in the local cache and the hub cannot be reached (no network, or "
            "HF_HUB_OFFLINE is set); a local file or folder of this name does not exist: check "
            "path, or download the data elsewhere and give its local path"
        ) from error
    except (errors.HFValidationError, errors.HfHubHTTPError) as error:
        raise DataError(f"{repo}{at}: the hub refuses: {_first_line(error)}") from error
    except (datasets.exceptions.DatasetsError, ValueError, FileNotFoundError) as error:
        cause = error.__cause__ if error.__cause__ is not None else error
        raise DataError(
            f"{repo}{at}: cannot be read as a data set: {_first_line(cause)}"
        ) from error


def _first_line(error: BaseException) -> str:
    return next((x for x in str(error).splitlines() if x.strip()), type(error).__name__)
