"""A small Hugging Face hub on loopback, for the real client libraries.

`huggingface_hub`, `datasets` and `transformers` talk to it as they do to the real one: model and
data set information, trees, files with commit and ETag, branches, tags, commits, private
repositories, ranges. The libraries read `HF_ENDPOINT` when they are imported, so the code that
uses the hub runs in a process of its own (`run`, or `env` for a process started otherwise)::

    with Hub() as hub:
        commit = hub.add_dataset("someone/pairs", folder)
        print(hub.run("import datasets; print(datasets.load_dataset('someone/pairs'))", home=tmp))
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

Files = dict[str, bytes]


@dataclass
class Repo:
    """One repository: every commit it ever had, and the names that point to them."""

    name: str
    kind: str
    private: bool = False
    commits: dict[str, Files] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)

    def commit(self, revision: str) -> str | None:
        if revision in self.commits:
            return revision
        return self.refs.get(revision.removeprefix("refs/heads/"))


class Hub:
    """The server; `requests` lists method and path of what it was asked."""

    token = "hf_token_of_the_test"

    def __init__(self) -> None:
        self.repos: dict[tuple[str, str], Repo] = {}
        self.requests: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def add_model(self, repo: str, folder: Path, *, tag: str = "", private: bool = False) -> str:
        """Publish a folder as the new `main` of a model; returns the commit."""
        return self._add("models", repo, folder, tag, private)

    def add_dataset(self, repo: str, folder: Path, *, tag: str = "", private: bool = False) -> str:
        """Publish a folder as the new `main` of a data set; returns the commit."""
        return self._add("datasets", repo, folder, tag, private)

    def _add(self, kind: str, name: str, folder: Path, tag: str, private: bool) -> str:
        paths = sorted(path for path in Path(folder).rglob("*") if path.is_file())
        files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
        repo = self.repos.setdefault((kind, name), Repo(name, kind))
        digest = hashlib.sha1(f"{kind}/{name}/{len(repo.commits)}".encode())
        for path, content in files.items():
            digest.update(f"{path}:{blob_id(content)}".encode())
        commit = digest.hexdigest()
        repo.private = private
        repo.commits[commit] = files
        repo.refs["main"] = commit
        if tag:
            repo.refs[tag] = commit
        return commit

    def env(self, home: Path, *, offline: bool = False, token: str = "") -> dict[str, str]:
        """The environment of a process that is to use this hub, with its own cache `home`."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "TRANSFORMERS_"))}
        return kept | {
            "HF_ENDPOINT": self.url,
            "HF_HOME": str(home),
            "HF_HUB_OFFLINE": "1" if offline else "0",
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "NO_PROXY": "127.0.0.1,localhost",
            "OMP_NUM_THREADS": "1",
            **({"HF_TOKEN": token} if token else {}),
        }

    def run(self, code: str, home: Path, **env: Any) -> str:
        """Run Python code that uses the hub in a process of its own; returns what it printed."""
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=self.env(home, **env),
            cwd=home,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-4000:]
        return done.stdout

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Hub:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def blob_id(content: bytes) -> str:
    """The id that git gives to a file."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def _entry(path: str, content: bytes) -> dict[str, Any]:
    return {"type": "file", "oid": blob_id(content), "size": len(content), "path": path}


def _tree(files: Files, folder: str, *, recursive: bool) -> list[dict[str, Any]] | None:
    prefix = f"{folder}/" if folder else ""
    below = {path: content for path, content in files.items() if path.startswith(prefix)}
    if not below:
        return None
    folders = {
        path[: len(prefix) + match.start()]
        for path in below
        for match in re.finditer("/", path.removeprefix(prefix))
    }
    entries = [{"type": "directory", "oid": "0" * 40, "size": 0, "path": x} for x in folders]
    entries += [_entry(path, content) for path, content in below.items()]
    if not recursive:
        entries = [x for x in entries if "/" not in str(x["path"]).removeprefix(prefix)]
    return sorted(entries, key=lambda entry: str(entry["path"]))


_INFO = re.compile(r"/api/(models|datasets)/([^/]+(?:/[^/]+)??)(?:/revision/([^/]+))?")
_TREE = re.compile(r"/api/(models|datasets)/([^/]+/[^/]+)/tree/([^/]+)(?:/(.+))?")
_PATHS = re.compile(r"/api/(models|datasets)/([^/]+/[^/]+)/paths-info/([^/]+)")
_REFS = re.compile(r"/api/(models|datasets)/([^/]+/[^/]+)/refs")
_FILE = re.compile(r"/(datasets/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)")


class _RefusedError(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


def _handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._serve()

        def do_HEAD(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def log_message(self, format: str, *args: Any) -> None:
            return

        def _serve(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            address = urlsplit(self.path)
            hub.requests.append(f"{self.command} {address.path}")
            try:
                self._route(address.path, parse_qs(address.query), parse_qs(raw.decode()))
            except _RefusedError as refused:
                headers = {"X-Error-Code": refused.code, "X-Error-Message": str(refused)}
                self._send({"error": str(refused)}, refused.status, headers)

        def _route(
            self, path: str, query: dict[str, list[str]], form: dict[str, list[str]]
        ) -> None:
            if match := _TREE.fullmatch(path):
                kind, name, revision, folder = match.groups()
                commit, files = self._files(kind, name, revision)
                recursive = query.get("recursive", ["false"])[0].lower() in ("true", "1")
                tree = _tree(files, unquote(folder or ""), recursive=recursive)
                if tree is None:
                    raise _RefusedError(404, "EntryNotFound", f"no folder {folder}")
                self._send(tree)
            elif match := _PATHS.fullmatch(path):
                commit, files = self._files(*match.groups())
                wanted = form.get("paths", [])
                entries = [_entry(x, files[x]) for x in wanted if x in files]
                folders = [x for x in wanted if _tree(files, x, recursive=False) and x not in files]
                entries += [{"type": "directory", "oid": "0" * 40, "path": x} for x in folders]
                self._send(entries)
            elif match := _REFS.fullmatch(path):
                repo = self._repo(*match.groups())
                branch = {
                    "name": "main",
                    "ref": "refs/heads/main",
                    "targetCommit": repo.refs["main"],
                }
                tags = [
                    {"name": name, "ref": f"refs/tags/{name}", "targetCommit": commit}
                    for name, commit in repo.refs.items()
                    if name != "main"
                ]
                self._send({"branches": [branch], "tags": tags, "converts": []})
            elif match := _INFO.fullmatch(path):
                kind, name, revision = match.groups()
                commit, files = self._files(kind, name, revision or "main")
                siblings = [
                    {"rfilename": x, "size": len(y), "blobId": blob_id(y)} for x, y in files.items()
                ]
                info = {"_id": commit[:24], "id": name, "sha": commit, "siblings": siblings}
                self._send(info | {"private": False, "tags": [], "downloads": 0, "likes": 0})
            elif match := _FILE.fullmatch(path):
                kind = "datasets" if match[1] else "models"
                self._send_file(kind, match[2], match[3], unquote(match[4]))
            else:
                raise _RefusedError(404, "RepoNotFound", f"nothing at {path}")

        def _repo(self, kind: str, name: str) -> Repo:
            repo = hub.repos.get((kind, name))
            allowed = self.headers.get("Authorization") == f"Bearer {hub.token}"
            if repo is None or (repo.private and not allowed):
                raise _RefusedError(401, "RepoNotFound", "Repository not found")
            return repo

        def _files(self, kind: str, name: str, revision: str) -> tuple[str, Files]:
            repo = self._repo(kind, name)
            commit = repo.commit(unquote(revision))
            if commit is None:
                raise _RefusedError(404, "RevisionNotFound", f"Invalid rev id: {unquote(revision)}")
            return commit, repo.commits[commit]

        def _send_file(self, kind: str, name: str, revision: str, path: str) -> None:
            commit, files = self._files(kind, name, revision)
            if path not in files:
                raise _RefusedError(404, "EntryNotFound", f"Entry not found: {path}")
            content, status = files[path], 200
            headers = {"X-Repo-Commit": commit, "ETag": f'"{blob_id(content)}"'}
            headers |= {"Accept-Ranges": "bytes", "X-Linked-Size": str(len(content))}
            wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
            if wanted:
                start, end = int(wanted[1]), int(wanted[2] or len(content) - 1)
                end = min(end, len(content) - 1)
                headers["Content-Range"] = f"bytes {start}-{end}/{len(content)}"
                content, status = content[start : end + 1], 206
            self._send_bytes(content, status, headers | {"Content-Type": "text/plain"})

        def _send(
            self, content: Any, status: int = 200, headers: dict[str, str] | None = None
        ) -> None:
            kind = {"Content-Type": "application/json"}
            self._send_bytes(json.dumps(content).encode(), status, kind | (headers or {}))

        def _send_bytes(self, content: bytes, status: int, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

    return Handler
