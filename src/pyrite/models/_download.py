"""Fetching a checkpoint by URL: resumed after a break, verified, and never half there.

Bytes go to `<name>.part`, which becomes `<name>` only when it is whole and its checksum agrees.
What is known of the part (length, validators) lies beside it, so that a later call goes on where
this one stopped, provided that the server still has the same file (RFC 9110, sections 13 and 14).
"""

from __future__ import annotations

import errno
import http.client
import json
import re
import shutil
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from pyrite.errors import CheckpointError
from pyrite.sources import cache_folder, hash_file, hash_text

__all__ = ["fetch", "is_url"]

_CHUNK = 1 << 20
_BROKEN = (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError)
_RETRIED = {408, 425, 429, 500, 502, 503, 504}


def is_url(name: str) -> bool:
    """Whether `name` is written as a URL (of any scheme)."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.\-]+://", name) is not None


def fetch(url: str, *, sha256: str | None = None, attempts: int = 5, timeout: float = 30.0) -> Path:
    """The local file with the content of `url`; fetched once, then taken from the cache.

    Args:
        url: `http`, `https` or `file`.
        sha256: checksum that the content must have.
        attempts: how often a broken connection is taken up again without any progress.
        timeout: seconds without a byte after which a connection counts as broken.

    Raises:
        CheckpointError: the URL cannot be fetched, the disk is full, or the checksum differs.
    """
    from filelock import FileLock

    parts = urllib.parse.urlsplit(url)
    if parts.scheme == "file":
        return _local(url, parts, sha256)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise CheckpointError(f"{url}: only http, https and file URLs are read")
    if parts.username or parts.password:
        raise CheckpointError(f"ckpt: leave user and password out of the URL ({parts.hostname})")
    folder = cache_folder() / "downloads"
    target = folder / f"{hash_text(url)[:16]}-{_file_name(parts)}"
    with _disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{target}.lock"):
            if target.is_file() and sha256 in (None, hash_file(target)):
                return target
            part = _Part(target)
            _fill(part, url, sha256=sha256, attempts=attempts, timeout=timeout)
            _verify(part.path, url, sha256, remove=part.remove)
            part.path.replace(target)
            part.remove()
    return target


def _local(url: str, parts: urllib.parse.SplitResult, sha256: str | None) -> Path:
    path = Path(urllib.request.url2pathname(parts.path))
    if parts.netloc not in {"", "localhost"} or not path.is_file():
        raise CheckpointError(f"{url}: no such file here")
    _verify(path, url, sha256)
    return path


def _file_name(parts: urllib.parse.SplitResult) -> str:
    name = urllib.parse.unquote(parts.path).rsplit("/", 1)[-1]
    return re.sub(r"[^A-Za-z0-9._-]", "_", name)[-80:] or "checkpoint"


def _verify(
    path: Path, url: str, sha256: str | None, *, remove: Callable[[], None] | None = None
) -> None:
    if sha256 is None or (found := hash_file(path)) == sha256.lower():
        return
    if remove is not None:
        remove()
    raise CheckpointError(
        f"{url}: the SHA-256 is {found}, expected {sha256.lower()}"
        + ("; the download was removed" if remove is not None else "")
    )


@contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise CheckpointError(
                f"{folder}: no room left for the download; what came so far is kept. Free some "
                "space or set PYRITE_CACHE to another disk, and run the same command again"
            ) from error
        if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
            raise CheckpointError(
                f"{folder}: cannot be written ({error.strerror}); set PYRITE_CACHE"
            ) from error
        raise


@dataclass(frozen=True, slots=True)
class _Version:
    """What identifies the content that a server sends; empty where it does not say."""

    etag: str = ""
    modified: str = ""
    total: int = -1

    def same(self, other: _Version) -> bool:
        """Whether nothing that both sides know speaks for different content."""
        pairs = ((self.etag, other.etag), (self.modified, other.modified))
        differs = any(a and b and a != b for a, b in pairs)
        sizes = self.total >= 0 and other.total >= 0 and self.total != other.total
        return not differs and not sizes

    def validator(self) -> str:
        """For `If-Range`: a strong ETag, else the date."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.modified


class _Part:
    """The unfinished file and what is known of it."""

    def __init__(self, target: Path) -> None:
        self.path = target.with_name(f"{target.name}.part")
        self.note = target.with_name(f"{target.name}.part.json")

    def size(self) -> int:
        return self.path.stat().st_size if self.path.is_file() else 0

    def version(self) -> _Version:
        try:
            return _Version(**json.loads(self.note.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return _Version()

    def restart(self, version: _Version) -> None:
        self.path.write_bytes(b"")
        self.note.write_text(json.dumps(asdict(version)), encoding="utf-8")

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)


def _fill(part: _Part, url: str, *, sha256: str | None, attempts: int, timeout: float) -> None:
    """Ask again until the part is whole; only attempts without a new byte are counted."""
    failed = 0
    while True:
        before = part.size()
        try:
            if _request(part, url, known=sha256 is not None, timeout=timeout):
                return
            reason = f"the connection ended after {part.size()} of {part.version().total} bytes"
        except urllib.error.HTTPError as error:
            error.close()
            if error.code not in _RETRIED:
                raise CheckpointError(f"{url}: HTTP {error.code} {error.reason}") from error
            reason = f"HTTP {error.code} {error.reason}"
        except _BROKEN as error:
            reason = str(error) or type(error).__name__
        failed = 0 if part.size() > before else failed + 1
        if failed >= attempts:
            raise CheckpointError(
                f"{url}: {reason}; gave up after {attempts} attempts without progress "
                f"({part.size()} bytes are kept and will be resumed)"
            )
        _wait(min(0.1 * 2**failed, 5.0))


def _wait(seconds: float) -> None:
    time.sleep(seconds)


def _request(part: _Part, url: str, *, known: bool, timeout: float) -> bool:
    """One request; True when the part is whole afterwards."""
    start, version = part.size(), part.version()
    request = urllib.request.Request(url, headers={"Accept-Encoding": "identity"})
    # Without a validator or a checksum nothing says that the rest belongs to this beginning.
    if start and (version.validator() or version.etag or known):
        request.add_header("Range", f"bytes={start}-")
        if version.validator():
            request.add_header("If-Range", version.validator())
    else:
        start = 0
    try:
        response = urllib.request.urlopen(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        if error.code != 416:
            raise
        error.close()
        if version.total == start:
            return True
        part.remove()
        return False
    with response:
        offered, offset = _offered(response)
        resumed = response.status == 206 and offset == start and version.same(offered)
        if response.status == 206 and not resumed:
            part.remove()
            return False
        if not resumed:
            part.restart(offered)
        return _receive(part, response, url, offered.total)


def _offered(response: http.client.HTTPResponse) -> tuple[_Version, int]:
    """What the server is about to send: its version, and the offset of the first byte."""
    headers = response.headers
    found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", headers.get("Content-Range", "").strip())
    length = headers.get("Content-Length", "")
    total, offset = (int(length) if length.isdigit() else -1), 0
    if response.status == 206:
        offset = int(found.group(1)) if found else -1
        total = int(found.group(2)) if found and found.group(2).isdigit() else -1
    version = _Version(headers.get("ETag", ""), headers.get("Last-Modified", ""), total)
    return version, offset


def _receive(part: _Part, response: http.client.HTTPResponse, url: str, total: int) -> bool:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn

    start = part.size()
    _check_room(part.path.parent, total - start)
    console = Console(stderr=True)
    columns = ("{task.description}", BarColumn(), DownloadColumn(), TransferSpeedColumn())
    shown = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    with part.path.open("ab") as stream, shown:
        task = shown.add_task("checkpoint", total=total if total >= 0 else None, completed=start)
        while block := response.read1(_CHUNK):
            stream.write(block)
            shown.advance(task, len(block))
    size = part.size()
    if size > total >= 0:
        part.remove()
        raise CheckpointError(f"{url}: the server sent {size} bytes and announced {total}")
    return total < 0 or size == total


def _check_room(folder: Path, needed: int) -> None:
    if needed > shutil.disk_usage(folder).free:
        raise OSError(errno.ENOSPC, "the announced length does not fit")
