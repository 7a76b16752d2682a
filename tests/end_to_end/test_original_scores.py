"""Scores recorded from bittensor's own code, reproduced by whole runs of the program."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyrite as pyrite_package
from pyrite import Run
from tests.end_to_end.programs import write_jsonl

REWARD = """
name: original
out: {folder}/runs
model:
  id: reward
  path: {parity}/bittensor_reward/base
  ckpt: {parity}/bittensor_reward/hf_ckpt.pt
  {more}
data: {{id: rows, path: {folder}/rows.jsonl, schema: {schema}}}
query:
  id: scores
  requires: [reward, rows]
  message: {{unravel: {unravel}}}
  store: [{store}]
"""

PAIRS = "loss, chosen_end_scores, rejected_end_scores, margin, tokens"


@pytest.fixture(scope="module")
def parity(shared_data: Path) -> Path:
    return shared_data / "parity"


def cases(parity: Path, folder: str, key: str) -> list[dict[str, Any]]:
    content = json.loads((parity / folder / "cases.json").read_text("utf-8"))
    return list(content[key])


def run(text: str, folder: Path, rows: list[dict[str, Any]], **fields: Any) -> Run:
    write_jsonl(folder / "rows.jsonl", rows)
    file = folder / "original.yml"
    file.write_text(text.format(folder=folder, **fields))
    return pyrite_package.run(file, quiet=True)


def test_single_texts(parity: Path, tmp_path: Path) -> None:
    golden = cases(parity, "bittensor_reward", "single")
    rows = [{"text": case["text"]} for case in golden]
    schema = "{response: text}"
    fields = {"parity": parity, "more": "", "schema": schema, "unravel": "none", "store": "score"}
    table = run(REWARD, tmp_path, rows, **fields).table("scores")
    np.testing.assert_allclose(table["score"], [case["score"] for case in golden], atol=1e-4)


@pytest.mark.parametrize("batch_tokens", [None, 64])
def test_pairs(parity: Path, tmp_path: Path, batch_tokens: int | None) -> None:
    golden = cases(parity, "bittensor_reward", "pairs")
    rows = [{"chosen": case["chosen"], "rejected": case["rejected"]} for case in golden]
    schema = "{chosen: chosen, rejected: rejected}"
    text = REWARD + (f"  batch_tokens: {batch_tokens}\n" if batch_tokens else "")
    fields = {"parity": parity, "more": "", "schema": schema, "unravel": "none", "store": PAIRS}
    done = run(text, tmp_path, rows, **fields)
    table = done.table("scores")
    for column, key in (
        ("loss", "loss"),
        ("chosen_end_scores", "chosen_end_score"),
        ("rejected_end_scores", "rejected_end_score"),
    ):
        np.testing.assert_allclose(table[column], [case[key] for case in golden], atol=1e-4)
    margin = table["chosen_end_scores"] - table["rejected_end_scores"]
    np.testing.assert_allclose(table["margin"], margin, atol=1e-6)
    assert table["loss"].std() > 0.1
    assert "not measured" not in " ".join(done.notes)


def test_pairs_scored_alone_have_no_loss(parity: Path, tmp_path: Path) -> None:
    golden = cases(parity, "bittensor_reward", "pairs")
    rows = [{"chosen": case["chosen"], "rejected": case["rejected"]} for case in golden]
    schema = "{chosen: chosen, rejected: rejected}"
    text = REWARD + "  forward: {{inference: true}}\n"
    fields = {"parity": parity, "more": "", "schema": schema, "unravel": "none", "store": PAIRS}
    done = run(text, tmp_path, rows, **fields)
    table = done.table("scores")
    assert table["loss"].isna().all()
    assert table["chosen_end_scores"].notna().all()
    wanted = "scores: loss: not measured, because forward.inference scores every text alone"
    assert wanted in done.notes


def test_the_difference_form(parity: Path, tmp_path: Path) -> None:
    golden = cases(parity, "bittensor_reward", "difference")
    (shift,) = {case["shift"] for case in golden}
    rows = [_question_and_answer(case) for case in golden]
    fields = {
        "parity": parity,
        "more": f"norm: shift_diff\n  shift: {shift}",
        "schema": "{prompt: question, response: answer}",
        "unravel": "default",
        "store": "score",
    }
    table = run(REWARD, tmp_path, rows, **fields).table("scores")
    np.testing.assert_allclose(table["score"], [case["score"] for case in golden], atol=1e-4)
    assert (table["score"] != 0).sum() > 3


def _question_and_answer(case: dict[str, Any]) -> dict[str, str]:
    answer = case["completion"]
    question = case["full"].removeprefix("Question: ").removesuffix(f"\nAnswer: {answer}")
    assert case["full"] == f"Question: {question}\nAnswer: {answer}"
    return {"question": question, "answer": answer}


GATING = """
name: gating
out: {folder}/runs
model:
  id: gate
  entrypoint: GatingModel
  path: {parity}/bittensor_gating/base
  ckpt: {parity}/bittensor_gating/gating.torch
  tokenizer: {parity}/bittensor_reward/base
  norm: {norm}
data: {{id: rows, path: {folder}/rows.jsonl, schema: {{prompt: question}}}}
query:
  id: gates
  requires: [gate, rows]
  forward: {{args: {{topk: 3}}}}
  store: [scores, topk_uids, entropy]
analyze:
  id: surface
  requires: [gates]
  compute: [question_length]
  plot: [scores.max: [question_length], entropy: [question_length]]
  bootstrap: 200
"""


@pytest.mark.parametrize("norm", ["none", "softmax"])
def test_the_gating_model(parity: Path, tmp_path: Path, norm: str) -> None:
    golden = cases(parity, "bittensor_gating", "cases")
    rows = [{"question": case["question"]} for case in golden]
    done = run(GATING, tmp_path, rows, parity=parity, norm=norm)
    table = done.table("gates")
    wanted = np.array([case["scores"] for case in golden])
    if norm == "softmax":
        wanted = np.exp(wanted) / np.exp(wanted).sum(axis=1, keepdims=True)
    scores = np.stack(list(table["scores"]))
    np.testing.assert_allclose(scores, wanted, atol=1e-4)
    top = np.stack(list(table["topk_uids"]))
    assert top.shape == (len(golden), 3)
    np.testing.assert_allclose(
        np.take_along_axis(wanted, top, axis=1), -np.sort(-wanted, axis=1)[:, :3], atol=1e-4
    )
    shares = wanted if norm == "softmax" else np.exp(wanted) / np.exp(wanted).sum(1, keepdims=True)
    entropy = -(shares * np.log(shares)).sum(axis=1)
    np.testing.assert_allclose(table["entropy"], entropy, atol=1e-4)
    assert table["entropy"].between(0, math.log(wanted.shape[1])).all()
    stored = done.query("gates")
    np.testing.assert_allclose(stored.numbers("scores.max"), wanted.max(axis=1), atol=1e-4)
    np.testing.assert_allclose(stored.numbers("scores.7"), wanted[:, 7], atol=1e-4)
    names = [figure.name for figure in done.figures]
    assert any("scores.max-question_length" in name for name in names), names
    assert any("entropy-question_length" in name for name in names), names
