"""The four blocks of the original project's README, pasted into one file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pyrite.config import loads
from pyrite.experiment import Experiment

_BLOCK = re.compile(r"^```yaml\n(?P<text>.*?)^```\n(?P<stray> +entrypoint: \w+\n)?", re.M | re.S)


@pytest.fixture(scope="module")
def blocks(shared_data: Path) -> list[tuple[str, str]]:
    document = shared_data.parent / "seed" / "reward_model_analysis.md"
    if not document.is_file():
        pytest.skip(f"the original README is not here ({document})")
    found = [(m["text"], m["stray"] or "") for m in _BLOCK.finditer(document.read_text("utf-8"))]
    assert len(found) == 4
    return found


@pytest.fixture
def pasted(blocks: list[tuple[str, str]]) -> str:
    return "".join(text + stray for text, stray in blocks)


def load(text: str) -> Experiment:
    return loads(text, file="seed.yml", env={})


def test_every_key_is_understood(pasted: str) -> None:
    content = load(pasted).canonical()
    (model,), (data,), (query,), (analysis,) = (
        content[key] for key in ("model", "data", "query", "analyze")
    )
    assert model["id"] == "my_reward_model"
    assert model["path"] == "EleutherAI/gpt-j-6b"
    assert model["ckpt"].endswith("/Dahoas/gptj-rm-static/resolve/main/hf_ckpt.pt")
    assert model["entrypoint"] == "RewardModel"
    assert (data["id"], data["path"], data["split"]) == ("my_data", "nq_open", "train")
    assert data["schema"] == {"prompt": "question", "response": "answer"}
    assert data["sample"] == {"method": "first", "n": 1000, "seed": 42}
    assert (query["id"], query["requires"]) == ("my_query", ["my_reward_model", "my_data"])
    assert (query["entrypoint"], query["chunk_size"]) == ("RewardModel", 1)
    assert query["message"] == {"roles": "default", "unravel": "default", "base_prompt": None}
    assert query["tokenizer"] == {"truncation": False, "max_length": 550, "padding": "max_length"}
    assert query["forward"] == {
        "inference": False,
        "args": {"return_dict": True, "output_attentions": False, "output_hidden_states": True},
        "topk": 10,
    }
    assert [item["name"] for item in query["store"]] == [
        "loss",
        "chosen_end_scores",
        "rejected_end_scores",
        "hidden_states",
        "tokens",
        "embeddings",
    ]
    assert (analysis["id"], analysis["requires"]) == ("my_analysis", ["my_query"])
    assert content["track"] == [{"kind": "wandb", "project": "pyrite", "mode": None}]
    assert content["name"] == "seed"


def test_the_analysis_is_understood(pasted: str) -> None:
    (analysis,) = load(pasted).canonical()["analyze"]
    assert [(item["id"], item["name"], item["of"]) for item in analysis["compute"]] == [
        ("question_length", "question_length", "auto"),
        ("num_words", "num_words", "question"),
        ("avg_word_length", "avg_word_length", "question"),
        ("my_sentence_embedding", "embedding", "auto"),
    ]
    assert analysis["compute"][3]["args"] == {
        "type": "sentence",
        "path": "sentence-transformers/all-MiniLM-L6-v2",
    }
    (estimator,) = analysis["estimators"]
    assert (estimator["id"], estimator["name"]) == ("gbr", "GradientBoostingRegressor")
    assert estimator["args"] == {
        "n_estimators": 100,
        "min_samples_leaf": 5,
        "validation_fraction": 0.1,
        "n_iter_no_change": 10,
        "random_state": 0,
        "verbose": 1,
        "subsample": 0.9,
    }
    assert analysis["predict"] == [
        {"target": target, "x": ["my_sentence_embedding"], "estimator": "gbr", "folds": 5}
        for target in ("loss", "chosen_end_scores")
    ]
    surface = ["question_length", "num_words", "avg_word_length"]
    targets = ("loss", "chosen_end_scores", "rejected_end_scores")
    assert analysis["plot"] == [{"y": target, "x": surface} for target in targets]


def test_the_user_is_told_what_was_repaired_and_assumed(pasted: str) -> None:
    line = pasted[: pasted.index("sample: default")].count("\n") + 1
    features = pasted[: pasted.index("- num_words")].count("\n") + 1
    repaired, measured = load(pasted).warnings
    assert repaired == (
        f"seed.yml:{line}: sample: 'sample: default' followed by an indented block is not YAML; "
        "read as the block alone"
    )
    assert measured.startswith(
        f"seed.yml:{features}: analyze.compute.1: num_words, avg_word_length: measured on the "
        "question"
    )


def test_the_line_outside_the_fence_is_not_needed(blocks: list[tuple[str, str]]) -> None:
    whole = "".join(text + stray for text, stray in blocks)
    without = "".join(text for text, _ in blocks)
    at_top = without + "entrypoint: RewardModel\n"
    assert load(whole) == load(without) == load(at_top)


def test_the_resolved_file_says_the_same_without_warnings(pasted: str) -> None:
    experiment = load(pasted)
    again = load(experiment.to_yaml())
    assert again == experiment
    assert again.warnings == ()


def test_the_first_sections_alone_are_an_experiment(blocks: list[tuple[str, str]]) -> None:
    for count in (1, 2, 3):
        text = "".join(text + stray for text, stray in blocks[:count])
        experiment = load(text)
        assert len(experiment.queries) == (count == 3)
