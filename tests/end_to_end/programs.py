"""Running the program as its user does: in this process where that is enough, else in its own."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyrite.cli import main

ROOT = Path(__file__).resolve().parents[2]

SEED_BLOCK = re.compile(
    r"^```yaml\n(?P<text>.*?)^```\n(?P<stray> +entrypoint: \w+\n)?", re.MULTILINE | re.DOTALL
)
"""A fenced block of the original README, and the line that slipped out below one of them."""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    status: int
    out: str
    err: str


def pyrite(*arguments: str | Path) -> Ended:
    """The command line in this process."""
    out, err = io.StringIO(), io.StringIO()
    status: Any = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as end:
            status = end.code
    return Ended(int(status or 0), out.getvalue(), err.getvalue())


def pyrite_process(
    *arguments: str | Path, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> Ended:
    """The command line in a process of its own."""
    return _process([sys.executable, "-m", "pyrite", *map(str, arguments)], env, cwd)


def main_script(
    *arguments: str | Path, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> Ended:
    """`python3 main ...`, the way the original project was started."""
    return _process([sys.executable, str(ROOT / "main"), *map(str, arguments)], env, cwd)


def _process(command: list[str], env: Mapping[str, str] | None, cwd: Path | None) -> Ended:
    environment = {**os.environ, **(env or {})}
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, cwd=cwd, timeout=120, check=False
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def sets(**values: str | Path) -> list[str]:
    """`--set` options; `__` in a name stands for the dot."""
    pairs = [(name.replace("__", "."), value) for name, value in values.items()]
    return [part for name, value in pairs for part in ("--set", f"{name}={value}")]


def write_jsonl(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """Rows as JSON lines; what ASCII has not is escaped, lone surrogates too."""
    path.write_text("".join(json.dumps(dict(row)) + "\n" for row in rows), encoding="ascii")
    return path


def read_jsonl(path: Path, count: int | None = None) -> list[dict[str, Any]]:
    """The first rows of a JSON lines file that may be packed."""
    stream: Any = gzip.open if path.suffix == ".gz" else open
    with stream(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return rows[:count]


def seed_file(document: Path, target: Path) -> Path:
    """The four blocks of the original README pasted into one file, as they stand."""
    text = document.read_text("utf-8")
    found = [match["text"] + (match["stray"] or "") for match in SEED_BLOCK.finditer(text)]
    assert len(found) == 4
    target.write_text("".join(found), encoding="utf-8")
    return target


def events(run: Path) -> list[dict[str, Any]]:
    """What happened in a run."""
    lines = (run / "events.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def half_written(folder: Path) -> list[Path]:
    """Temporary files that were left behind."""
    return [path for path in folder.rglob("*") if ".tmp" in path.suffixes]
