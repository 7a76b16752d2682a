"""The run directory: what it holds, who may write it, and what may be reused.

::

    runs/<name>/<plan id>/
        experiment.yml    the resolved experiment
        manifest.json     versions, seeds, identities, hardware
        events.jsonl      what happened, when
        report.json       the report as data, and report.html for people; made from the rest
        run.lock          held while a process works here
        steps/<id>/       meta.json (written last) and the step's tables

A step folder belongs to one identity, written in `identity` when it is made. A step is done when
its `meta.json` says so and the files it lists are there with the sizes it lists. A done step with
the same identity is taken from any other run below the same folder, by hard link where possible.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from pyrite.errors import CorruptArtifactError, NewerFormatError, RunInUseError, StoreError
from pyrite.files import read_json, storage_errors, write_json, write_text
from pyrite.types import Json

__all__ = ["FORMAT", "RunFolder", "StepFolder", "find_step", "open_run"]

FORMAT = 1
"""Version of the run directory's layout; a newer one is refused, never guessed at."""


class StepFolder:
    """The folder of one step; `meta` is None until the step is done."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def meta(self) -> dict[str, Json] | None:
        """What the step left when it finished, or None."""
        value = read_json(self.path / "meta.json")
        return value if isinstance(value, dict) and value.get("status") == "done" else None

    @property
    def identity(self) -> str | None:
        """The identity that this folder's content belongs to, finished or not."""
        value = read_json(self.path / "identity.json")
        return value["identity"] if isinstance(value, dict) else None

    def begin(self, identity: str) -> None:
        """Make the folder for `identity`; what an older identity left is removed."""
        if self.identity == identity:
            return
        if self.path.exists():
            shutil.rmtree(self.path)
        write_json(self.path / "identity.json", {"identity": identity})

    def finish(self, meta: dict[str, Json]) -> None:
        """Record that the step is done, with the size of every file it left."""
        files = {str(p.relative_to(self.path)): p.stat().st_size for p in self._files()}
        write_json(self.path / "meta.json", {**meta, "status": "done", "files": files})

    def done(self, identity: str) -> bool:
        """Whether this step is finished under `identity` and its files are whole."""
        if self.identity != identity or (meta := self.meta) is None:
            return False
        return all(
            (self.path / name).is_file() and (self.path / name).stat().st_size == size
            for name, size in meta["files"].items()
        )

    def adopt(self, other: StepFolder) -> None:
        """Take the files of a step with the same identity from another run."""
        if other.path == self.path:
            return
        with storage_errors(self.path):
            if self.path.exists():
                shutil.rmtree(self.path)
            self.path.mkdir(parents=True)
            # meta.json last: without it the folder counts as unfinished.
            for source in sorted(other._files(), key=lambda p: p.name == "meta.json"):
                target = self.path / source.relative_to(other.path)
                target.parent.mkdir(parents=True, exist_ok=True)
                _link(source, target)
            if (other.path / "meta.json").is_file():
                _link(other.path / "meta.json", self.path / "meta.json")

    def require(self, name: str) -> Path:
        """The path of a file that a finished step must have.

        Raises:
            CorruptArtifactError: it is gone or has another size than recorded.
        """
        path, meta = self.path / name, self.meta
        recorded = (meta or {}).get("files", {}).get(name)
        if not path.is_file() or path.stat().st_size != recorded:
            raise CorruptArtifactError(
                f"{path}: missing or changed since it was written; delete {self.path} and run again"
            )
        return path

    def _files(self) -> Iterator[Path]:
        for path in sorted(self.path.rglob("*")):
            if path.is_file() and path.name != "meta.json" and ".tmp" not in path.suffixes:
                yield path


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


class RunFolder:
    """The folder of one run of one plan."""

    def __init__(self, path: Path) -> None:
        self.path = path
        value = read_json(path / "manifest.json")
        version = value.get("format", FORMAT) if isinstance(value, dict) else FORMAT
        if version > FORMAT:
            raise NewerFormatError(
                f"{path}: written by a newer Pyrite (format {version}, this one knows {FORMAT}); "
                "upgrade Pyrite, or choose another `out:` folder"
            )

    def step(self, step_id: str) -> StepFolder:
        """The folder of a step of this run."""
        return StepFolder(self.path / "steps" / step_id)

    @property
    def manifest(self) -> dict[str, Json]:
        """The manifest; empty before the first run."""
        value = read_json(self.path / "manifest.json")
        return value if isinstance(value, dict) else {}

    def write_manifest(self, manifest: dict[str, Json]) -> None:
        """Replace the manifest."""
        write_json(self.path / "manifest.json", {**manifest, "format": FORMAT})

    def write_experiment(self, text: str) -> None:
        """Write the resolved experiment file."""
        write_text(self.path / "experiment.yml", text)

    def event(self, kind: str, **fields: Json) -> None:
        """Append one line to `events.jsonl`."""
        line = json.dumps({"time": round(time.time(), 3), "event": kind, **fields}, default=str)
        path = self.path / "events.jsonl"
        with storage_errors(path), path.open("a", encoding="utf-8", errors="replace") as stream:
            stream.write(line + "\n")

    def events(self) -> list[dict[str, Json]]:
        """All whole lines of `events.jsonl` (a kill may have cut the last one)."""
        path = self.path / "events.jsonl"
        found = []
        for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
            with contextlib.suppress(ValueError):
                found.append(json.loads(line))
        return found

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold this run; the operating system gives the lock back when the process dies.

        Raises:
            RunInUseError: another process holds it.
        """
        path = self.path / "run.lock"
        with storage_errors(path):
            self.path.mkdir(parents=True, exist_ok=True)
            stream = path.open("a+", encoding="utf-8")
        with stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                stream.seek(0)
                holder = stream.read().strip() or "unknown"
                raise RunInUseError(
                    f"{self.path}: process {holder} is working on this run; wait for it (what it "
                    "finishes is reused), or write elsewhere with --set out=FOLDER"
                ) from None
            stream.truncate(0)
            stream.write(str(os.getpid()))
            stream.flush()
            yield


def find_step(out: Path, identity: str, *, done: bool = True) -> StepFolder | None:
    """A step with this identity in any run below `out`: finished, or with `done` False begun."""
    for marker in sorted(out.glob("*/*/steps/*/identity.json")):
        folder = StepFolder(marker.parent)
        if folder.identity == identity and (not done or folder.done(identity)):
            return folder
    return None


def open_run(path: Path) -> RunFolder:
    """Open an existing run directory.

    Raises:
        StoreError: there is no run at this path.
        CorruptArtifactError: its manifest cannot be read.
    """
    if not (path / "manifest.json").is_file():
        if not path.exists():
            raise StoreError(
                f"{path}: not a run directory: nothing is there; `pyrite run` says at its end "
                "where its run is"
            )
        raise StoreError(f"{path}: not a run directory (it has no manifest.json)")
    folder = RunFolder(path)
    if not {"name", "steps"} <= set(folder.manifest):
        raise CorruptArtifactError(
            f"{path / 'manifest.json'}: damaged; run the experiment again (what is stored is kept)"
        )
    return folder
