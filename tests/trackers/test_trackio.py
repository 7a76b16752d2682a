from __future__ import annotations

import dataclasses
import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pyrite.errors import TrackerError
from pyrite.trackers import FigureFiles, RunInfo
from pyrite.trackers.trackio import Trackio


def rows(folder: Path, project: str, query: str) -> list[Any]:
    with closing(sqlite3.connect(folder / f"{project}.db")) as database:
        return database.execute(query).fetchall()


def test_a_run_reads_back_from_its_database(
    info: RunInfo,
    figure: FigureFiles,
    nested_table: pa.Table,
    step_folder: Path,
    trackio_folder: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    session = Trackio(project="gold").start(info)
    session.scalars({"query/rows": 10.0, "nothing": float("nan"), "step": 7.0}, step=10)
    session.table("samples", nested_table)
    session.figure(figure)
    session.artifact("query", step_folder, "query")
    session.scalars({"accuracy": 0.75})
    line = session.finish("finished")
    assert line == f"trackio: TRACKIO_DIR={trackio_folder} trackio show --project gold"
    assert capfd.readouterr() == ("", "")

    logged = rows(trackio_folder, "gold", "select run_name, step, metrics from metrics order by id")
    assert {name for name, _, _ in logged} == {"demo"}
    values = [(step, json.loads(metrics)) for _, step, metrics in logged]
    assert (10, {"query/rows": 10.0, "nothing": "NaN", "step_": 7.0}) in values
    assert (10, {"accuracy": 0.75}) in values
    merged = {name: value for _, metrics in values for name, value in metrics.items()}
    assert merged["samples"]["_type"] == "trackio.table"
    assert merged["samples"]["_value"][0]["text"] == "<b>bold</b>"
    assert merged["samples"]["_value"][0]["inner"] == '{"n": 1, "x": "inf"}'
    image = trackio_folder / "media" / merged["score/length"]["file_path"]
    assert image.read_bytes() == figure.png.read_bytes()

    ((config,),) = rows(trackio_folder, "gold", "select config from configs")
    config = json.loads(config)
    assert config["model"] == {"path": "org/model"}
    assert config["hub"] == {"api_key": "(redacted)"}
    assert (config["tags"], config["job_type"]) == (["audit", "first"], "check")
    assert (config["_Group"], config["_Username"]) == ("sweep", None)
    assert rows(trackio_folder, "gold", "select name, type from artifacts") == [
        ("query-query", "query")
    ]


def test_two_runs_of_one_name_stay_apart(info: RunInfo, trackio_folder: Path) -> None:
    for value in (1.0, 2.0):
        session = Trackio(project="twice").start(info)
        session.scalars({"a": value}, step=0)
        session.finish("finished")
    assert rows(trackio_folder, "twice", "select count(distinct run_id) from metrics") == [(2,)]


def test_the_environment_cannot_make_a_local_run_public(
    info: RunInfo, trackio_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("asked the network")

    monkeypatch.setenv("TRACKIO_SPACE_ID", "someone/space")
    monkeypatch.setenv("HF_TOKEN", "hf_" + "a" * 34)
    monkeypatch.setattr("huggingface_hub.whoami", never)
    monkeypatch.setattr("socket.socket.connect", never)
    session = Trackio(project="local").start(info)
    session.scalars({"a": 1.0}, step=0)
    session.finish("finished")
    assert rows(trackio_folder, "local", "select step from metrics") == [(0,)]


def test_a_space_that_cannot_be_reached_is_told_before_work(
    info: RunInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **settings: object) -> None:
        assert settings["space_id"] == "me/space"
        raise ValueError("not logged in to Hugging Face")

    monkeypatch.setattr("trackio.init", refuse)
    with pytest.raises(TrackerError, match=r"Space 'me/space': not logged in .*leave `space` out"):
        Trackio(space="me/space").start(info)


def test_a_project_name_that_trackio_refuses_is_told(info: RunInfo) -> None:
    with pytest.raises(TrackerError, match="project 'registry-x'"):
        Trackio(project="registry-x").start(info)


def test_what_trackio_skips_is_a_failure_not_silence(info: RunInfo, figure: FigureFiles) -> None:
    session = Trackio(project="skips").start(info)
    gone = dataclasses.replace(figure, png=figure.png.with_name("gone.png"))
    with pytest.raises((TrackerError, ValueError), match="gone"):
        session.figure(gone)
    session.finish("finished")


def test_without_the_library_the_extra_is_named(
    info: RunInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "trackio", None)
    with pytest.raises(TrackerError, match=r"pip install 'pyrite\[trackio\]'"):
        Trackio().start(info)
