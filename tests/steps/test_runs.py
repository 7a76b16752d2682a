"""Whole runs: what is stored, what is reused, what survives a kill, damage and a full disk."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

import pyrite as pyrite_package
from pyrite.errors import StoreError
from tests.steps.experiments import pyrite, write_experiment


def scored(log: Path) -> Counter[str]:
    return Counter(log.read_text().splitlines())


def test_a_run_leaves_tables_figures_and_a_manifest(tmp_path: Path, log: Path) -> None:
    run = pyrite_package.run(write_experiment(tmp_path), quiet=True)
    table = run.table("scores")
    assert list(table["score"]) == [len(text) for text in table["response"]]
    assert list(table["row_id"]) == list(range(40))
    assert run.path.parent == tmp_path / "runs" / "small"
    assert run.figures
    assert all(figure.is_file() for figure in run.figures)
    assert any("Spearman" in finding and "n = 40" in finding for finding in run.findings)
    manifest = run.manifest
    assert manifest["status"] == "finished"
    assert {"python", "packages", "hardware"} <= set(manifest["environment"])
    assert [step["id"] for step in manifest["steps"]] == ["length", "rows", "scores", "surface"]
    assert (run.path / "experiment.yml").is_file()
    again = pyrite_package.load(run.path / "experiment.yml")
    assert again.canonical() == pyrite_package.load(tmp_path / "experiment.yml").canonical()


def test_running_again_scores_nothing(tmp_path: Path, log: Path) -> None:
    file = write_experiment(tmp_path)
    first = pyrite_package.run(file, quiet=True)
    before = scored(log)
    second = pyrite_package.run(file, quiet=True)
    assert second.path == first.path
    assert scored(log) == before
    assert {s["how"] for s in second.manifest["steps"] if s["kind"] != "model"} == {"reused"}


def test_what_cannot_change_a_score_does_not_make_it_new(tmp_path: Path, log: Path) -> None:
    file = write_experiment(tmp_path)
    pyrite_package.run(file, quiet=True)
    before = scored(log)
    changes = ["query.chunk_size=8", "query.save_interval=7", "analyze.compute=[num_words]"]
    for change in changes:
        pyrite_package.run(file, overrides=[change], quiet=True)
    assert scored(log) == before
    pyrite_package.run(file, overrides=["data.sample={n: 20}"], quiet=True)
    assert sum(scored(log).values()) == sum(before.values()) + 20


def test_only_analyze_reuses_and_says_so_or_refuses(tmp_path: Path, log: Path) -> None:
    file = write_experiment(tmp_path)
    env = dict(os.environ)
    refused = pyrite("run", file, "--only", "analyze", env=env)
    assert refused.returncode == 1
    assert "scores: not run because of --only" in refused.stderr
    pyrite_package.run(file, quiet=True)
    before = scored(log)
    change = "analyze.compute=[num_words, num_sentences]"
    done = pyrite("run", file, "--only", "analyze", "--set", change, env=env)
    assert done.returncode == 0, done.stderr
    assert "scores: stored before" in done.stderr
    assert scored(log) == before


def test_a_killed_run_loses_no_finished_chunk_and_repeats_none(tmp_path: Path, log: Path) -> None:
    file = write_experiment(tmp_path, rows=60, save=10)
    env = {**os.environ, "REWARD_SLEEP": "0.05"}
    process = subprocess.Popen([sys.executable, "-m", "pyrite", "run", str(file)], env=env)
    chunks = tmp_path / "runs" / "small"
    deadline = time.monotonic() + 60
    while len(list(chunks.glob("*/steps/scores/rows/rows-*.parquet"))) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    finished = len(list(chunks.glob("*/steps/scores/rows/rows-*.parquet"))) * 10
    assert 20 <= finished < 60
    run = pyrite_package.run(file, quiet=True)
    assert len(run.table("scores")) == 60
    times = scored(log)
    assert {times[f"prompt {i}"] for i in range(finished)} == {1}
    assert all(count <= 2 for count in times.values())
    assert f"{finished} of 60 rows were already scored" in " ".join(run.notes)


def test_a_damaged_chunk_is_done_again_never_believed(tmp_path: Path, log: Path) -> None:
    file = write_experiment(tmp_path)
    run = pyrite_package.run(file, quiet=True)
    expected = list(run.table("scores")["score"])
    chunk = sorted((run.path / "steps" / "scores" / "rows").glob("*.parquet"))[1]
    chunk.write_bytes(chunk.read_bytes()[:-20])
    again = pyrite_package.run(file, quiet=True)
    assert list(again.table("scores")["score"]) == expected
    assert sum(scored(log).values()) == 50


def test_a_full_disk_stops_cleanly_and_the_run_goes_on_later(
    tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_experiment(tmp_path)
    real = os.fsync

    def full(descriptor: int) -> None:
        if len(list(tmp_path.glob("runs/*/*/steps/scores/rows/rows-*"))) >= 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="no room left"):
        pyrite_package.run(file, quiet=True)
    monkeypatch.setattr(os, "fsync", real)
    run = pyrite_package.run(file, quiet=True)
    assert len(run.table("scores")) == 40
    assert scored(log)["prompt 0"] == 1
    assert not list(run.path.rglob("*.tmp*"))


def test_two_runs_of_one_experiment_at_once(tmp_path: Path, log: Path) -> None:
    file = write_experiment(tmp_path, rows=40)
    env = {**os.environ, "REWARD_SLEEP": "0.1"}
    process = subprocess.Popen([sys.executable, "-m", "pyrite", "run", str(file)], env=env)
    try:
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob("runs/small/*/steps/scores")):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        second = pyrite("run", file, env=env)
        assert second.returncode == 1
        assert f"process {process.pid} is working on this run" in second.stderr
    finally:
        process.kill()
        process.wait()


def test_mistakes_end_with_status_2_and_start_nothing(tmp_path: Path, log: Path) -> None:
    file = write_experiment(tmp_path, extra="queri: {}\n")
    file.write_text(file.read_text().replace("requires: [scores]", "requires: [scorse]"))
    done = pyrite("run", file, env=dict(os.environ))
    assert done.returncode == 2
    assert "2 mistakes in the experiment" in done.stderr
    assert "queri" in done.stderr
    assert "scorse" in done.stderr
    assert "'scores'" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "runs").exists()


def test_a_dry_run_prints_the_plan_and_touches_nothing(tmp_path: Path, log: Path) -> None:
    file = write_experiment(tmp_path)
    env = dict(os.environ)
    before = pyrite("run", file, "--dry-run", env=env)
    assert before.returncode == 0, before.stderr
    assert [line.split()[:2] for line in before.stdout.splitlines()] == [
        ["model", "length"],
        ["data", "rows"],
        ["query", "scores"],
        ["analyze", "surface"],
    ]
    assert before.stdout.count("to do") == 3
    assert not (tmp_path / "runs").exists()
    assert not scored(log)
    run = pyrite_package.run(file, quiet=True)
    after = pyrite("run", file, "--dry-run", env=env)
    assert after.stdout.count(f"stored in {run.path}") >= 3


def test_the_same_from_python_objects_has_the_same_identity(tmp_path: Path, log: Path) -> None:
    file = write_experiment(tmp_path)
    from_yaml = pyrite_package.load(file)
    built = pyrite_package.Experiment(
        name="small",
        out=str(tmp_path / "runs"),
        model=pyrite_package.PythonCallable(
            id="length", entrypoint=f"{tmp_path / 'reward.py'}:score"
        ),
        data=pyrite_package.DataSection(id="rows", path=str(tmp_path / "rows.jsonl")),
        query=pyrite_package.QuerySection(id="scores", save_interval=10),
        analyze=from_yaml.analyses[0],
    )
    assert pyrite_package.run(file, quiet=True).path == pyrite_package.run(built, quiet=True).path
