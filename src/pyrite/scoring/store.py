"""The score store: no text is scored twice by one scorer, in whichever run, step or search.

**What a score is stored under.** A *scorer key* and a *text key*. The scorer key is a hash of
everything that changes a score: the identity of the model step (declared fields, content of weights
and tokenizer, version of the code), the class, the precision that it computes in, the kind of
device, and the versions of torch and transformers (`pyrite.scoring.memory`). Limits, templates
and the flattening of messages are not in it: they change the text, and the text key is the hash of
what is left of them, token ids with the place the score is read at and the segment ids. The hash
is BLAKE2b of 16 bytes. For pairs scored together, the key is made of both texts' keys.

**What is stored.** Finite scores as float64, all outputs of a vector model, and for pairs both end
scores and the loss; never vectors of hidden states, never "no score", never text. A text whose
vectors are wanted is computed; its score is still stored.

**Which scorers.** `Scorer.cacheable` says whether equal input gives an equal score for good: models
with a tokenizer do; recorded scores have nothing to save; a user's function may read a clock or a
file, so it is never cached; an endpoint is where the server, or the user's `version`, names what is
served.

**How.** `<cache>/scores/<scorer key>/*.scores` are segments (`segments.py`): each process appends
to one of its own, so that any number of processes write at once and none waits. They are read
whole, when the first score is asked for, into a sorted index of 16 + 8 * width bytes a score. What
a kill leaves half-written is passed over. A damaged segment is set aside as `.corrupt`, and its
records that pass their check are kept. Many small segments that no process holds are merged.

**When it fails.** A full or read-only disk stops the storing, never the scoring; `notes` says so
once. A score that is found is the one that was stored, bit for bit.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from pyrite.scoring.segments import (
    CORRUPT,
    Segment,
    SegmentWriter,
    State,
    locked,
    read_segment,
    segment_paths,
)
from pyrite.sources import cache_folder
from pyrite.types import Json

__all__ = ["KEY_BYTES", "ScoreStore", "store_folder"]

KEY_BYTES = 16

MANY_SEGMENTS = 16
SMALL_SEGMENT = 8 << 20
"""More than so many unlocked segments below this size are merged when the store is opened."""
MOST_MERGED = 256

_FOLD = 1 << 15
"""New numbers are kept in a dict (ten times the room) up to this many, or a thirty-second of the
index, then put in their places."""


def store_folder() -> Path:
    """The folder that all scorers' scores are below, in Pyrite's cache (`$PYRITE_CACHE`)."""
    return cache_folder() / "scores"


class ScoreStore:
    """The stored scores of one scorer.

    Safe to share between threads; other processes have stores of their own on the same folder, and
    see what this one has stored when they open theirs.

    Attributes:
        notes: sentences for the user: what could not be stored, what was damaged.
    """

    def __init__(
        self, folder: Path, key: str, *, width: int = 1, about: Mapping[str, Json] | None = None
    ) -> None:
        """Nothing is read or written yet.

        Args:
            folder: the folder of all scorers.
            key: the scorer key, a name that a folder can have.
            width: numbers per score.
            about: what the scorer is, shown by `pyrite cache`.
        """
        self.folder = folder / key
        self.key = key
        self.width = width
        self.about = dict(about or {})
        self.notes: list[str] = []
        self._lock = threading.RLock()
        self._keys = np.zeros(0, "S16")
        self._values = np.zeros((0, width))
        self._fresh: dict[bytes, tuple[float, ...]] = {}
        self._loaded = False
        self._writer: SegmentWriter | None = None
        self._storing = True

    def __len__(self) -> int:
        with self._lock:
            self._load()
            return len(self._keys) + len(self._fresh)

    def find(self, keys: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray]:
        """Look texts up.

        Args:
            keys: text keys of 16 bytes.

        Returns:
            Which are stored, bool [n], and their values, float64 [n, width], NaN where they are
            not.
        """
        with self._lock:
            self._load()
            wanted = _as_array(keys)
            values = np.full((len(keys), self.width), np.nan)
            if len(self._keys):
                at = np.minimum(np.searchsorted(self._keys, wanted), len(self._keys) - 1)
                found = self._keys[at] == wanted
                values[found] = self._values[at[found]]
            else:
                found = np.zeros(len(keys), bool)
            if self._fresh:
                for index, key in enumerate(keys):
                    if (fresh := self._fresh.get(key)) is not None:
                        found[index], values[index] = True, fresh
            return found, values

    def add(self, keys: Sequence[bytes], values: np.ndarray) -> None:
        """Store scores; those that are not finite or stored already are left out.

        Args:
            keys: text keys of 16 bytes.
            values: float64 [n, width].
        """
        with self._lock:
            known, _ = self.find(keys)
            new = ~known & np.isfinite(values).all(axis=1)
            rows: dict[bytes, int] = {}
            for row in np.flatnonzero(new).tolist():
                rows.setdefault(keys[row], row)
            if not rows:
                return
            fresh, table = list(rows), np.asarray(values[list(rows.values())], np.float64)
            self._fresh.update(zip(fresh, map(tuple, table.tolist()), strict=True))
            self._append(_as_array(fresh), table)
            if len(self._fresh) > max(_FOLD // self.width, len(self._keys) // 32):
                self._fold()

    def close(self) -> None:
        """Give this process's segment free for others to merge; the store may be used again."""
        with self._lock:
            if self._writer is not None and self._writer.process == os.getpid():
                self._writer.close()
            self._writer = None

    def _append(self, keys: np.ndarray, values: np.ndarray) -> None:
        if not self._storing:
            return
        try:
            if self._writer is None or self._writer.process != os.getpid():
                # A forked child must not write into its parent's segment.
                self._writer = self._new_segment()
            self._writer.append(keys, values)
        except OSError as error:
            self._storing = False
            self.close()
            self.notes.append(
                f"scores are not stored for reuse, because {self.folder} cannot be written "
                f"({error.strerror or error}); scoring goes on (PYRITE_CACHE names another place)"
            )

    def _new_segment(self) -> SegmentWriter:
        return SegmentWriter(self.folder, self.key, width=self.width, about=self.about)

    def _fold(self) -> None:
        """Put the new ones, none of which is known, in their places among the sorted."""
        fresh = _as_array(list(self._fresh))
        values = np.array(list(self._fresh.values())).reshape(-1, self.width)
        self._fresh.clear()
        order = np.argsort(fresh)
        places = np.searchsorted(self._keys, fresh[order])
        self._keys = np.insert(self._keys, places, fresh[order])
        self._values = np.insert(self._values, places, values[order], axis=0)

    def _index(self, parts: Sequence[tuple[np.ndarray, np.ndarray]]) -> None:
        """Sort by key; of one text the first score counts."""
        keys = np.concatenate([keys for keys, _ in parts])
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        first = np.ones(len(keys), bool)
        first[1:] = keys[1:] != keys[:-1]
        self._keys = keys[first]
        self._values = np.concatenate([values for _, values in parts])[order[first]]

    def _load(self) -> None:
        if self._loaded:
            return
        self._loaded = True
        with contextlib.suppress(OSError):  # a folder that cannot be written can still be read
            self._merge()
            if self.folder.is_dir():
                os.utime(self.folder)
        rescued = []
        parts = [(self._keys, self._values)]
        for path, segment in self._segments():
            parts.append((segment.keys, segment.values))
            if segment.state is State.CORRUPT and self._set_aside(path, segment):
                rescued.append(segment)
        self._index(parts)
        for segment in rescued:
            if len(segment.keys):
                self._append(segment.keys, segment.values)

    def _segments(self) -> Iterator[tuple[Path, Segment]]:
        """Every segment once, also when another process merges some of them meanwhile."""
        seen: set[Path] = set()
        while new := [path for path in segment_paths(self.folder) if path not in seen]:
            for path in new:
                seen.add(path)
                try:
                    segment = read_segment(path, self.key, self.width)
                except FileNotFoundError:
                    continue
                except OSError as error:
                    self.notes.append(f"{path}: stored scores not read ({error.strerror or error})")
                    continue
                if segment.state is State.NEWER:
                    self.notes.append(f"{path}: written by a newer Pyrite, not read")
                yield path, segment

    def _set_aside(self, path: Path, segment: Segment) -> bool:
        """Rename a damaged segment and say so; one that a process is writing is left alone."""
        name = path.name + CORRUPT
        outcome = f"it cannot be set aside as {name}"
        with contextlib.suppress(OSError), locked(path) as free:
            if not free:
                return False
            path.rename(path.with_name(name))
            outcome = f"set aside as {name}"
        self.notes.append(
            f"{path}: damaged, {outcome}; {len(segment.keys)} scores in it pass their check and "
            "are used, the rest will be computed again"
        )
        return not path.exists()

    def _merge(self) -> None:
        """Merge small segments that no process holds, so that their number stays small."""
        found = segment_paths(self.folder)
        # Each is held open while they are merged, and a process may open only so many files.
        small = [p for p in found if p.stat().st_size < SMALL_SEGMENT][:MOST_MERGED]
        if len(small) <= MANY_SEGMENTS:
            return
        with (self.folder / "merge.lock").open("ab") as lock, contextlib.ExitStack() as held:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            mine = [path for path in small if held.enter_context(locked(path))]
            read = [(path, read_segment(path, self.key, self.width)) for path in mine]
            # What is damaged is left for `_load` to set aside.
            good = [(p, s) for p, s in read if s.state in (State.WHOLE, State.TORN)]
            if len(good) <= MANY_SEGMENTS // 2:
                return
            merged = ScoreStore(self.folder.parent, self.key, width=self.width)
            merged._index([(segment.keys, segment.values) for _, segment in good])
            writer = self._new_segment()
            try:
                writer.append(merged._keys, merged._values)
                writer.close(sync=True)
            except OSError:
                writer.path.unlink(missing_ok=True)
                writer.close()
                raise
            for path, _ in good:
                path.unlink()


def _as_array(keys: Sequence[bytes]) -> np.ndarray:
    """Keys as `S16` [n]; numpy pads it with zeros, which changes no key of 16 bytes."""
    return np.frombuffer(b"".join(keys), "S16", count=len(keys))
