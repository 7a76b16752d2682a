"""At the terminal: a pipe that nobody reads, a full disk, a place without rights, Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.end_to_end.programs import pyrite_process, write_jsonl

PYRITE = [sys.executable, "-m", "pyrite"]

EXPERIMENT = """
out: {folder}/runs
doctor: off
model: {{id: m, entrypoint: {folder}/slow.py:score}}
data: {{id: d, path: {folder}/rows.jsonl}}
exploit: {{id: e, requires: [m, d], edits: [shout, closer], {more}}}
"""

SLOW = """
import time

def score(prompt, response):
    time.sleep(0.02)
    return len(response or "") / 10
"""


def written(folder: Path, more: str = "budget: 2000") -> Path:
    """An experiment with an exploit step that takes some seconds."""
    rows = [{"prompt": f"What is {i}?", "response": f"It is {i} and no more."} for i in range(60)]
    write_jsonl(folder / "rows.jsonl", rows)
    (folder / "slow.py").write_text(SLOW)
    text = EXPERIMENT.format(folder=folder, more=more).replace("shout", "upper_case")
    (folder / "experiment.yml").write_text(text)
    return folder / "experiment.yml"


@pytest.mark.parametrize("family", ["features", "edits"])
def test_a_reader_that_has_enough_is_no_error(family: str) -> None:
    process = subprocess.Popen(
        [*PYRITE, "list", family], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(timeout=30) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_is_said_in_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [*PYRITE, "schema"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert ended.returncode == 1
    assert ended.stderr.startswith("pyrite: No space left on device; what is finished is kept")
    assert "Traceback" not in ended.stderr


def test_a_place_that_cannot_be_written_is_said_with_the_cure(tmp_path: Path) -> None:
    file = written(tmp_path)
    (tmp_path / "runs").write_text("a file where a folder is wanted")
    ended = pyrite_process("run", file, "-q")
    assert (ended.status, ended.out) == (1, "")
    assert f"pyrite: {tmp_path}/runs" in ended.err
    assert "choose another place with `out`" in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("command", [["run", "experiment.yml"], ["demo", "--out", "runs"]])
def test_ctrl_c_stops_cleanly_and_says_how_to_go_on(tmp_path: Path, command: list[str]) -> None:
    written(tmp_path)
    env = {**os.environ, "PYRITE_CACHE": str(tmp_path / "cache")}
    process = subprocess.Popen(
        [*PYRITE, *command],
        cwd=tmp_path,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    seen = ""
    deadline = time.monotonic() + 90
    while "discovery: 0 of" not in seen:
        line = process.stderr.readline()
        assert line, seen
        assert time.monotonic() < deadline
        seen += line
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert out == ""
    assert "Traceback" not in err
    assert err.splitlines()[-1].endswith("run the same command again to go on")


def test_ctrl_c_before_anything_started_is_quiet(tmp_path: Path) -> None:
    file = written(tmp_path)
    given = f"import sys; sys.argv = ['pyrite', 'run', {str(file)!r}]; import pyrite.api\n"
    code = given + (
        "def interrupted(*a, **k): raise KeyboardInterrupt\n"
        "pyrite.api.run = interrupted\nfrom pyrite.cli import main\nmain()"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 130
    assert "Traceback" not in ended.stderr
