"""What `pyrite init` cannot use, it refuses with the cure; nothing is written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.init.materials import init, pairs, scored
from tests.models.support_classifier import edit_config, edit_weights
from tests.models.zoo import build_classifier


def refused(folder: Path, name: str, *options: str) -> str:
    """The one message of a command that ends with 1 and writes nothing."""
    ended, out = init(folder, None, name, *options)
    assert (ended.status, ended.out) == (1, "")
    assert not out.exists()
    assert ended.err.startswith("pyrite: ")
    assert "Traceback" not in ended.err
    return ended.err


DATA: dict[str, tuple[bytes | None, str]] = {
    "nothing.csv": (None, "check the spelling of --data"),
    "empty.jsonl": (b"", "the file is empty"),
    "blank.csv": (b"\n\n", "the file is empty"),
    "header.csv": (b"prompt,answer,score\n", "no rows in it"),
    "image.csv": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(100), "a binary file"),
    "image.png": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(100), "a binary file"),
    "half.parquet": (b"PAR1 and no more", "not a readable parquet file"),
    "latin.csv": ("prompt,answer,score\ncaf\xe9,yes,1\n".encode("latin-1"), "save it as UTF-8"),
    "semicolons.csv": (b"prompt;answer;score\na, and b;c;1\n", "separated by ';'"),
    "tabs.tsv": (b"prompt\tanswer\tscore\na\tb\t1\n", "separated by tabs"),
    "numbers.csv": (b"a,b\n1,2\n3,4\n", "no column holds the texts that are scored"),
    "broken.jsonl": (b'{"prompt": "a", "answer": "b"}\n{"prompt": \n', "broken.jsonl:2: not JSON"),
    "plain.txt": (b"just some words\n", "neither the suffix nor the content"),
    "scoreless.csv": (b"prompt,answer\na,b\n", "name a model with --model"),
    "null.jsonl": (
        b'{"prompt": "a", "answer": "b", "score": 1}\n'
        b'{"prompt": "c", "answer": null, "score": 2}\n',
        "null.jsonl:2: column 'answer' is null",
    ),
}


@pytest.mark.parametrize("name", DATA)
def test_data_that_cannot_be_used(tmp_path: Path, name: str) -> None:
    raw, wanted = DATA[name]
    if raw is not None:
        (tmp_path / name).write_bytes(raw)
    message = refused(tmp_path, name)
    assert wanted in message
    assert name in message


def test_pairs_without_scores_of_both_need_a_model(tmp_path: Path) -> None:
    init(tmp_path, pairs(), "pairs.jsonl")
    assert "call them `score_chosen` and `score_rejected`" in refused(tmp_path, "pairs.jsonl")


def _no_head(folder: Path) -> None:
    def change(state: dict[str, object]) -> None:
        del state["score.weight"]

    edit_weights(folder, change)


def _two_labels(folder: Path) -> None:
    edit_config(folder, id2label={"0": "bad", "1": "good"}, label2id={"bad": 0, "good": 1})


def _language_model(folder: Path) -> None:
    edit_config(folder, architectures=["LlamaForCausalLM"])


def _no_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def _broken_config(folder: Path) -> None:
    (folder / "config.json").write_text("{")


def _no_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def _short_weights(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"\xff" * 64)


def _adapter(folder: Path) -> None:
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA"}))
    (folder / "model.safetensors").rename(folder / "adapter_model.safetensors")


def _value_head(folder: Path) -> None:
    def change(state: dict[str, object]) -> None:
        state["v_head.summary.weight"] = state.pop("score.weight")

    edit_weights(folder, change)


MODELS: dict[str, tuple[Callable[[Path], None], str]] = {
    "no head": (_no_head, "have no head (score, classifier)"),
    "two labels": (_two_labels, "write a PythonCallable"),
    "language model": (_language_model, "a language model without a score head"),
    "no config.json": (_no_config, "`path` names a folder with a model"),
    "broken config.json": (_broken_config, "cannot be read as JSON"),
    "no weights": (_no_weights, "no weights here"),
    "short weights": (_short_weights, "fetch it again"),
    "adapter": (_adapter, "merge it into its base model"),
    "another value head": (_value_head, "give it as ./my_reward.py:score"),
}


@pytest.mark.parametrize("what", MODELS)
def test_a_model_folder_that_cannot_be_scored(tmp_path: Path, what: str) -> None:
    spoil, wanted = MODELS[what]
    build_classifier(tmp_path / "model", "llama")
    spoil(tmp_path / "model")
    init(tmp_path, scored(), "answers.csv")
    (tmp_path / "experiment.yml").unlink()
    assert wanted in refused(tmp_path, "answers.csv", "--model", str(tmp_path / "model"))


@pytest.mark.parametrize(
    ("model", "wanted"),
    [
        ("./no/such/folder", "does not exist"),
        ("builtin:nothing", "nothing"),
        ("./mine.py:score", "no such Python file"),
    ],
)
def test_a_model_that_is_not_there(tmp_path: Path, model: str, wanted: str) -> None:
    init(tmp_path, scored(), "answers.csv")
    (tmp_path / "experiment.yml").unlink()
    assert wanted in refused(tmp_path, "answers.csv", "--model", model)
