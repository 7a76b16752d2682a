"""Models that must not be scored: the message, the exit status, and nothing run or half-written."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import pyrite as pyrite_package
from tests.end_to_end.programs import Ended, events, half_written, pyrite, write_jsonl
from tests.models.support_gptj import reward_state, write_base
from tests.models.zoo import build_classifier, byte_tokenizer, save

EXPERIMENT = """
name: bad
out: {folder}/runs
model: {{id: m, entrypoint: {kind}, path: {model}{more}}}
data: {{id: d, path: {folder}/rows.jsonl}}
query: {{id: q, requires: [m, d]}}
"""


def experiment(folder: Path, *, kind: str, model: Path, more: str = "") -> Path:
    rows = [{"prompt": f"prompt {i}", "response": "word " * (i % 5 + 1)} for i in range(8)]
    write_jsonl(folder / "rows.jsonl", rows)
    file = folder / "bad.yml"
    file.write_text(EXPERIMENT.format(folder=folder, kind=kind, model=model, more=more))
    return file


def value_head(folder: Path, write: Callable[[Path], None]) -> tuple[Path, Path]:
    """An experiment with a value-head checkpoint that `write` leaves, and the checkpoint."""
    base = folder / "base"
    base.mkdir()
    write_base(base)
    checkpoint = folder / "weights.pt"
    write(checkpoint)
    more = f", ckpt: {checkpoint}, device: cpu"
    return experiment(folder, kind="RewardModel", model=base, more=more), checkpoint


def refused(file: Path) -> Ended:
    """Run it: it must fail in opening the model, cleanly, the second time as the first."""
    first, second = pyrite("run", file, "--quiet"), pyrite("run", file, "--quiet")
    assert first == second
    assert first.status == 1
    assert first.out == ""
    assert first.err.startswith("pyrite: ")
    assert "Traceback" not in first.err
    (run,) = (file.parent / "runs" / "bad").iterdir()
    assert half_written(run) == []
    assert not list(run.glob("steps/q/rows/*"))
    assert not (run / "steps" / "q" / "meta.json").exists()
    assert not (run / "steps" / "m" / "meta.json").exists()
    assert pyrite_package.Run(run).manifest["status"] == "failed"
    assert [event["event"] for event in events(run)].count("failed") == 2
    return first


def test_a_truncated_checkpoint(tmp_path: Path) -> None:
    def write(path: Path) -> None:
        torch.save(reward_state(), path)
        path.write_bytes(path.read_bytes()[:-5000])

    file, checkpoint = value_head(tmp_path, write)
    assert refused(file).err == (
        f"pyrite: {checkpoint}: the file ends too early (its directory is missing); "
        "fetch it again\n"
    )


def test_a_truncated_safetensors_file(tmp_path: Path) -> None:
    build_classifier(tmp_path / "classifier", "llama")
    model = tmp_path / "classifier"
    weights = model / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    file = experiment(tmp_path, kind="SequenceClassifier", model=model)
    told = refused(file).err
    assert told.startswith(f"pyrite: {model}: the weights cannot be read, or are not those that ")
    assert told.endswith("; fetch them again\n")


class Bomb:
    """Unpickled by the usual means, it would create a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.target,))


@pytest.mark.parametrize("form", ["bare", "torch"])
def test_a_pickle_that_would_run_code(tmp_path: Path, form: str) -> None:
    proof = tmp_path / "executed"

    def write(path: Path) -> None:
        state = {**reward_state(), "extra": Bomb(proof)}
        if form == "bare":
            path.write_bytes(pickle.dumps(state["extra"]))
        else:
            torch.save(state, path)

    file, checkpoint = value_head(tmp_path, write)
    told = refused(file).err
    assert told.startswith(f"pyrite: {checkpoint}: this pickle wants '")
    assert "is not data; it was refused and nothing in it was run." in told
    assert not proof.exists()
    assert "weights_only" not in told
    if form == "bare":
        pickle.loads(checkpoint.read_bytes())
        assert proof.exists(), "the bomb of this test is a dud"


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers(tmp_path: Path, value: float) -> None:
    def write(path: Path) -> None:
        state = reward_state()
        state["transformer.h.1.mlp.fc_in.weight"][0, :3] = value
        torch.save(state, path)

    file, checkpoint = value_head(tmp_path, write)
    assert refused(file).err == (
        f"pyrite: {checkpoint}: h.1.mlp.fc_in.weight has 3 of 512 values that are NaN or infinite\n"
    )


def test_no_value_head(tmp_path: Path) -> None:
    def write(path: Path) -> None:
        state = reward_state()
        del state["v_head.weight"]
        torch.save({**state, "lm_head.weight": torch.zeros(400, 16)}, path)

    file, checkpoint = value_head(tmp_path, write)
    assert refused(file).err.startswith(
        f"pyrite: {checkpoint}: no value head (v_head.weight), and none is made up; "
        "this is a plain language model. "
    )


def test_a_missing_layer(tmp_path: Path) -> None:
    def write(path: Path) -> None:
        state = reward_state()
        torch.save({k: v for k, v in state.items() if ".h.1.mlp.fc_in." not in k}, path)

    file, checkpoint = value_head(tmp_path, write)
    told = refused(file).err
    assert str(checkpoint) in told
    assert "h.1.mlp.fc_in.weight" in told


def test_a_plain_language_model(tmp_path: Path) -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    ids = {"bos_token_id": 0, "eos_token_id": 1}
    config = GPT2Config(n_embd=32, n_layer=1, n_head=2, vocab_size=320, **ids)
    folder = tmp_path / "language_model"
    save(folder, GPT2LMHeadModel(config), byte_tokenizer())
    file = experiment(tmp_path, kind="SequenceClassifier", model=folder)
    assert refused(file).err == (
        f"pyrite: {folder}: GPT2LMHeadModel is a language model without a score head, and a fresh "
        "one would give noise; name the reward model itself, or the entrypoint that was made for "
        "it\n"
    )


def test_a_tokenizer_without_a_pad_token_changes_no_score(tmp_path: Path) -> None:
    """No padding is needed to score; transformers itself refuses batches of such a model."""
    tables = []
    for pad in ("<pad>", None):
        folder = tmp_path / str(pad)
        folder.mkdir()
        tokenizer = byte_tokenizer(pad=pad)
        build_classifier(folder / "model", "llama", tokenizer=tokenizer, pad_token_id=None)
        file = experiment(folder, kind="SequenceClassifier", model=folder / "model")
        tables.append(pyrite_package.run(file, quiet=True).table("q"))
    padded, bare = tables
    assert len(bare) == 8
    assert bare["score"].nunique() > 1
    assert list(bare["score"]) == pytest.approx(list(padded["score"]), abs=1e-5)
