"""What every tracker must bear, whatever service it is for."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pyarrow as pa
import pytest

from pyrite.trackers import TRACKERS, FigureFiles, RunInfo, Session, Tracker

ODD_NAMES = ("plain", "a/b c", "../../up", "..", "größe/评分", "step", "", "x\x1b[31m\n{y}[red]")


def test_helpers_are_not_listed_as_trackers() -> None:
    assert TRACKERS.names() == ["trackio", "wandb"]


@pytest.fixture
def allowed(info: RunInfo, account: Path, trackio_folder: Path) -> tuple[Path, ...]:
    return (info.path, account, trackio_folder)


@pytest.mark.parametrize("name", TRACKERS.names())
def test_takes_odd_input_and_finishes_twice(
    name: str,
    info: RunInfo,
    figure: FigureFiles,
    nested_table: pa.Table,
    step_folder: Path,
    capfd: pytest.CaptureFixture[str],
    allowed: tuple[Path, ...],
) -> None:
    before = _files(info.path.parent.parent)
    kind = TRACKERS.get(name)
    assert issubclass(kind, Tracker)
    odd = dataclasses.replace(info, name="../größe 1", config={**info.config, "_hidden": [None]})
    session = kind().start(odd)
    for odd_name in ODD_NAMES:
        session.scalars({odd_name: float("nan"), "inf": float("inf")}, step=3)
        session.scalars({odd_name: 1})
        session.table(odd_name, nested_table)
        session.figure(dataclasses.replace(figure, name=odd_name))
        session.artifact(odd_name, step_folder, "query")
    session.scalars({"late": 1.0}, step=1)
    session.scalars({}, step=4)
    session.table("empty", nested_table.slice(0, 0))
    session.table("no columns", pa.table({}))
    session.table("twice", pa.table([[1], [2]], names=["x", "x"]))
    session.figure(dataclasses.replace(figure, html=None))
    session.artifact("file", step_folder / "meta.json", "analysis")
    line = session.finish("interrupted")
    assert line
    assert session.finish("failed") == line
    assert capfd.readouterr() == ("", "")
    new = _files(info.path.parent.parent) - before
    strays = [path for path in new if not any(path.is_relative_to(home) for home in allowed)]
    assert strays == []


def _files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def test_a_session_by_itself_does_nothing(
    figure: FigureFiles, nested_table: pa.Table, step_folder: Path
) -> None:
    session = Session()
    session.scalars({"a": 1.0})
    session.table("t", nested_table)
    session.figure(figure)
    session.artifact("a", step_folder, "data")
    assert session.finish("finished") is None
