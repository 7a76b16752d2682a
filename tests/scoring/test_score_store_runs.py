"""The score store in whole runs, and `pyrite cache`."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

import pyrite as pyrite_package
from pyrite.models import Output
from pyrite.scoring.cached import cached_scorers, prune, shown_lines
from pyrite.scoring.memory import ScoreMemory, Text
from pyrite.scoring.store import ScoreStore, store_folder
from tests.steps.experiments import pyrite, write_experiment

EXPERIMENT = """
name: stored
out: {folder}/{out}
model: {{id: tiny, path: builtin:tiny-reward-model, reading: native}}
data: {{id: rows, path: {folder}/{out}.jsonl}}
query: {{id: scores, requires: [tiny, rows], cache: {cache}}}
"""


def run_over(
    folder: Path, out: str, numbers: range, cache: str = "true"
) -> tuple[dict[str, float], str]:
    """Scores by prompt, and what was said."""
    lines = [{"prompt": f"question {i}?", "response": f"answer {i} it is"} for i in numbers]
    (folder / f"{out}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    file = folder / f"{out}.yml"
    file.write_text(EXPERIMENT.format(folder=folder, out=out, cache=cache))
    run = pyrite_package.run(file, quiet=True)
    table = run.table("scores")
    return dict(zip(table["prompt"], table["score"], strict=True)), " ".join(run.notes)


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many texts each forward pass of a query had; examinations of the model store nothing."""
    counted: list[int] = []
    real = ScoreMemory.keep

    def keep(self: ScoreMemory, texts: Sequence[Text], outputs: Sequence[Output]) -> None:
        counted.append(len(texts))
        real(self, texts, outputs)

    monkeypatch.setattr(ScoreMemory, "keep", keep)
    return counted


def test_other_data_and_other_folders_reuse_every_score(
    tmp_path: Path, computed: list[int]
) -> None:
    first, said = run_over(tmp_path, "first", range(20))
    assert sum(computed) == 20
    assert "score store" not in said
    computed.clear()
    second, said = run_over(tmp_path, "second", range(15, 4, -1))
    assert not computed
    assert second == {prompt: first[prompt] for prompt in second}
    assert "scores: 11 of 11 texts came from the score store" in said
    third, said = run_over(tmp_path, "third", range(10, 30))
    assert sum(computed) == 10
    assert "scores: 10 of 20 texts came from the score store" in said
    assert {prompt: third[prompt] for prompt in third if prompt in first} == {
        prompt: first[prompt] for prompt in first if prompt in third
    }


def test_cache_false_neither_asks_nor_stores_and_changes_no_identity(
    tmp_path: Path, computed: list[int]
) -> None:
    without, _ = run_over(tmp_path, "first", range(5), cache="false")
    assert not store_folder().exists()
    os.rename(tmp_path / "first", tmp_path / "second")
    again, _ = run_over(tmp_path, "second", range(5), cache="true")
    assert again == without
    assert not computed


def test_a_users_function_is_asked_again_by_another_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    monkeypatch.setenv("REWARD_LOG", str(log))
    file = write_experiment(tmp_path)
    asked = []
    for out in ("one", "two"):
        overrides = [f"out={tmp_path / out}"]
        pyrite_package.run(file, overrides=overrides, only=["query"], quiet=True)
        asked.append(log.read_text().count("prompt 7\n"))
    assert 0 < asked[0] == asked[1] - asked[0]
    assert not store_folder().exists()


def fill(key: str, scores: int) -> ScoreStore:
    store = ScoreStore(store_folder(), key, about={"id": f"{key}\x1b[31m", "kind": "RewardModel"})
    import numpy as np

    keys = [i.to_bytes(16, "big") for i in range(scores)]
    store.add(keys, np.zeros((scores, 1)))
    return store


def test_the_cache_is_shown_with_what_people_call_the_models() -> None:
    fill("aaaa", 1200).close()
    live = fill("bbbb", 3)
    shown = {found.key: found for found in cached_scorers()}
    assert (shown["aaaa"].scores, shown["aaaa"].in_use) == (1200, False)
    assert (shown["bbbb"].scores, shown["bbbb"].in_use) == (3, True)
    lines = shown_lines()
    assert lines[-1] == f"{store_folder()}: 2 scorers"
    assert any("aaaa" in line and "1,200 scores" in line for line in lines)
    live.close()
    done = pyrite("cache", env=dict(os.environ))
    assert done.returncode == 0, done.stderr
    assert "1,200 scores" in done.stdout
    assert "\x1b" not in done.stdout


def test_pruning_leaves_what_a_process_is_writing() -> None:
    fill("aaaa", 10).close()
    live = fill("bbbb", 3)
    done = prune()
    assert (done.scorers, done.scores, done.kept_in_use) == (1, 10, 1)
    assert [found.key for found in cached_scorers()] == ["bbbb"]
    live.close()
    assert ScoreStore(store_folder(), "bbbb").find([bytes(16)])[0].all()
    assert prune().scores == 3
    assert not cached_scorers()


def test_pruning_by_age_and_by_key() -> None:
    for key in ("aaaa", "aabb", "bbbb"):
        fill(key, 2).close()
    old = time.time() - 10 * 86_400
    for path in [*(store_folder() / "aabb").iterdir(), store_folder() / "aabb"]:
        os.utime(path, (old, old))
    assert prune(key="aa", older_than=11).scorers == 0
    assert prune(key="aa", older_than=9).scorers == 1
    assert {found.key for found in cached_scorers()} == {"aaaa", "bbbb"}
    assert prune(key="aa").scorers == 1
    assert {found.key for found in cached_scorers()} == {"bbbb"}


def test_using_a_store_makes_it_young() -> None:
    fill("aaaa", 2).close()
    old = time.time() - 10 * 86_400
    for path in [*(store_folder() / "aaaa").iterdir(), store_folder() / "aaaa"]:
        os.utime(path, (old, old))
    len(ScoreStore(store_folder(), "aaaa"))
    assert prune(older_than=5).scorers == 0


def test_the_command_deletes_only_what_is_named() -> None:
    fill("aaaa", 10).close()
    env = dict(os.environ)
    for wrong in (["--prune"], ["--all"], ["--prune", "--all", "--model", "aaaa"]):
        refused = pyrite("cache", *wrong, env=env)
        assert refused.returncode == 2
        assert "--older-than" in refused.stderr
    assert cached_scorers()
    done = pyrite("cache", "--prune", "--model", "aaaa", env=env)
    assert "deleted 10 scores of 1 scorers" in done.stdout
    assert not cached_scorers()
