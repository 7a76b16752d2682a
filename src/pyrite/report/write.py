"""The files of a report: `report.json` first, then `report.html`, both in the run directory."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ValidationError

from pyrite.errors import StoreError
from pyrite.files import write_text
from pyrite.report import SCHEMA_VERSION, Report
from pyrite.report.build import build
from pyrite.runs import HTML, Run

__all__ = ["DATA", "find_run", "read_report", "write_report"]

DATA = "report.json"


def write_report(run_path: Path) -> Path:
    """Write both files; an older report is removed first, so that none is taken for this one.

    Returns:
        The path of `report.html`.

    Raises:
        StoreError: there is no run at this path, or a file cannot be written.
        CorruptArtifactError: a file of the run is gone or damaged.
    """
    from pyrite.report.html import render

    run = Run(run_path)
    data, page = run.path / DATA, run.path / HTML
    for old in (page, data):
        old.unlink(missing_ok=True)
    report = build(run)
    # Texts as they are, without escapes for other scripts than ASCII: half the size for some.
    text = json.dumps(report.model_dump(), ensure_ascii=False, allow_nan=False)
    write_text(data, f"{text}\n")
    write_text(page, render(report, run.path))
    return page


def read_report(path: Path) -> Report:
    """Read a `report.json`.

    Raises:
        StoreError: it is not there, not whole, or from a newer Pyrite.
    """
    again = f"write it again: pyrite report {path.parent}"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error.strerror}); {again}") from error
    except ValueError as error:
        raise StoreError(f"{path}: not whole JSON ({error}); {again}") from error
    version = content.get("schema_version") if isinstance(content, dict) else None
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise StoreError(
            f"{path}: written by a newer Pyrite (schema {version}, this one knows "
            f"{SCHEMA_VERSION}); upgrade Pyrite, or {again}"
        )
    try:
        return Report.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise StoreError(f"{path}: not a report ({where}: {first['msg']}); {again}") from error


def find_run(given: Path) -> Path:
    """A run directory as it is; of an experiment's file the newest run.

    Raises:
        ConfigError: the experiment has mistakes.
        StoreError: there is no run.
    """
    if given.is_dir() or not given.exists():
        return given
    from pyrite.config import load

    experiment = load(given)
    folder = Path(experiment.out) / experiment.name
    found = sorted(folder.glob("*/manifest.json"), key=lambda path: path.stat().st_mtime_ns)
    if not found:
        raise StoreError(f"{given}: no run of it in {folder}; first: pyrite run {given}")
    return found[-1].parent
