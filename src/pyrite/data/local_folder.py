"""A local folder with one data file per split."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from pyrite.component import nearest
from pyrite.data import Reader, Record
from pyrite.data.local_file import LocalFile
from pyrite.errors import DataError
from pyrite.sources import Source

__all__ = ["LocalFolder"]

_SPLIT_FILE = re.compile(
    r"(?P<split>[^.]+?)(-\d+-of-\d+)?\.(jsonl|ndjson|json|csv|parquet|pq)(\.gz)?", re.IGNORECASE
)


class LocalFolder(Reader):
    """A folder with one file per split: train.jsonl, test.jsonl and the like.

    A split may be cut into `train-00000-of-00002.parquet`, and the files may lie in a subfolder
    `data`. Without a split the only one is read.
    """

    NOT_IDENTITY: ClassVar[frozenset[str]] = frozenset({"id", "path", "revision"})

    def source(self) -> Source:
        """All data files of the folder."""
        files = tuple(path for paths in self._files().values() for path in paths)
        return Source(name=self.path, files=files)

    def splits(self) -> tuple[str, ...]:
        """The names of the files, without suffix."""
        return tuple(self._files())

    def read(self, split: str | None) -> Iterator[tuple[str, Record]]:
        """Stream one split."""
        for path in self._files()[choose_split(split, self.splits(), self.path)]:
            yield from LocalFile(path=str(path)).read(None)

    def _files(self) -> dict[str, list[Path]]:
        folder = Path(self.path)
        found: dict[str, list[Path]] = {}
        try:
            places = [x for x in (folder, folder / "data") if x.is_dir()]
            paths = sorted(path for place in places for path in place.iterdir())
        except OSError as error:
            raise DataError(f"{folder}: cannot be read: {error.strerror or error}") from error
        for path in paths:
            match = _SPLIT_FILE.fullmatch(path.name)
            if match and path.is_file():
                found.setdefault(match["split"], []).append(path)
        if not found:
            raise DataError(
                f"{folder}: no data file in this folder (train.jsonl, test.csv, ...; suffixes "
                ".jsonl, .json, .csv, .parquet, each also .gz)"
            )
        return found


def choose_split(split: str | None, known: tuple[str, ...], source: str) -> str:
    """The split to read: the one asked for, or the only one.

    Raises:
        DataError: it does not exist, or none was asked for and there are several.
    """
    listed = ", ".join(known)
    if split is None:
        if len(known) == 1:
            return known[0]
        raise DataError(f"{source}: has the splits {listed}; say which one with split")
    if split not in known:
        hint = nearest(split, list(known))
        raise DataError(f"{source}: no split {split!r}; it has {listed} ({hint})")
    return split
