"""Ctrl-C in a slow query: the exit status, what is said, and going on later."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyrite as pyrite_package
from tests.end_to_end.programs import half_written
from tests.steps.experiments import write_experiment


def test_an_interrupted_run_says_how_to_go_on_and_goes_on(tmp_path: Path) -> None:
    file = write_experiment(tmp_path, rows=40, save=5)
    log = tmp_path / "scored.log"
    env = {**os.environ, "REWARD_LOG": str(log), "REWARD_SLEEP": "0.05"}
    process = subprocess.Popen(
        [sys.executable, "-m", "pyrite", "run", str(file)],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    chunks = tmp_path / "runs" / "small"
    deadline = time.monotonic() + 60
    while len(list(chunks.glob("*/steps/scores/rows/rows-*.parquet"))) < 2:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert out.strip() == ""
    assert err.splitlines()[-1] == (
        "pyrite: interrupted; what is finished is kept: run the same command again to go on"
    )
    assert half_written(tmp_path) == []
    (path,) = chunks.iterdir()
    assert pyrite_package.Run(path).manifest["status"] == "interrupted"
    finished = 5 * len(list(path.glob("steps/scores/rows/rows-*.parquet")))
    assert 10 <= finished < 40

    done = subprocess.run(
        [sys.executable, "-m", "pyrite", "run", str(file), "--only", "query"],
        env={**env, "REWARD_SLEEP": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"scores: {finished} of 40 rows were already scored" in done.stderr
    assert len(pyrite_package.Run(path).table("scores")) == 40
    times = log.read_text().splitlines()
    assert all(times.count(f"prompt {i}") == 1 for i in range(finished))
