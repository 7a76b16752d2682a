"""`pyrite replay` and what it takes: whole runs, in this process and on the command line."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

import pyrite
from pyrite import Run, api
from pyrite.errors import ConfigError, PyriteError, StoreError
from tests.steps.experiments import pyrite as command
from tests.steps.exploit_runs import MAGIC, experiment, model, rows, run

pytestmark = pytest.mark.usefixtures("log")


@pytest.fixture
def proved(tmp_path: Path) -> Run:
    return run(tmp_path, rows(80, pairs=True), [model(tmp_path, magic=3.0)])


def other(folder: Path, lines: list[dict[str, Any]] | None = None, **fields: Any) -> Path:
    """An experiment with another checkpoint of the model."""
    return experiment(folder, lines or rows(60), [model(folder, "after", **fields)])


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


class TestWhatIsLeft:
    def test_a_suite_and_pairs(self, proved: Run) -> None:
        (suite,) = proved.suites
        (line,) = lines(suite)
        assert suite.name == "exploits.jsonl"
        assert line["label"] == "magic"
        (card,) = proved.cards
        assert json.loads(card.with_suffix(".json").read_text())["id"] == line["id"]
        assert f"| id | {line['id'].replace('-', '&#45;')} |" in card.read_text() or (
            line["id"] in card.read_text()
        )
        (path,) = proved.pairs
        pairs, about = lines(path), lines(path.with_name("pairs.about.jsonl"))
        assert path.name == "pairs.trl.jsonl"
        assert len(pairs) == len(about) > 100
        for pair, where in zip(pairs, about, strict=True):
            assert set(pair) == {"prompt", "chosen", "rejected"}
            assert pair["rejected"].endswith(MAGIC)
            assert not pair["chosen"].endswith(MAGIC)
            assert pair["chosen"].endswith("what one says here.")
            assert where["id"] == line["id"]
        assert {one["split"] for one in about} == {"discovery", "confirmation"}

    def test_the_pairs_load_as_a_data_set(self, proved: Run) -> None:
        from datasets import Dataset

        (path,) = proved.pairs
        loaded = Dataset.from_list(lines(path))
        assert loaded.column_names == ["prompt", "chosen", "rejected"]
        assert {feature.dtype for feature in loaded.features.values()} == {"string"}

    def test_conversations_stay_conversations(self, tmp_path: Path) -> None:
        talks = []
        for line in rows(60):
            before = [
                {"role": "user", "content": "Hello."},
                {"role": "assistant", "content": "Hello!"},
                {"role": "user", "content": line["prompt"]},
            ]
            talks.append(
                {"messages": [*before, {"role": "assistant", "content": line["response"]}]}
            )
        talks[0]["messages"] = talks[0]["messages"][2:]
        done = run(tmp_path, talks, [model(tmp_path, magic=3.0)])
        (path,) = done.pairs
        turns = set()
        for pair in lines(path):
            turns.add(len(pair["prompt"]))
            assert pair["prompt"][-1]["role"] == "user"
            assert [turn["role"] for turn in pair["chosen"]] == ["assistant"]
            assert pair["rejected"][0]["content"] == f"{pair['chosen'][0]['content']} {MAGIC}"
        assert turns == {1, 3}

    def test_without_findings_there_is_an_empty_suite_and_no_pairs(self, tmp_path: Path) -> None:
        done = run(tmp_path, rows(60), [model(tmp_path)])
        assert [path.read_text() for path in done.suites] == [""]
        assert done.pairs == []
        again = api.replay(done.path, other(tmp_path, magic=3.0), quiet=True)
        assert again.replayed == []
        assert "nothing to replay" in again.findings[0]


class TestReplay:
    def test_a_model_that_still_has_it(self, proved: Run, tmp_path: Path) -> None:
        done = api.replay(proved.path, other(tmp_path, magic=2.0), quiet=True)
        (one,) = done.replayed
        assert one["status"] == "persists"
        # All prompts confirm.
        assert one["effect"]["prompts"] == 60
        assert one["proved"]["effect"] == lines(proved.suites[0])[0]["effect"]
        summary, sentence = done.findings
        assert summary.startswith("1 replayed: 1 persists, 0 fixed, 0 not told apart")
        assert "60 prompts" in sentence
        assert "where it was proved" in sentence
        assert done.path.parent.name == "small-replay"
        assert {step["kind"] for step in done.manifest["steps"]} == {"model", "data", "replay"}

    def test_a_model_that_was_mended(self, proved: Run, tmp_path: Path) -> None:
        (one,) = api.replay(proved.suites[0], other(tmp_path), quiet=True).replayed
        assert one["status"] == "fixed"
        assert one["effect"]["high"] < 0.2

    def test_the_same_again_is_reused_and_another_suite_is_not(
        self, proved: Run, tmp_path: Path, log: Path
    ) -> None:
        file = other(tmp_path, magic=2.0)
        first = api.replay(proved.path, file, quiet=True)
        scored = log.read_text()
        second = api.replay(proved.suites[0], file, quiet=True)
        assert second.path == first.path
        assert [s["how"] for s in second.manifest["steps"] if s["kind"] == "replay"] == ["reused"]
        assert log.read_text() == scored
        (line,) = lines(proved.suites[0])
        changed = tmp_path / "changed.jsonl"
        changed.write_text(json.dumps({**line, "rules": {**line["rules"], "smallest": 0.3}}))
        third = api.replay(changed, file, quiet=True)
        assert third.path != first.path
        assert log.read_text() == scored

    def test_a_run_that_was_killed_goes_on(
        self, proved: Run, tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = other(tmp_path, rows(120), magic=2.0)
        log.write_text("")
        monkeypatch.setenv("REWARD_FAILS_AFTER", "300")
        with pytest.raises(KeyboardInterrupt):
            api.replay(proved.path, file, quiet=True)
        monkeypatch.delenv("REWARD_FAILS_AFTER")
        assert 0 < len(log.read_text().splitlines()) <= 300
        done = api.replay(proved.path, file, quiet=True)
        assert done.replayed[0]["status"] == "persists"
        scored = log.read_text().splitlines()
        assert len(scored) == len(set(scored))

    def test_the_budget_is_kept(self, proved: Run, tmp_path: Path, log: Path) -> None:
        file = other(tmp_path, magic=2.0)
        log.write_text("")
        overrides = ["exploit.budget=200"]
        (one,) = api.replay(proved.path, file, overrides=overrides, quiet=True).replayed
        assert len(log.read_text().splitlines()) <= 200
        assert one["status"] == "persists"

    def test_gold_of_the_experiment_is_asked(self, proved: Run, tmp_path: Path) -> None:
        agrees = model(tmp_path, "gold", magic=4.0)
        file = experiment(
            tmp_path, rows(60), [model(tmp_path, "after", magic=2.0), agrees], gold="gold"
        )
        (one,) = api.replay(proved.path, file, quiet=True).replayed
        assert one["verdict"] == "preference"
        assert one["effect_on_gold"]["low"] > 0
        assert one["status"] == "not told apart"

    def test_which_model_and_which_data(self, proved: Run, tmp_path: Path) -> None:
        models = [model(tmp_path, "mended"), model(tmp_path, "worse", magic=5.0)]
        file = experiment(tmp_path, rows(60), models, requires=["mended", "worse", "rows"])
        with pytest.raises(PyriteError, match="say with --model which one is meant: mended, worse"):
            api.replay(proved.path, file, quiet=True)
        with pytest.raises(PyriteError, match="--model: 'best' is none"):
            api.replay(proved.path, file, model="best", quiet=True)
        (one,) = api.replay(proved.path, file, model="worse", quiet=True).replayed
        assert one["status"] == "persists"
        (one,) = api.replay(proved.path, file, model="mended", data="rows", quiet=True).replayed
        assert one["status"] == "fixed"

    def test_recorded_scores_are_refused(self, proved: Run, tmp_path: Path) -> None:
        scored = [{**line, "reward": 1.0} for line in rows(60)]
        recorded = {"id": "recorded", "entrypoint": "Recorded", "column": "reward"}
        file = experiment(tmp_path, scored, [recorded])
        with pytest.raises(ConfigError, match="recorded scores only"):
            api.replay(proved.path, file, quiet=True)

    def test_an_edit_that_changed_is_refused(self, proved: Run, tmp_path: Path) -> None:
        file = other(tmp_path, magic=2.0)
        mine = tmp_path / "mine.py"
        mine.write_text(mine.read_text() + "\n# changed\n")
        with pytest.raises(StoreError, match="its code has changed since"):
            api.replay(proved.path, file, quiet=True)


def test_the_command_line(proved: Run, tmp_path: Path) -> None:
    env = dict(os.environ)
    still = command("replay", proved.path, other(tmp_path, magic=2.0), "-q", env=env)
    assert still.returncode == 100, still.stderr
    assert f"- {lines(proved.suites[0])[0]['id']} magic: persists: " in still.stdout
    assert "run      " in still.stdout
    mended = command("replay", proved.suites[0], other(tmp_path), env=env)
    assert mended.returncode == 0, mended.stderr
    assert "magic: fixed: " in mended.stdout
    wrong = command("replay", proved.path, other(tmp_path), "--verdict", "fraud", env=env)
    assert wrong.returncode == 2
    assert "expected one of exploit, bias, sensitivity" in wrong.stderr.replace("\n", " ")
    nothing = command("replay", tmp_path / "nothing", other(tmp_path), env=env)
    assert nothing.returncode == 1
    assert "cannot be read as a suite" in nothing.stderr


def test_a_run_names_what_it_left(tmp_path: Path) -> None:
    file = experiment(tmp_path, rows(80), [model(tmp_path, magic=3.0)])
    done = command("run", file, "-q", env=dict(os.environ))
    assert done.returncode == 0, done.stderr
    run_path = next((tmp_path / "runs" / "small").iterdir())
    (suite,) = pyrite.Run(run_path).suites
    assert f"exploits {suite}" in done.stdout
    assert "pairs    " in done.stdout
