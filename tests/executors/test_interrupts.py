"""Ctrl-C and SIGKILL of the driver: nothing goes on running, nothing finished is lost."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

import pyrite as pyrite_package
from tests.steps.experiments import write_experiment

needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None,
    reason="ray is not installed: pip install 'pyrite[ray]'",
)
PROCESSES, RAY = "{kind: processes, workers: 2}", "{kind: ray, num_workers: 2}"
# A killed driver's Ray ends by itself as well; it is not tried here, because it takes 20 seconds.
CASES = [
    pytest.param(PROCESSES, signal.SIGINT, id="processes-ctrl-c"),
    pytest.param(PROCESSES, signal.SIGKILL, id="processes-kill"),
    pytest.param(RAY, signal.SIGINT, id="ray-ctrl-c", marks=needs_ray),
]


def wait_until(what: Callable[[], object], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def marked(mark: str) -> list[int]:
    """Processes that have `mark` in their environment, this one apart.

    Two idle agents of Ray may take a minute to notice that a killed driver is gone.
    """
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            agent = b"Agent" in (folder / "cmdline").read_bytes()
            if mark.encode() in (folder / "environ").read_bytes() and not agent:
                found.append(int(folder.name))
    return [process for process in found if process != os.getpid()]


@pytest.mark.parametrize(("engine", "how"), CASES)
def test_an_ended_driver_leaves_no_process_and_loses_no_chunk(
    tmp_path: Path, engine: str, how: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not Path("/proc/self/environ").exists():
        pytest.skip("needs /proc to find processes")
    log = tmp_path / "scored.log"
    log.touch()
    monkeypatch.setenv("REWARD_LOG", str(log))
    mark = f"PYRITE_TEST_MARK={tmp_path}"
    env = {**os.environ, "REWARD_SLEEP": "0.2", "PYRITE_TEST_MARK": str(tmp_path)}
    file = write_experiment(tmp_path, rows=60, save=5)
    command = [sys.executable, "-m", "pyrite", "run", str(file), "--set", f"engine={engine}"]
    process = subprocess.Popen(command, env=env, stderr=subprocess.PIPE, start_new_session=True)

    def chunks() -> list[Path]:
        return list(tmp_path.glob("runs/small/*/steps/scores/rows/rows-*.parquet"))

    wait_until(lambda: len(chunks()) >= 2)
    assert len(marked(mark)) >= 3
    os.killpg(process.pid, how) if how is signal.SIGINT else process.kill()
    _, said = process.communicate(timeout=60)
    if how is signal.SIGINT:
        assert process.returncode in (130, -signal.SIGINT), said.decode()
        assert b"Traceback" not in said
    wait_until(lambda: not marked(mark), 30)
    finished = len(chunks()) * 5
    assert 10 <= finished < 60
    run = pyrite_package.run(file, quiet=True)
    table = run.table("scores")
    assert list(table["score"]) == [len(text) for text in table["response"]]
    times = Counter(log.read_text().splitlines())
    assert set(times) == {f"prompt {row}" for row in range(60)}
    # At most what two workers had begun was done again.
    assert sum(times.values()) <= 60 + 2 * 5
    assert f"{finished} of 60 rows were already scored" in " ".join(run.notes)
