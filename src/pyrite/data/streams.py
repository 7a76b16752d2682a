"""Bytes and lines of local files, gzip included, with errors that say where."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from pyrite.errors import DataError

__all__ = ["decoded_lines", "opened", "shorten"]

_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_UTF8_MARK = b"\xef\xbb\xbf"


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """A file's bytes, unpacked where its name ends in `.gz`.

    Raises:
        DataError: the file cannot be opened or read, or its gzip data is damaged or cut off.
    """
    packed = path.suffix == ".gz"
    try:
        with path.open("rb") as stream:
            yield cast(IO[bytes], gzip.GzipFile(fileobj=stream)) if packed else stream
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(
            f"{path}: the gzip data is damaged or cut off ({error}); fetch the file again"
        ) from error
    except FileNotFoundError as error:
        raise DataError(
            f"{path}: no such file (was it moved since the run was planned?)"
        ) from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error


def decoded_lines(stream: IO[bytes], path: Path) -> Iterator[str]:
    """The lines of a UTF-8 file with their line ends; a byte order mark is dropped.

    Raises:
        DataError: bytes that are not UTF-8, with line and offset.
    """
    offset = 0
    for number, line in enumerate(stream, start=1):
        if number == 1 and line.startswith(_UTF8_MARK):
            offset, line = len(_UTF8_MARK), line.removeprefix(_UTF8_MARK)
        yield decode(line, path, offset, f":{number}")
        offset += len(line)


def decode(raw: bytes, path: Path, offset: int = 0, line: str = "") -> str:
    """Bytes as text.

    Raises:
        DataError: bytes that are not UTF-8; `offset` is where `raw` starts in the file.
    """
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        guess = "UTF-16" if raw.startswith(_UTF16) else "Latin-1 or Windows-1252"
        raise DataError(
            f"{path}{line}: not UTF-8: byte 0x{raw[error.start]:02x} at offset "
            f"{offset + error.start} (the file looks like {guess}; save it as UTF-8)"
        ) from error


def shorten(value: object, limit: int = 60) -> str:
    """A value as it may stand in a message: quoted, on one line, cut to `limit` characters."""
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"
