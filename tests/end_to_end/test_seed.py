"""The four blocks of the original README, run for real the way that README says."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pyrite import Run
from tests.end_to_end.programs import Ended, main_script, read_jsonl, seed_file, sets

ROWS = 120
STORED = ["loss", "chosen_end_scores", "rejected_end_scores", "tokens"]
SURFACE = ["question_length", "num_words", "avg_word_length"]


@pytest.fixture(scope="module")
def document(shared_data: Path) -> Path:
    path = shared_data.parent / "seed" / "reward_model_analysis.md"
    if not path.is_file():
        pytest.skip(f"the original README is not here ({path})")
    return path


@pytest.fixture(scope="module")
def seed(
    document: Path, shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Run, Ended]:
    """The run, and how the command ended."""
    folder = tmp_path_factory.mktemp("seed")
    seed_file(document, folder / "seed.yml")
    parity = shared_data / "parity" / "bittensor_reward"
    # Only what cannot be had here is another: the 6B model, the hub's data, the sentence model.
    options = sets(
        model__path=parity / "base",
        model__ckpt=parity / "hf_ckpt.pt",
        data__path=shared_data / "nq_open" / "nq_open_dev.jsonl.gz",
        data__sample__n=str(ROWS),
        analyze__compute__embedding__type="model",
        analyze__bootstrap="200",
        tags="[seed, audit]",
        group="originals",
        job_type="reproduce",
    )
    env = {"WANDB_MODE": "offline", "PYRITE_CACHE": str(folder / "cache")}
    ended = main_script("--config", "seed.yml", *options, env=env, cwd=folder)
    assert ended.status == 0, ended.err
    (path,) = (folder / "runs" / "seed").iterdir()
    return Run(path), ended


@pytest.fixture(scope="module")
def table(seed: tuple[Run, Ended]) -> pd.DataFrame:
    return seed[0].table("my_query")


def test_every_stored_thing_is_there(seed: tuple[Run, Ended], table: pd.DataFrame) -> None:
    run, ended = seed
    assert set(STORED) <= set(table.columns)
    assert len(table) == ROWS
    assert table["chosen_end_scores"].notna().all()
    assert table["loss"].isna().all()
    assert table["rejected_end_scores"].isna().all()
    opened = [line for line in ended.err.splitlines() if "opening the model: done" in line]
    assert len(opened) == 1
    assert "…" not in opened[0]
    why = (
        "my_query: loss, rejected_end_scores: not measured, because the data has no pairs; "
        "a text scored alone has no loss"
    )
    assert why in run.notes
    assert why in ended.err.splitlines()
    query = run.query("my_query")
    assert {"hidden_states", "embeddings"} <= set(query.vector_names)
    assert query.vectors("hidden_states").shape == (ROWS, 16)
    assert query.vectors("embeddings").shape == (ROWS, 16)


def test_the_scores_are_those_of_the_original_code(table: pd.DataFrame, shared_data: Path) -> None:
    golden = _golden(shared_data)
    wanted = golden.reindex(table["prompt"] + "\n\n" + table["response"]).reset_index(drop=True)
    assert wanted.notna().sum() == 20
    error = (table["chosen_end_scores"] - wanted).abs()
    assert error.max() < 1e-4
    assert wanted.std() > 1, "scores that hardly differ would prove nothing"


@cache
def _golden(shared_data: Path) -> pd.Series[float]:
    path = shared_data / "parity" / "bittensor_reward" / "cases.json"
    cases = json.loads(path.read_text("utf-8"))["single"]
    return pd.Series({case["text"]: case["score"] for case in cases})


def test_the_compat_reading_is_what_it_got(seed: tuple[Run, Ended]) -> None:
    run, _ = seed
    facts = json.loads((run.path / "steps" / "my_reward_model" / "meta.json").read_text())["facts"]
    assert facts["reading"] == "compat"
    assert facts["wrapper"] == "<|startoftext|>{text}<|endoftext|>"
    assert facts["precision"] == "float16"


def test_surface_features_are_measured_on_the_question(
    seed: tuple[Run, Ended], table: pd.DataFrame, shared_data: Path
) -> None:
    run, ended = seed
    rows = read_jsonl(shared_data / "nq_open" / "nq_open_dev.jsonl.gz", ROWS)
    questions = [row["question"] for row in rows]
    assert list(table["prompt"]) == questions
    features = pd.read_parquet(run.path / "steps" / "my_analysis" / "features.my_query.parquet")
    (length,) = [name for name in features.columns if "question_length" in name]
    (words,) = [name for name in features.columns if "num_words" in name]
    assert list(features[length]) == [len(question) for question in questions]
    assert list(features[words]) == [len(question.split()) for question in questions]
    assert "measured on the question, as files of this form always were" in ended.err


def test_predictions_and_plots_are_made(seed: tuple[Run, Ended]) -> None:
    run, ended = seed
    surrogates = pd.read_parquet(run.path / "steps" / "my_analysis" / "surrogates.parquet")
    (asked,) = surrogates[surrogates["purpose"] == "named"].to_dict("records")
    assert asked["target"] == "chosen_end_scores"
    assert asked["estimator"] == "gbr: GradientBoostingRegressor"
    assert asked["r2_low"] < asked["r2"] < asked["r2_high"]
    names = [figure.name for figure in run.figures]
    for feature in SURFACE:
        assert any("chosen_end_scores" in name and feature in name for name in names), names
    for figure in run.figures:
        assert figure.read_bytes().startswith(b"\x89PNG")
        assert b"<html" in figure.with_suffix(".html").read_bytes()[:2000]
    for target in ("loss", "rejected_end_scores"):
        assert any(target in note and "not analysed" in note for note in run.notes)
    assert any("my_sentence_embedding" in text and "out of fold" in text for text in run.findings)
    assert str(run.path.name) in ended.out


@pytest.fixture(scope="module")
def offline(seed: tuple[Run, Ended]) -> tuple[Path, list[dict[str, Any]]]:
    """W&B's folder, and every record in it."""
    (folder,) = (seed[0].path / "wandb").glob("offline-run-*")
    command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return folder, [json.loads(line) for line in done.stdout.splitlines()]


def _items(found: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [record[kind] for record in found if record["type"] == kind]


def test_weights_and_biases_has_it_all(
    seed: tuple[Run, Ended], offline: tuple[Path, list[dict[str, Any]]], table: pd.DataFrame
) -> None:
    (run, ended), (folder, found) = seed, offline
    (about, *_) = _items(found, "run")
    assert about["project"] == "pyrite"
    assert about["display_name"] == "seed"
    assert about["tags"] == ["seed", "audit"]
    assert (about["run_group"], about["job_type"]) == ("originals", "reproduce")
    config = about["config"]["update"]
    assert config["plan_id"] == run.path.name
    assert config["query"][0]["store"][0]["name"] == "loss"
    numbers: dict[str, Any] = {}
    for record in _items(found, "summary"):
        numbers |= record["update"]
    assert numbers["my_data/rows"] == ROWS
    assert numbers["my_query/rows"] == ROWS
    assert numbers["my_query/truncated"] == 0
    assert any(name.startswith("my_analysis/") and name.endswith("/r2/low") for name in numbers)
    history: dict[str, Any] = {}
    for record in _items(found, "history"):
        history |= record["item"]
    stored = json.loads((folder / "files" / history["my_query.path"]).read_text("utf-8"))
    at = stored["columns"].index("chosen_end_scores")
    shown = [row[at] for row in stored["data"]]
    assert shown == pytest.approx(list(table["chosen_end_scores"]), abs=1e-6)
    images = [value for key, value in history.items() if key.endswith("._type")]
    assert images.count("image-file") == len(run.figures)
    artifacts = {(x["name"], x["type"]) for x in _items(found, "artifact") if "manifest" in x}
    assert {("query-my_query", "query"), ("analyze-my_analysis", "analyze")} <= artifacts
    assert {("data-my_data", "data"), ("model-my_reward_model", "model")} <= artifacts
    assert f"wandb: offline (as asked); to upload: wandb sync runs/seed/{run.path.name}/" in (
        ended.err
    )


SMALL = """
model:
  id: my_reward_model
  path: builtin:tiny-reward-model
  reading: compat
  tokenizer: default
  embedding: default
  norm: default
  entrypoint: RewardModel
data:
  id: my_data
  path: rows.jsonl
  schema:
    train:
      - row:
        question: question
        answer: answer
  sample: default
    method: first
    n: 30
query:
  id: my_query
  requires:
    - my_reward_model
    - my_data
  entrypoint: RewardModel
  chunk_size: 1
  tokenizer:
    truncation: False
    max_length: 550
    padding: max_length
  forward:
    args:
      input_ids: None
      output_hidden_states: True
  store:
    - chosen_end_scores
    - loss
analyze:
  id: my_analysis
  requires:
    - my_query
  compute:
    - question_length
    - num_words
  plot:
    - chosen_end_scores:
      - question_length
      - num_words
track: []
"""


def test_a_small_file_in_the_same_dialect(tmp_path: Path) -> None:
    """The same with what ships with the program, from another working directory."""
    rows = [
        {"question": "what is " + "very " * (i % 6) + f"number {i}", "answer": [str(i), "none"]}
        for i in range(40)
    ]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "rows.jsonl").write_text(lines)
    (tmp_path / "small.yml").write_text(SMALL)
    ended = main_script("--config=small.yml", "--set", "analyze.bootstrap=100", cwd=tmp_path)
    assert ended.status == 0, ended.err
    (path,) = (tmp_path / "runs" / "small").iterdir()
    run = Run(path)
    table = run.table("my_query")
    assert list(table["response"]) == [str(i) for i in range(30)]
    assert table["chosen_end_scores"].notna().all()
    assert table["loss"].isna().all()
    assert len(run.figures) >= 2
    assert not (path / "wandb").exists()
