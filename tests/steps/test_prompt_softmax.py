"""`norm: softmax`: an answer's weight among the answers to its prompt, and its column in a run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import pyrite
from pyrite.steps.prompt_softmax import SHORTEST, prompt_softmax
from tests.models.support_gptj import reward_state, write_base

Rows = list[tuple[float, int, int]]

rows = st.lists(
    st.tuples(
        st.one_of(st.floats(-50, 50), st.just(float("nan"))),
        st.integers(0, 4),
        st.integers(0, 40),
    ),
    max_size=30,
)


def weights(rows: Rows) -> np.ndarray:
    scores, prompts, lengths = np.array(rows, dtype=float).reshape(-1, 3).T
    return prompt_softmax(scores, prompts.astype(np.int64), lengths.astype(np.int64))


@given(rows)
def test_what_weights_are(rows: Rows) -> None:
    scores, prompts, lengths = np.array(rows, dtype=float).reshape(-1, 3).T
    found = weights(rows)
    assert np.array_equal(np.isnan(found), np.isnan(scores))
    assert np.all(found[~np.isnan(scores) & (lengths <= 10)] == 0)
    counted = ~np.isnan(scores) & (lengths > 10)
    assert np.all(found[counted] > 0)
    assert np.all(found[counted] <= 1)
    for prompt in np.unique(prompts[counted]):
        mine = counted & (prompts == prompt)
        assert np.nansum(found[prompts == prompt]) == pytest.approx(1)
        exact = torch.softmax(torch.tensor(scores[mine]), dim=0).numpy()
        np.testing.assert_allclose(found[mine], exact, rtol=1e-9)


@given(rows, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(rows: Rows, random: np.random.RandomState) -> None:
    order = list(range(len(rows)))
    random.shuffle(order)
    shuffled = weights([rows[index] for index in order])
    np.testing.assert_allclose(shuffled, weights(rows)[order], rtol=1e-9)


@given(rows, st.floats(-1e4, 1e4))
def test_only_differences_count(rows: Rows, shift: float) -> None:
    moved = [(score + shift, prompt, length) for score, prompt, length in rows]
    np.testing.assert_allclose(weights(moved), weights(rows), rtol=1e-6)


def test_large_scores_do_not_overflow() -> None:
    found = weights([(1e5, 0, 20), (1e5 - 1, 0, 20), (-1e5, 0, 20), (1e6, 1, 20)])
    np.testing.assert_allclose(found, [1 / (1 + np.exp(-1)), 1 / (1 + np.exp(1)), 0, 1])


def test_the_shortest_answer_that_counts() -> None:
    assert list(weights([(5.0, 0, SHORTEST - 1), (0.0, 0, SHORTEST)])) == [0, 1]
    assert SHORTEST == 11


# A whole run

EXPERIMENT = """
name: weighed
doctor: "off"
out: {out}
model:
  id: judge
  entrypoint: RewardModel
  path: {base}
  ckpt: {checkpoint}
  device: cpu
  norm: softmax
data: {{id: rows, path: {rows}, schema: {{prompt: prompt, response: response}}}}
query:
  id: scores
  requires: [judge, rows]
  save_interval: 7
analyze:
  id: surface
  requires: [scores]
  compute: [num_words]
  bootstrap: 100
  estimators: [{{ridge: {{name: Ridge}}}}]
  predict: [{{softmax: {{x: num_words, estimator: ridge}}}}]
  plot: [{{softmax: [num_words]}}]
"""
TEXTS = ["who won the cup", "it was held in 1998", "Paris", "word word word word", "too long " * 60]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    base = write_base(tmp_path / "base")
    torch.save(reward_state(), tmp_path / "hf_ckpt.pt")
    data = tmp_path / "rows.jsonl"
    # Answers to one prompt are far apart and in different chunks.
    lines = [
        {"prompt": f"question {index % 12}", "response": text[index % 3 :] + "?" * (index // 12)}
        for index, text in enumerate(text for text in TEXTS for _ in range(12))
    ]
    data.write_text("".join(json.dumps(line) + "\n" for line in lines))
    written = tmp_path / "experiment.yml"
    written.write_text(
        EXPERIMENT.format(
            out=tmp_path / "runs", base=base, checkpoint=tmp_path / "hf_ckpt.pt", rows=data
        )
    )
    return written


def test_the_column_and_the_target_of_a_run(file: Path) -> None:
    run = pyrite.run(file, quiet=True)
    table = run.table("scores")
    long = table["response"].str.len() > 100
    assert long.sum() == 12
    assert table["score"].isna().equals(long)
    assert table["softmax"].isna().equals(long)
    brief = table["response"].str.len() <= 10
    assert brief.sum() == 12
    assert (table["softmax"][brief] == 0).all()
    counted = table[~long & ~brief]
    for _, answers in counted.groupby("prompt"):
        assert len(answers) == 3
        exact = torch.softmax(torch.tensor(answers["score"].to_numpy()), dim=0).numpy()
        np.testing.assert_allclose(answers["softmax"], exact, rtol=1e-9)
    assert counted["softmax"].std() > 0.05, "weights that hardly differ would prove nothing"
    assert any("softmax" in text and "out of fold" in text for text in run.findings)
    assert any("softmax" in figure.name for figure in run.figures)


def test_the_scores_are_those_without_the_norm(file: Path) -> None:
    weighed = pyrite.run(file, quiet=True).table("scores")
    overrides = ["model.norm=default", "analyze.predict=[]", "analyze.plot=[]"]
    plain = pyrite.run(file, overrides=overrides, quiet=True).table("scores")
    assert "softmax" not in plain.columns
    np.testing.assert_allclose(weighed["score"], plain["score"], atol=1e-6)


def test_a_plain_model_has_no_such_target(file: Path) -> None:
    run = pyrite.run(file, overrides=["model.norm=default"], quiet=True)
    assert any("softmax was not analysed" in note for note in run.notes)
