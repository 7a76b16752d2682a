"""`pairs: adjacent`: a call's first half against its second half, over whole runs."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import pyrite
from pyrite.models import PairOutput
from pyrite.types import Json
from tests.models.support_gptj import reward_state, write_base
from tests.models.support_scorers import encoded, opened, scores
from tests.steps.experiments import REWARD

EXPERIMENT = """
name: adjacent
doctor: "off"
out: {out}
model: {model}
data: {{id: rows, path: {rows}}}
query:
  id: scores
  requires: [judge, rows]
  pairs: adjacent
  chunk_size: {size}
  save_interval: {save}
  store: [chosen_end_scores, rejected_end_scores, loss]
"""

Judge = Callable[[str, str], PairOutput]


def experiment(
    folder: Path, model: dict[str, Json], answers: Sequence[str], *, size: int, save: int = 100
) -> Path:
    rows = folder / "rows.jsonl"
    lines = [{"prompt": "Why?", "response": answer} for answer in answers]
    rows.write_text("".join(json.dumps(line) + "\n" for line in lines))
    file = folder / "experiment.yml"
    text = EXPERIMENT.format(
        out=folder / "runs",
        model=json.dumps({"id": "judge", **model}),
        rows=rows,
        size=size,
        save=save,
    )
    file.write_text(text)
    return file


def scored(file: Path, *overrides: str) -> pd.DataFrame:
    return pyrite.run(file, overrides=overrides, quiet=True).table("scores")


def pairs_of(answers: Sequence[str], size: int) -> list[list[tuple[int, int]]]:
    """The rows of every pair, call by call, told apart from the code that is tested."""
    calls = [list(range(len(answers)))[at : at + size] for at in range(0, len(answers), size)]
    return [
        list(zip(call[: len(call) // 2], call[len(call) // 2 :], strict=False)) for call in calls
    ]


def check(table: pd.DataFrame, answers: Sequence[str], size: int, judge: Judge) -> None:
    """Every row is what a judge of pairs says of it, or empty where it is in a second half."""
    wanted = {"chosen_end_scores": {}, "rejected_end_scores": {}, "loss": {}}
    for call in pairs_of(answers, size):
        outputs = [judge(answers[first], answers[second]) for first, second in call]
        spoiled = any(one.spoils_call for one in outputs)
        for (first, _), one in zip(call, outputs, strict=True):
            wanted["chosen_end_scores"][first] = one.chosen
            wanted["rejected_end_scores"][first] = math.nan if spoiled else one.rejected
            wanted["loss"][first] = math.nan if spoiled else one.loss
    for name, values in wanted.items():
        expected = pd.Series(values, dtype=float).reindex(range(len(answers)))
        np.testing.assert_allclose(table[name], expected, atol=1e-4, err_msg=name)


# A model that knows nothing of pairs


@pytest.fixture
def length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Json]:
    """A function that gives the length of an answer and writes its calls down."""
    (tmp_path / "reward.py").write_text(REWARD)
    monkeypatch.setenv("REWARD_LOG", str(tmp_path / "scored.log"))
    return {"entrypoint": f"{tmp_path / 'reward.py'}:score"}


def by_length(chosen: str, rejected: str) -> PairOutput:
    margin = len(chosen) - len(rejected)
    return PairOutput(len(chosen), len(rejected), math.log1p(math.exp(-margin)))


def lengths(count: int) -> list[str]:
    """Answers whose length names their row."""
    return ["x" * (1 + index * 7 % count) for index in range(count)]


@pytest.mark.parametrize(
    ("rows", "size"), [(12, 2), (12, 4), (13, 4), (11, 4), (6, 6), (5, 8), (20, 6)]
)
def test_halves_of_calls(tmp_path: Path, length: dict[str, Json], rows: int, size: int) -> None:
    answers = lengths(rows)
    table = scored(experiment(tmp_path, length, answers, size=size))
    check(table, answers, size, by_length)
    firsts = sum(len(call) for call in pairs_of(answers, size))
    assert table["chosen_end_scores"].notna().sum() == firsts
    assert list(table["row_id"]) == list(range(rows))


def test_identical_texts_of_a_plain_model_are_a_tie(
    tmp_path: Path, length: dict[str, Json]
) -> None:
    answers = ["same", "longer one", "same", "other"]
    table = scored(experiment(tmp_path, length, answers, size=4))
    check(table, answers, 4, by_length)
    assert table["loss"][0] == pytest.approx(math.log(2))
    assert table["problem"].isna().all()


def test_the_size_of_a_call_is_part_of_what_is_stored(
    tmp_path: Path, length: dict[str, Json]
) -> None:
    answers = lengths(12)
    file = experiment(tmp_path, length, answers, size=4)
    check(scored(file), answers, 4, by_length)
    check(scored(file, "query.chunk_size=6"), answers, 6, by_length)


def test_a_killed_run_goes_on_with_whole_calls(tmp_path: Path, length: dict[str, Json]) -> None:
    answers = lengths(42)
    # 6 rows between saves are rounded up to two calls of 4.
    file = experiment(tmp_path, length, answers, size=4, save=6)
    env = {**os.environ, "REWARD_SLEEP": "0.05"}
    process = subprocess.Popen([sys.executable, "-m", "pyrite", "run", str(file)], env=env)
    deadline = time.monotonic() + 60
    pattern = "adjacent/*/steps/scores/rows/rows-*.parquet"
    while not list((tmp_path / "runs").glob(pattern)):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    finished = 8 * len(list((tmp_path / "runs").glob(pattern)))
    assert 8 <= finished < 42
    # Another number of rows between saves: what is left still begins with a call.
    run = pyrite.run(file, overrides=["query.save_interval=5"], quiet=True)
    assert f"{finished} of 42 rows were already scored" in " ".join(run.notes)
    check(run.table("scores"), answers, 4, by_length)


# bittensor's reward model, whose pairs share a call


@pytest.fixture(scope="module")
def compat(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Json]:
    folder = tmp_path_factory.mktemp("compat")
    base = write_base(folder / "base")
    torch.save(reward_state(), folder / "hf_ckpt.pt")
    checkpoint = str(folder / "hf_ckpt.pt")
    return {"path": str(base), "ckpt": checkpoint, "reading": "compat", "device": "cpu"}


def judge_of(model: dict[str, Json]) -> Judge:
    scorer = opened(Path(model["path"]), Path(model["ckpt"]))

    def judge(chosen: str, rejected: str) -> PairOutput:
        first, second = (encoded(scorer, f"Why?\n\n{text}") for text in (chosen, rejected))
        return scorer.forward_pairs(first, second)[0]

    return judge


WORDS = ["who won", "the cup", "in 1998", "where was it held", "a", "it", "Paris", "word and word"]


def test_a_compat_model_is_called_with_pairs(tmp_path: Path, compat: dict[str, Json]) -> None:
    table = scored(experiment(tmp_path, compat, [*WORDS, "odd one out"], size=4))
    check(table, [*WORDS, "odd one out"], 4, judge_of(compat))
    assert table["loss"].notna().sum() == 4
    assert table["loss"].std() > 0.01, "losses that hardly differ would prove nothing"


def test_identical_texts_spoil_their_own_call_only(tmp_path: Path, compat: dict[str, Json]) -> None:
    answers = [*WORDS[:4], "same", "the cup", "same", "in 1998", *WORDS[4:]]
    file = experiment(tmp_path, compat, answers, size=4)
    table = scored(file)
    check(table, answers, 4, judge_of(compat))
    assert list(table["loss"].dropna().index) == [0, 1, 8, 9]
    assert list(table["rejected_end_scores"].dropna().index) == [0, 1, 8, 9]
    assert list(table["chosen_end_scores"].dropna().index) == [0, 1, 4, 5, 8, 9]
    scorer = opened(Path(compat["path"]), Path(compat["ckpt"]))
    assert table["chosen_end_scores"][4] == pytest.approx(
        scores(scorer, "Why?\n\nsame")[0], abs=1e-4
    )
    told = table["problem"].dropna()
    assert list(told.index) == [4, 5]
    assert "the same tokens" in told[4]
    assert told[5] == "another pair of this call has two identical texts"
    # With calls of 2 the twins are not in one call, and nothing is spoiled.
    apart = scored(file, "query.chunk_size=2")
    assert apart["loss"].notna().sum() == 6


def test_what_the_score_store_gives_spoils_a_call_too(
    tmp_path: Path, compat: dict[str, Json]
) -> None:
    answers = ["same", "the cup", "same", "in 1998"]
    file = experiment(tmp_path, compat, answers, size=4)
    first = scored(file)
    again = pyrite.run(file, overrides=[f"out={tmp_path}/again"], quiet=True)
    assert any("came from the score store" in note for note in again.notes)
    pd.testing.assert_frame_equal(again.table("scores"), first)
    check(first, answers, 4, judge_of(compat))
    assert first["loss"].isna().all()


def test_texts_scored_alone_lose_nothing(tmp_path: Path, compat: dict[str, Json]) -> None:
    answers = ["same", "the cup", "same", "in 1998"]
    file = experiment(tmp_path, compat, answers, size=4)
    table = scored(file, "query.forward.inference=true")
    scorer = opened(Path(compat["path"]), Path(compat["ckpt"]))
    alone = scores(scorer, *(f"Why?\n\n{text}" for text in answers))
    np.testing.assert_allclose(table["chosen_end_scores"][:2], alone[:2], atol=1e-4)
    np.testing.assert_allclose(table["rejected_end_scores"][:2], alone[2:], atol=1e-4)
    assert table["problem"].isna().all()
    assert table["loss"].isna().all()


@pytest.mark.parametrize("broken", ["first", "middle", "last"])
def test_a_gap_is_filled_with_whole_calls(
    tmp_path: Path, compat: dict[str, Json], broken: str
) -> None:
    answers = [*WORDS, *reversed(WORDS), "odd one out"]
    file = experiment(tmp_path, compat, answers, size=4, save=4)
    run = pyrite.run(file, quiet=True)
    expected = run.table("scores")
    chunks = sorted((run.path / "steps" / "scores" / "rows").glob("rows-*.parquet"))
    assert len(chunks) == 5
    lost = {"first": chunks[:1], "middle": chunks[1:3], "last": chunks[3:]}[broken]
    for chunk in lost:
        chunk.unlink()
    pd.testing.assert_frame_equal(scored(file, "query.save_interval=100"), expected)
