"""Segments of the score store: append-only files of one writer each, checked record by record.

::

    24 bytes   magic, version, width, length of the JSON, CRC-32 of these
    JSON       {"key": scorer key, "about": what it is, for people}
    4 bytes    CRC-32 of the JSON
    records    16-byte text key, `width` float64, CRC-32; little-endian, 20 + 8 * width bytes each

The CRC of a record starts from the scorer key, so that a record of another scorer is not believed
either. A writer holds `flock` on its segment from before the file gets its name until it is closed
or dies; whoever gets the lock may move or delete the file.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import struct
import weakref
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np

from pyrite.types import Json

__all__ = [
    "CORRUPT",
    "SUFFIX",
    "Segment",
    "SegmentWriter",
    "State",
    "count_records",
    "locked",
    "read_about",
    "read_segment",
    "record_type",
    "segment_paths",
]

VERSION = 1
SUFFIX = ".scores"
CORRUPT = ".corrupt"
_MAGIC = b"pyrscore"
_FIXED = struct.Struct("<8sHHIII")
_MOST_JSON = 1 << 20


class State(StrEnum):
    """What a segment's bytes say of it."""

    WHOLE = "whole"
    TORN = "torn"  # ends in the middle of a write; what stands before that is good
    CORRUPT = "corrupt"  # damaged before its end, or not a segment of this scorer
    NEWER = "newer"  # written by a newer Pyrite


@dataclass(frozen=True, slots=True)
class Segment:
    """The records of one file that passed their check.

    Attributes:
        keys: [n] of 16 bytes (`S16`).
        values: [n, width] float64.
    """

    state: State
    keys: np.ndarray
    values: np.ndarray


def record_type(width: int) -> np.dtype[np.void]:
    """The layout of a record with `width` values."""
    return np.dtype([("key", "S16"), ("values", "<f8", (width,)), ("crc", "<u4")])


def segment_paths(folder: Path) -> list[Path]:
    """Segments of a folder, sorted by name; none where the folder does not exist."""
    return sorted(folder.glob(f"*{SUFFIX}"))


def read_segment(path: Path, key: str, width: int) -> Segment:
    """Read a segment; only records whose CRC fits are in the result, whatever the file holds.

    The file is read and not mapped: a writer that takes back half a record of a full disk would
    kill a process that has it mapped.

    Raises:
        FileNotFoundError: it was merged or deleted meanwhile.
        OSError: it cannot be read.
    """
    data = path.read_bytes()
    state, start, header = _header(data)
    layout = record_type(width)
    none = np.zeros(0, layout)
    if state is not State.WHOLE:
        return Segment(state, none["key"], none["values"])
    if header["key"] != key or header["width"] != width:
        return Segment(State.CORRUPT, none["key"], none["values"])
    count = (len(data) - start) // layout.itemsize
    records = np.frombuffer(data, layout, count=count, offset=start)
    good = records["crc"] == _checksums(memoryview(data)[start:], count, width, key)
    if good.all():
        whole = start + count * layout.itemsize == len(data)
        state = State.WHOLE if whole else State.TORN
    else:
        # A kill or a power cut leaves a bad end and nothing good behind it.
        first = int(np.argmin(good))
        state = State.CORRUPT if good[first:].any() else State.TORN
    return Segment(state, records["key"][good], records["values"][good])


def read_about(path: Path) -> Mapping[str, Json] | None:
    """The header's JSON with `width` and `start`, or None where it is not whole."""
    with path.open("rb") as stream:
        data = stream.read(_FIXED.size + _MOST_JSON + 4)
    state, start, header = _header(data)
    return {**header, "start": start} if state is State.WHOLE else None


def count_records(path: Path) -> int:
    """Records of a segment by its size; nothing is checked."""
    header = read_about(path)
    if header is None:
        return 0
    size = path.stat().st_size - int(header["start"])
    return max(size, 0) // record_type(int(header["width"])).itemsize


def _header(data: bytes) -> tuple[State, int, dict[str, Json]]:
    """State, where the records start, and the JSON with `width`."""
    if len(data) < _FIXED.size:
        whole = data[: len(_MAGIC)] == _MAGIC[: len(data)]
        return (State.TORN if whole else State.CORRUPT), 0, {}
    magic, version, _, width, length, crc = _FIXED.unpack_from(data)
    if magic != _MAGIC or crc != zlib.crc32(data[: _FIXED.size - 4]):
        return State.CORRUPT, 0, {}
    if version > VERSION:
        return State.NEWER, 0, {}
    start = _FIXED.size + length + 4
    if len(data) < start:
        return State.TORN, 0, {}
    text = data[_FIXED.size : start - 4]
    if zlib.crc32(text) != int.from_bytes(data[start - 4 : start], "little"):
        return State.CORRUPT, 0, {}
    return State.WHOLE, start, {**json.loads(text), "width": width}


def _checksums(data: memoryview, count: int, width: int, key: str) -> np.ndarray:
    """CRC-32 of each record without its own last four bytes: [count]."""
    size = record_type(width).itemsize
    seed = zlib.crc32(key.encode())
    found = (zlib.crc32(data[i : i + size - 4], seed) for i in range(0, count * size, size))
    return np.fromiter(found, np.uint32, count)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[bool]:
    """Hold a segment against its writer and against others who would move it; False if they do.

    Raises:
        OSError: the file cannot be opened.
    """
    with path.open("rb") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        # Whoever held the lock before may have deleted or replaced the file.
        yield path.exists() and path.stat().st_ino == os.fstat(stream.fileno()).st_ino


class SegmentWriter:
    """Appends records to a segment of its own; the file is made when it is opened.

    Raises:
        OSError: the folder or the file cannot be made.
    """

    def __init__(self, folder: Path, key: str, *, width: int, about: Mapping[str, Json]) -> None:
        self.process = os.getpid()
        self.path = folder / f"{self.process}-{secrets.token_hex(6)}{SUFFIX}"
        self._key = key
        self._layout = record_type(width)
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"key": key, "about": dict(about)}, default=str).encode()
        fixed = _FIXED.pack(_MAGIC, VERSION, 0, width, len(text), 0)[:-4]
        head = fixed + zlib.crc32(fixed).to_bytes(4, "little")
        head += text + zlib.crc32(text).to_bytes(4, "little")
        hidden = self.path.with_name(f".{self.path.name}.new")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._file = os.open(hidden, flags, 0o644)
        # The lock must not wait for the end of a long process that forgot to close it.
        self._free = weakref.finalize(self, os.close, self._file)
        self._size = 0
        try:
            # Locked before it has its name: nobody ever sees it unlocked.
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._write(head)
            hidden.rename(self.path)
        except OSError:
            self._free()
            hidden.unlink(missing_ok=True)
            raise

    def append(self, keys: np.ndarray, values: np.ndarray) -> None:
        """Append records: keys [n] `S16`, values [n, width].

        Raises:
            OSError: they do not fit on the disk; what was half written is taken back.
        """
        records = np.zeros(len(keys), self._layout)
        records["key"] = keys
        records["values"] = values
        width = values.shape[1]
        view = memoryview(records.tobytes())
        records["crc"] = _checksums(view, len(records), width, self._key)
        self._write(records.tobytes())

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        done = 0
        try:
            while done < len(view):
                done += os.write(self._file, view[done:])
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._size)
            raise
        self._size += done

    def close(self, *, sync: bool = False) -> None:
        """Give up the lock; with `sync` the records survive a power cut from now on."""
        try:
            if sync:
                os.fsync(self._file)
        finally:
            self._free()
