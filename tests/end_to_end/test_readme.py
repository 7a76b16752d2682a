"""The README tells the truth: its experiment loads and runs, its commands exist, its code works."""

from __future__ import annotations

import csv
import re
import shlex
from pathlib import Path

import pytest

import pyrite
from pyrite.types import Json
from tests.end_to_end.programs import pyrite as command
from tests.models.zoo import build_classifier

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The README's experiment.yml with a tiny classifier and a small answers.csv beside it."""
    monkeypatch.chdir(tmp_path)
    build_classifier(tmp_path / "model", "llama")
    with (tmp_path / "answers.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["question", "answer"])
        writer.writerows(
            [f"What is {i}?", "It is " + "very " * (i % 9) + "well."] for i in range(60)
        )
    text = next(block for block in blocks("yaml") if "experiment.yml" in block)
    text = text.replace("org/reward-model-or-folder", str(tmp_path / "model"))
    (tmp_path / "experiment.yml").write_text(text)
    return tmp_path


def test_the_experiment_and_the_python_code_run(folder: Path) -> None:
    (code,) = blocks("python")
    names: dict[str, Json] = {}
    exec(compile(code, "README.md", "exec"), names)
    run = names["run"]
    assert list(run.table("scores").columns)[:2] == ["row_id", "group"]
    assert len(run.table("scores")) == 60
    assert run.path.is_dir()
    assert run.figures


def test_the_commands_exist(folder: Path) -> None:
    listed = next(block for block in blocks("text") if "--dry-run" in block)
    ended = []
    for line in listed.splitlines():
        words = shlex.split(line, comments=True)
        assert words[0] == "pyrite"
        if ">" in words:
            words = words[: words.index(">")]
        ended.append(command(*words[1:]))
    assert [one.status for one in ended] == [0] * len(ended), [one.err for one in ended]


def test_files_that_are_named_exist() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert len(links) > 8
    missing = [link for link in links if not (ROOT / link).exists()]
    assert not missing


def test_its_counts_are_right() -> None:
    from pyrite.features import FEATURES

    (count,) = re.findall(r"(\d+) features of texts", README)
    assert int(count) == len(FEATURES.names())
    assert {"RewardModel", "GatingModel"} <= set(pyrite.__all__)
