"""Before a query scores: a failed check stops it, is only said, or is not made; and is recorded."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

import pyrite as pyrite_package
from pyrite import api
from pyrite.cli import main
from pyrite.config import loads, schema
from pyrite.errors import DoctorError, PyriteError
from pyrite.runs import Run

pytestmark = pytest.mark.usefixtures("log")

REWARD = '''
"""A verdict that is the same for all texts, and a healthy score."""
import os


def _log(prompt):
    with open(os.environ["REWARD_LOG"], "a") as log:
        log.write(prompt + "\\n")


def constant(prompt: str, response: str) -> float:
    _log(prompt)
    return 1.0


def healthy(prompt: str, response: str) -> float:
    _log(prompt)
    return len(response) + len(prompt) / 9
'''

EXPERIMENT = """
name: small
out: {out}
doctor: {doctor}
model: {{id: m, entrypoint: {reward}:{function}}}
data: {{id: rows, path: {rows}}}
query: {{id: scores, requires: [m, rows]}}
"""

COUNT = 40


def write(folder: Path, function: str, doctor: str = "fail") -> Path:
    (folder / "reward.py").write_text(REWARD)
    lines = [{"prompt": f"prompt {i * i}", "response": f"word {i}" * (i + 1)} for i in range(COUNT)]
    (folder / "rows.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    file = folder / f"{function}-{doctor}.yml"
    text = EXPERIMENT.format(
        out=folder / "runs",
        reward=folder / "reward.py",
        rows=folder / "rows.jsonl",
        function=function,
        doctor=doctor,
    )
    file.write_text(text)
    return file


def scored(log: Path) -> Counter[str]:
    return Counter(log.read_text().splitlines())


def events(run: Path) -> list[dict[str, object]]:
    lines = (run / "events.jsonl").read_text().splitlines()
    return [event for event in map(json.loads, lines) if event["event"] == "doctor"]


def meta(run: Run) -> dict[str, object]:
    content: dict[str, object] = json.loads(
        (run.path / "steps" / "scores" / "meta.json").read_text()
    )
    return content


def test_a_failed_check_stops_the_run_before_anything_is_scored(tmp_path: Path, log: Path) -> None:
    with pytest.raises(DoctorError, match="constant fails: all of 16 different texts score 1"):
        pyrite_package.run(write(tmp_path, "constant"), quiet=True)
    assert len(scored(log)) == 16
    (folder,) = (tmp_path / "runs" / "small").iterdir()
    assert not list((folder / "steps" / "scores").glob("rows/*.parquet"))
    (event,) = events(folder)
    findings = event["findings"]
    assert isinstance(findings, list)
    assert {f["check"]: f["status"] for f in findings}["constant"] == "fail"


def test_warn_says_it_records_it_and_goes_on(tmp_path: Path) -> None:
    run = pyrite_package.run(write(tmp_path, "constant", "warn"), quiet=True)
    assert len(run.table("scores")) == COUNT
    notes = " | ".join(run.notes)
    assert "1 failed" in notes
    assert "doctor: constant fails" in notes
    found = meta(run)["doctor"]
    assert isinstance(found, list)
    assert next(f for f in found if f["check"] == "constant")["cure"]


def test_off_makes_no_checks(tmp_path: Path, log: Path) -> None:
    run = pyrite_package.run(write(tmp_path, "constant", "off"), quiet=True)
    assert meta(run)["doctor"] == "not examined"
    assert not events(run.path)
    assert set(scored(log).values()) == {1}


def test_a_healthy_query_is_examined_once(tmp_path: Path, log: Path) -> None:
    file = write(tmp_path, "healthy")
    run = pyrite_package.run(file, quiet=True)
    assert len(events(run.path)) == 1
    assert any(note.startswith("scores: doctor: ") and "passed" in note for note in run.notes)
    before = scored(log)
    again = pyrite_package.run(file, quiet=True)
    assert scored(log) == before
    assert len(events(again.path)) == 1
    assert any(note.startswith("scores: doctor: ") for note in again.notes)


def test_the_key_is_no_part_of_an_identity(tmp_path: Path, log: Path) -> None:
    first = pyrite_package.run(write(tmp_path, "healthy"), quiet=True)
    before = scored(log)
    second = pyrite_package.run(write(tmp_path, "healthy", "off"), quiet=True)
    assert second.path == first.path
    assert scored(log) == before


Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def pyrite(capsys: pytest.CaptureFixture[str]) -> Command:
    """The command line in this process: exit status, stdout and stderr."""

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, said.out, said.err

    return run


def test_the_command(tmp_path: Path, pyrite: Command) -> None:
    status, out, _ = pyrite("doctor", write(tmp_path, "constant", "warn"))
    assert status == 100
    assert "all of 16 different texts score 1" in out
    assert "why: a softmax over one label" in out
    assert "cure: " in out
    assert "\x1b" not in out
    assert not (tmp_path / "runs").exists()
    status, out, _ = pyrite("doctor", write(tmp_path, "healthy"), "--only", "scores")
    assert status == 0
    assert "checks passed" in out
    status, _, err = pyrite("run", write(tmp_path, "constant"))
    assert status == 1
    assert "doctor: warn" in err


def test_the_command_names_queries_that_there_are(tmp_path: Path) -> None:
    file = write(tmp_path, "healthy")
    with pytest.raises(PyriteError, match="did you mean 'scores'"):
        api.examine(file, only=["score"], quiet=True)
    assert list(api.examine(file, quiet=True)) == ["scores"]


def test_hostile_texts_do_not_drive_the_terminal(tmp_path: Path, pyrite: Command) -> None:
    file = tmp_path / "tiny.yml"
    rows = [
        {"prompt": f"{i}\x1b[31m[red]", "response": f"\x1b]0;x\x07 {i}\u202e"} for i in range(9)
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    file.write_text(
        "model: {id: m, path: 'builtin:tiny-reward-model'}\n"
        f"data: {{id: d, path: {tmp_path / 'rows.jsonl'}}}\nquery: {{id: q}}\n"
    )
    status, out, _ = pyrite("doctor", file, "-q")
    assert status == 0
    assert not any(c in out for c in "\x1b\x07\u202e")
    assert "[red]" in out


@pytest.mark.parametrize(
    ("written", "meant"),
    [("off", "off"), ("false", "off"), ("true", "fail"), ("warn", "warn"), ("fail", "fail")],
)
def test_ways_to_write_the_key(written: str, meant: str) -> None:
    text = f"data: {{id: d, path: org/rows}}\ndoctor: {written}\n"
    experiment = loads(text, file="e.yml", env={})
    assert experiment.doctor == meant
    assert loads(experiment.to_yaml(), file="e.yml", env={}).doctor == meant
    assert loads("data: {id: d, path: org/rows}\n", file="e.yml", env={}).doctor == "fail"


def test_the_key_is_in_the_schema_and_a_wrong_value_is_a_mistake() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    for value, right in (("warn", True), (False, True), ("never", False)):
        assert jsonschema.Draft202012Validator(schema()).is_valid({"doctor": value}) == right
    with pytest.raises(pyrite_package.ConfigError, match="'fail', 'warn' or 'off'"):
        loads("data: {id: d, path: org/rows}\ndoctor: never\n", file="e.yml", env={})


def test_the_original_model_is_warned_of_and_not_refused(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "parity" / "bittensor_reward"
    rows = [{"prompt": f"who was number {i}?", "response": f"it was {i * i}"} for i in range(16)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    file = tmp_path / "parity.yml"
    file.write_text(
        f"model: {{id: m, path: {folder / 'base'}, ckpt: {folder / 'hf_ckpt.pt'}}}\n"
        f"data: {{id: d, path: {tmp_path / 'rows.jsonl'}}}\nquery: {{id: q}}\n"
    )
    found = api.examine(file, quiet=True)["q"]
    assert not found.failed
    warnings = [f for f in found.findings if f.status == "warn"]
    assert warnings
    assert all("misreading on purpose" in f.line() for f in warnings)
