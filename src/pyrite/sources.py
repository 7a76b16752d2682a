"""Where model and data files come from, and the identity of their content.

A name in an experiment is one of three things: `builtin:name` (ships with the package), a local
path, or a repository on a Hugging Face hub. Local content is identified by the SHA-256 of the
files, hub content by the resolved commit. Hashes of large files are remembered by size, time and
inode, so that planning is quick the second time; nothing here loads a model or needs a network.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from pyrite.types import Json

__all__ = [
    "Source",
    "cache_folder",
    "hash_file",
    "hash_text",
    "hub_commit",
    "locate",
    "resolve_commit",
    "weight_files",
]

BUILTIN = "builtin:"


@dataclass(frozen=True, slots=True)
class Source:
    """Something whose content is part of an identity.

    Exactly one of `files` (local), `repo` (hub) and `url` is set. `kind` is the hub's repository
    type, `model` or `dataset`; `sha256` is what the content of a URL is said to be.
    """

    name: str
    files: tuple[Path, ...] = ()
    repo: str = ""
    revision: str | None = None
    kind: str = "model"
    url: str = ""
    sha256: str | None = None

    def fingerprint(self) -> str | None:
        """`sha256:...` of the files or `commit:...` of the repository; None if not known offline.

        A URL is identified by its given checksum, else only by its spelling (`url:...`).

        Raises:
            FileNotFoundError: a local file does not exist.
        """
        if self.repo:
            commit = hub_commit(self.repo, self.revision, self.kind)
            return f"commit:{commit}" if commit else None
        if self.url:
            return f"sha256:{self.sha256}" if self.sha256 else f"url:{self.url}"
        if len(self.files) == 1:
            # What one file is called does not change what it holds.
            return f"sha256:{hash_file(self.files[0])}"
        parts = [f"{path.name}:{hash_file(path)}" for path in sorted(self.files)]
        return "sha256:" + hash_text("\n".join(parts))


def cache_folder() -> Path:
    """Pyrite's cache: `$PYRITE_CACHE`, else `$XDG_CACHE_HOME/pyrite`, else `~/.cache/pyrite`."""
    if given := os.environ.get("PYRITE_CACHE"):
        return Path(given)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "pyrite"


def hash_text(text: str) -> str:
    """SHA-256 of a text in hex; lone surrogates are hashed as they are."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def hash_file(path: Path) -> str:
    """SHA-256 of a file in hex, remembered by (path, size, mtime, inode)."""
    path = path.resolve()
    stat = path.stat()
    key = hash_text(f"{path}|{stat.st_size}|{stat.st_mtime_ns}|{stat.st_ino}")
    memo = cache_folder() / "hashes" / f"{key}.json"
    if stat.st_size > 1 << 20:
        known = _read_memo(memo)
        if known:
            return known
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if stat.st_size > 1 << 20:
        _write_memo(memo, digest)
    return digest


def _read_memo(memo: Path) -> str | None:
    try:
        value: Json = json.loads(memo.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, str) and len(value) == 64 else None


def _write_memo(memo: Path, digest: str) -> None:
    _remember(memo, json.dumps(digest))


def _remember(place: Path, text: str) -> None:
    # What is remembered only saves time or a network: a read-only or full disk stops no run.
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=place.parent, delete=False) as stream:
            stream.write(text)
        Path(stream.name).replace(place)
    except OSError:
        return


def hub_commit(repo: str, revision: str | None, kind: str) -> str | None:
    """The commit that `revision` (default `main`) names, as far as it is known offline.

    Known is what the local hub cache says, or what a run was told last: a run fetches files by
    commit, which leaves no name in the hub cache. The later of the two counts.
    """
    revision = revision or "main"
    if len(revision) == 40 and all(c in "0123456789abcdef" for c in revision):
        return revision
    reference = _hub_cache() / f"{kind}s--{repo.replace('/', '--')}" / "refs" / revision
    places = [place for place in (reference, _told(repo, revision, kind)) if place.is_file()]
    if not places:
        return None
    latest = max(places, key=lambda place: place.stat().st_mtime_ns)
    return latest.read_text(encoding="utf-8").strip()


def _hub_cache() -> Path:
    home = os.environ.get("HF_HOME") or str(Path.home() / ".cache" / "huggingface")
    return Path(os.environ.get("HF_HUB_CACHE") or Path(home) / "hub")


def _told(repo: str, revision: str, kind: str) -> Path:
    """Where the commit that a hub told is remembered, apart for each hub and each hub cache."""
    hub = os.environ.get("HF_ENDPOINT", "")
    key = hash_text(f"{hub}|{_hub_cache().absolute()}|{kind}|{repo}|{revision}")
    return cache_folder() / "commits" / key


def locate(name: str, base: Path | None = None) -> Path | None:
    """The local file or folder that `name` means, or None where it is a hub repository.

    Args:
        name: `builtin:...`, a path (absolute, or relative to `base`), or a hub id.
        base: folder that relative paths start from; the working directory if None.

    Raises:
        FileNotFoundError: it can only be a path (`./x`, `/x`, `x.csv`) and does not exist.
    """
    if name.startswith(BUILTIN):
        from pyrite.assets import asset_path

        return asset_path(name.removeprefix(BUILTIN))
    path = Path(name).expanduser()
    if base is not None and not path.is_absolute():
        path = base / path
    if path.exists():
        return path
    if _must_be_path(name):
        raise FileNotFoundError(f"{path}: no such file or folder")
    return None


def _must_be_path(name: str) -> bool:
    suffixes = {".jsonl", ".json", ".csv", ".parquet", ".gz", ".pt", ".bin", ".safetensors"}
    return name.startswith((".", "/", "~")) or Path(name).suffix in suffixes or name.count("/") > 1


def weight_files(folder: Path) -> Iterable[Path]:
    """All regular files of a model folder that decide scores: weights, configuration, tokenizer."""
    wanted = {".json", ".safetensors", ".bin", ".pt", ".model", ".txt", ".jinja", ".py", ".gz"}
    return sorted(p for p in folder.iterdir() if p.is_file() and p.suffix in wanted)


def resolve_commit(repo: str, revision: str | None, kind: str) -> str:
    """The commit that a revision names on the hub now; from the local cache where it is offline.

    Raises:
        FileNotFoundError: neither the hub nor the cache knows the repository.
    """
    from huggingface_hub import HfApi, constants, get_session
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    # The client's own errors (no network, no such host) come from the HTTP package that the hub's
    # library uses, which is not the same in all of its versions.
    http = import_module(type(get_session()).__module__.partition(".")[0])
    cached = hub_commit(repo, revision, kind)
    if constants.HF_HUB_OFFLINE and cached:
        return cached
    try:
        info = HfApi().repo_info(repo, revision=revision, repo_type=kind, timeout=10)
    except (HfHubHTTPError, OfflineModeIsEnabled, http.HTTPError, OSError, ValueError) as error:
        if cached:
            return cached
        raise FileNotFoundError(
            f"{repo}: not a local path, not in the hub cache, and the hub did not give it "
            f"({type(error).__name__}: {str(error).splitlines()[0]}); check the name, log in with "
            "`hf auth login`, or give a local folder"
        ) from error
    _remember(_told(repo, revision or "main", kind), str(info.sha))
    return str(info.sha)
