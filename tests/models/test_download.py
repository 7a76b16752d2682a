"""A checkpoint fetched by URL is whole, the one that was meant, and not fetched twice."""

from __future__ import annotations

import errno
import hashlib
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pyrite.errors import CheckpointError
from pyrite.models import _download
from pyrite.models._download import fetch
from pyrite.sources import Source, cache_folder

CONTENT = bytes(range(256)) * 2000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Site(ThreadingHTTPServer):
    """One file, and how the server misbehaves when asked for it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = CONTENT
        self.etag = '"one"'
        self.ranges = True
        self.statuses: list[int] = []  # answers before the file is given
        self.breaks: list[int] = []  # bytes after which a connection is cut
        self.announced: int | None = None  # a wrong Content-Length
        self.pause = 0.0  # seconds before every piece of the file
        self.asked: list[str | None] = []  # the Range header of every request

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing when the client has gone away."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/models/hf%20ckpt.pt"


class Handler(BaseHTTPRequestHandler):
    server: Site

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        site = self.server
        wanted = self.headers.get("Range")
        site.asked.append(wanted)
        if site.statuses:
            self.send_error(site.statuses.pop(0))
            return
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        fresh = self.headers.get("If-Range") in (None, site.etag)
        partial = bool(wanted) and site.ranges and fresh
        if partial and start >= len(site.content):
            self.send_response(416)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = site.content[start:] if partial else site.content
        self.send_response(206 if partial else 200)
        if site.etag:
            self.send_header("ETag", site.etag)
        if partial:
            total = len(site.content)
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        self.send_header("Content-Length", str(site.announced or len(body)))
        self.end_headers()
        self._send(body)

    def _send(self, body: bytes) -> None:
        site = self.server
        if site.breaks:
            self.wfile.write(body[: site.breaks.pop(0)])
            self.close_connection = True
            return
        for begin in range(0, len(body), 100_000):
            time.sleep(site.pause)
            self.wfile.write(body[begin : begin + 100_000])


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Site]:
    monkeypatch.setenv("PYRITE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(_download, "_wait", lambda _seconds: None)
    server = Site()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def leftovers() -> set[str]:
    folder = cache_folder() / "downloads"
    return {p.name for p in folder.iterdir() if ".part" in p.name} if folder.is_dir() else set()


def test_a_file_is_fetched_once_and_keeps_its_ending(site: Site) -> None:
    first = fetch(site.url, sha256=SHA256)
    assert first.read_bytes() == CONTENT
    assert first.name.endswith("hf_ckpt.pt")
    assert fetch(site.url, sha256=SHA256) == first
    assert fetch(site.url) == first
    assert site.asked == [None]
    assert not leftovers()


def test_a_broken_download_goes_on_where_it_stopped(site: Site) -> None:
    site.breaks = [200_000, 100_000]
    assert fetch(site.url).read_bytes() == CONTENT
    assert site.asked == [None, "bytes=200000-", "bytes=300000-"]


def test_a_later_call_goes_on_too(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail_from_now_on(_seconds: float) -> None:
        site.statuses = [503]

    site.breaks = [200_000]
    with monkeypatch.context() as patch:
        patch.setattr(_download, "_wait", fail_from_now_on)
        with pytest.raises(CheckpointError, match=r"HTTP 503 .*200000 bytes are kept"):
            fetch(site.url, attempts=3)
    site.statuses, site.asked = [], []
    assert fetch(site.url).read_bytes() == CONTENT
    assert site.asked == ["bytes=200000-"]


def test_without_ranges_it_starts_again(site: Site) -> None:
    site.ranges, site.breaks = False, [200_000]
    assert fetch(site.url).read_bytes() == CONTENT
    assert len(site.asked) == 2


@pytest.mark.parametrize("etags", [('"one"', '"two"'), ('W/"one"', 'W/"two"')])
def test_a_file_that_changed_meanwhile_is_never_mixed(
    site: Site, monkeypatch: pytest.MonkeyPatch, etags: tuple[str, str]
) -> None:
    site.etag, site.breaks = etags[0], [200_000]

    def change(_seconds: float) -> None:
        site.etag, site.content = etags[1], CONTENT[::-1]

    monkeypatch.setattr(_download, "_wait", change)
    assert fetch(site.url).read_bytes() == CONTENT[::-1]


def test_without_a_validator_only_a_checksum_allows_to_go_on(site: Site) -> None:
    site.etag, site.breaks = "", [200_000]
    assert fetch(site.url, sha256=SHA256).read_bytes() == CONTENT
    assert site.asked == [None, "bytes=200000-"]
    site.asked, site.breaks = [], [200_000]
    assert fetch(f"{site.url}?again").read_bytes() == CONTENT
    assert site.asked == [None, None]


def test_a_wrong_checksum_removes_the_file_and_names_both(site: Site) -> None:
    with pytest.raises(CheckpointError, match=rf"is {SHA256}, expected {'0' * 64}.* removed"):
        fetch(site.url, sha256="0" * 64)
    assert not leftovers()
    assert fetch(site.url, sha256=SHA256.upper()).read_bytes() == CONTENT
    assert site.asked == [None, None]


def test_a_cached_file_with_another_checksum_is_fetched_again(site: Site) -> None:
    assert fetch(site.url).read_bytes() == CONTENT
    site.content = CONTENT[::-1]
    assert (
        fetch(site.url, sha256=hashlib.sha256(CONTENT[::-1]).hexdigest()).read_bytes()
        == (CONTENT[::-1])
    )


def test_an_announced_length_that_never_comes_is_told(site: Site) -> None:
    site.announced, site.ranges = len(CONTENT) + 7, False
    with pytest.raises(CheckpointError, match=rf"ended after {len(CONTENT)} of {len(CONTENT) + 7}"):
        fetch(site.url, attempts=2)


def test_not_found_is_told_at_once_and_a_busy_server_is_asked_again(site: Site) -> None:
    site.statuses = [404]
    with pytest.raises(CheckpointError, match=r"HTTP 404"):
        fetch(site.url)
    assert len(site.asked) == 1
    site.statuses = [503, 429]
    assert fetch(site.url).read_bytes() == CONTENT


def test_a_slow_server_is_waited_for_and_a_silent_one_is_not(site: Site) -> None:
    site.pause = 0.05
    assert fetch(site.url, timeout=5.0).read_bytes() == CONTENT
    site.pause = 0.4
    with pytest.raises(CheckpointError, match="timed out"):
        fetch(f"{site.url}?silent", timeout=0.05, attempts=1)


def test_nobody_listens() -> None:
    with pytest.raises(CheckpointError, match="refused"):
        fetch("http://127.0.0.1:9/x.pt", attempts=1)


def test_a_full_disk_is_told_before_and_while_writing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        usage = type("Usage", (), {"free": 10})
        patch.setattr(_download.shutil, "disk_usage", lambda _path: usage)
        with pytest.raises(CheckpointError, match=r"no room left .*PYRITE_CACHE"):
            fetch(site.url)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(_download, "_receive", full)
        with pytest.raises(CheckpointError, match="no room left"):
            fetch(site.url)
    assert fetch(site.url).read_bytes() == CONTENT


def test_two_at_once_fetch_once(site: Site) -> None:
    site.pause = 0.02
    found: list[Path] = []
    threads = [threading.Thread(target=lambda: found.append(fetch(site.url))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert found[0].read_bytes() == CONTENT
    assert site.asked == [None]


def test_file_urls_are_read_in_place(tmp_path: Path) -> None:
    path = tmp_path / "a b.pt"
    path.write_bytes(CONTENT)
    assert fetch(path.as_uri(), sha256=SHA256) == path
    with pytest.raises(CheckpointError, match="expected 000"):
        fetch(path.as_uri(), sha256="0" * 64)
    assert path.exists()
    with pytest.raises(CheckpointError, match="no such file"):
        fetch((tmp_path / "absent").as_uri())


@pytest.mark.parametrize("url", ["ftp://host/x", "s3://bucket/x", "http:///x", "data://x"])
def test_other_schemes_are_refused(url: str) -> None:
    with pytest.raises(CheckpointError, match="only http, https and file"):
        fetch(url)


def test_passwords_do_not_reach_a_message() -> None:
    with pytest.raises(CheckpointError) as caught:
        fetch("https://me:secret@host/x.pt")
    assert "secret" not in str(caught.value)


def test_the_identity_of_a_url_is_its_checksum_or_its_spelling() -> None:
    url = "https://host/x.pt"
    assert Source(name=url, url=url).fingerprint() == f"url:{url}"
    assert Source(name=url, url=url, sha256=SHA256).fingerprint() == f"sha256:{SHA256}"
