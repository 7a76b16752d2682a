"""What is in the score store, and deleting it: behind `pyrite cache`."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pyrite.files import storage_errors
from pyrite.scoring.segments import CORRUPT, SUFFIX, count_records, locked, read_about
from pyrite.scoring.store import store_folder
from pyrite.types import Json

__all__ = ["CachedScorer", "Pruned", "cached_scorers", "prune", "pruned_lines", "shown_lines"]

_DAY = 86_400.0
_STALE_SECONDS = 3600.0
"""A segment that was never given its name belongs to a process that was killed."""


@dataclass(frozen=True, slots=True)
class CachedScorer:
    """The stored scores of one scorer.

    Attributes:
        about: what it is, as its segments say; empty where none can be read.
        scores: records of its segments (a text that two processes scored at once counts twice).
        size: bytes on disk, damaged segments included.
        last_use: seconds since 1970.
        in_use: whether a process is writing to it.
        damaged: segments that were set aside.
    """

    key: str
    folder: Path
    about: Mapping[str, Json]
    scores: int
    size: int
    last_use: float
    in_use: bool
    damaged: int


@dataclass(frozen=True, slots=True)
class Pruned:
    """What a pruning deleted and what it had to leave."""

    scorers: int = 0
    scores: int = 0
    size: int = 0
    kept_in_use: int = 0


def cached_scorers(folder: Path | None = None) -> list[CachedScorer]:
    """All scorers with stored scores, the last used one first; segments are not read.

    Args:
        folder: where all scores are; None: Pyrite's cache folder.
    """
    folder = folder or store_folder()
    places = [path for path in folder.glob("*") if path.is_dir()]
    return sorted(map(_look_at, places), key=lambda found: -found.last_use)


def _look_at(place: Path) -> CachedScorer:
    about: Mapping[str, Json] = {}
    scores = size = damaged = 0
    last_use, in_use = place.stat().st_mtime, False
    for path in _files(place):
        # Another process may merge or delete a segment at any time.
        with contextlib.suppress(FileNotFoundError):
            stat = path.stat()
            size += stat.st_size
            last_use = max(last_use, stat.st_mtime)
            damaged += path.name.endswith(CORRUPT)
            if path.suffix == SUFFIX:
                scores += count_records(path)
                about = about or (read_about(path) or {}).get("about", {})
                in_use = in_use or _is_locked(path)
    return CachedScorer(place.name, place, about, scores, size, last_use, in_use, damaged)


def prune(
    *, key: str | None = None, older_than: float | None = None, folder: Path | None = None
) -> Pruned:
    """Delete stored scores; a segment that a process is writing is left.

    Args:
        key: only of the scorers whose key begins so; None: of all.
        older_than: only of scorers that were not used for so many days; None: of all.
        folder: where all scores are; None: Pyrite's cache folder.

    Raises:
        OSError: a file cannot be deleted.
    """
    before = time.time() - (older_than or 0.0) * _DAY
    scorers = scores = size = kept = 0
    for found in cached_scorers(folder):
        chosen = key is None or found.key.startswith(key)
        if not chosen or (older_than is not None and found.last_use > before):
            continue
        part = _delete(found.folder)
        scorers += part.size > 0
        scores += part.scores
        size += part.size
        kept += part.kept_in_use
    return Pruned(scorers, scores, size, kept)


def shown_lines(folder: Path | None = None) -> list[str]:
    """A line for each scorer: key, model, number of scores, size, last use."""
    folder = folder or store_folder()
    lines = []
    for found in cached_scorers(folder):
        about = {"id": "unknown", "kind": "damaged", "of": "scores", **found.about}
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(found.last_use))
        line = (
            f"{found.key[:12]}  {about['id']} ({about['kind']}, {about['of']}, "
            f"{about.get('dtype', 'any')} on {about.get('device', 'any device')})  "
            f"{found.scores:,} scores  {_readable(found.size)}  last used {when}"
        )
        line += "  in use" if found.in_use else ""
        line += f"  {found.damaged} damaged segments set aside" if found.damaged else ""
        lines.append(f"{line}\n{'':14}{about['from']}" if about.get("from") else line)
    return [*lines, f"{folder}: {len(lines)} scorers"]


def pruned_lines(
    *, key: str | None = None, older_than: float | None = None, folder: Path | None = None
) -> list[str]:
    """Prune, and say in sentences what was deleted and what was left.

    Raises:
        StoreError: a file cannot be deleted.
    """
    folder = folder or store_folder()
    with storage_errors(folder):
        done = prune(key=key, older_than=older_than, folder=folder)
    lines = [
        f"deleted {done.scores:,} scores of {done.scorers} scorers "
        f"({_readable(done.size)}) from {folder}"
    ]
    if done.kept_in_use:
        lines.append(f"left {done.kept_in_use} segments that a running process is writing")
    return lines


def _readable(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 1e5 else f"{size / 1e3:,.1f} kB"


def _delete(place: Path) -> Pruned:
    scores = size = kept = 0
    for path in _files(place):
        with contextlib.suppress(FileNotFoundError):
            count = count_records(path) if path.suffix == SUFFIX else 0
            length = path.stat().st_size
            with locked(path) as free:
                if not free or _is_being_made(path):
                    kept += 1
                    continue
                path.unlink()
            scores += count
            size += length
    with contextlib.suppress(OSError):  # not empty: a process goes on writing there
        place.rmdir()
    return Pruned(1, scores, size, kept)


def _files(place: Path) -> list[Path]:
    return sorted(path for path in place.iterdir() if path.is_file())


def _is_locked(path: Path) -> bool:
    with locked(path) as free:
        return not free


def _is_being_made(path: Path) -> bool:
    return path.suffix == ".new" and time.time() - path.stat().st_mtime < _STALE_SECONDS
