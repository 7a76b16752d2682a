"""Classifiers that would not be scored as they were trained are refused, and told why."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from pyrite.errors import CheckpointError, HeadError, ModelError
from pyrite.models.sequence_classifier import SequenceClassifier
from tests.models.support_classifier import TEXT, edit_config, edit_weights, opened, score
from tests.models.zoo import build_classifier, byte_tokenizer, save


def test_a_language_model_is_refused(tmp_path: Path) -> None:
    from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

    llama = LlamaConfig(
        vocab_size=320,
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
    )
    save(tmp_path / "llama", LlamaForCausalLM(llama), byte_tokenizer())
    gpt2 = GPT2Config(vocab_size=320, n_embd=16, n_layer=1, n_head=2)
    save(tmp_path / "gpt2", GPT2LMHeadModel(gpt2), byte_tokenizer())
    for name in ("llama", "gpt2"):
        with pytest.raises(HeadError, match="language model without a score head"):
            opened(tmp_path / name)
    # Called a classifier, it still has no head.
    edit_config(
        tmp_path / "llama",
        architectures=["LlamaForSequenceClassification"],
        id2label={"0": "LABEL_0"},
    )
    with pytest.raises(HeadError, match=r"score head are not in the files \(1 key: score.weight"):
        opened(tmp_path / "llama")


def test_missing_weights_are_named(tmp_path: Path) -> None:
    build_classifier(tmp_path, "llama")

    def drop(state: dict[str, torch.Tensor]) -> None:
        del state["model.layers.1.mlp.up_proj.weight"]

    edit_weights(tmp_path, drop)
    with pytest.raises(CheckpointError, match=r"lack 1 key: model\.layers\.1\.mlp\.up_proj"):
        opened(tmp_path)


def test_a_head_of_another_class_is_refused(tmp_path: Path) -> None:
    build_classifier(tmp_path, "llama")

    def add(state: dict[str, torch.Tensor]) -> None:
        state["score.bias"] = torch.ones(1)

    edit_weights(tmp_path, add)
    with pytest.raises(HeadError, match=r"no place for \(1 key: score.bias"):
        opened(tmp_path)


def test_a_configuration_with_too_few_layers_is_refused(tmp_path: Path) -> None:
    build_classifier(tmp_path, "llama")
    edit_config(tmp_path, num_hidden_layers=1, layer_types=None)
    with pytest.raises(CheckpointError, match="belongs to another model"):
        opened(tmp_path)


def test_unused_weights_outside_the_trunk_are_noted(tmp_path: Path) -> None:
    build_classifier(tmp_path, "llama")

    def add(state: dict[str, torch.Tensor]) -> None:
        state["lm_head.weight"] = torch.ones(320, 32)

    edit_weights(tmp_path, add)
    (note,) = opened(tmp_path).facts["notes"]
    assert "lm_head.weight" in note


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(tmp_path: Path, value: float) -> None:
    build_classifier(tmp_path, "llama")

    def spoil(state: dict[str, torch.Tensor]) -> None:
        state["model.layers.0.self_attn.q_proj.weight"][0, 0] = value

    edit_weights(tmp_path, spoil)
    with pytest.raises(CheckpointError, match=r"q_proj.weight has 1 of"):
        opened(tmp_path)


def test_a_shape_that_differs_is_refused(tmp_path: Path) -> None:
    build_classifier(tmp_path, "llama")

    def widen(state: dict[str, torch.Tensor]) -> None:
        state["score.weight"] = torch.ones(3, 32)

    edit_weights(tmp_path, widen)
    with pytest.raises(CheckpointError, match=r"score.weight has shape \(3, 32\) .*\(1, 32\)"):
        opened(tmp_path)


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    build_classifier(tmp_path, "llama")
    path = tmp_path / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="cannot be read"):
        opened(tmp_path)


def as_bin(folder: Path) -> Path:
    path = folder / "pytorch_model.bin"
    torch.save(load_file(folder / "model.safetensors"), path)
    (folder / "model.safetensors").unlink()
    return path


def test_a_torch_checkpoint_is_read_as_data(tmp_path: Path) -> None:
    build_classifier(tmp_path, "llama")
    expected = score(opened(tmp_path), TEXT)
    as_bin(tmp_path)
    assert score(opened(tmp_path), TEXT) == expected


class _Bomb:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return (Path.touch, (self.target,))


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_that_wants_to_run_code_is_refused_and_not_run(
    tmp_path: Path, zipped: bool
) -> None:
    build_classifier(tmp_path, "llama")
    path, ran = as_bin(tmp_path), tmp_path / "ran"
    if zipped:
        torch.save({"score.weight": _Bomb(ran)}, path)
    else:
        path.write_bytes(pickle.dumps({"score.weight": _Bomb(ran)}, protocol=2))
    with pytest.raises(CheckpointError):
        opened(tmp_path)
    assert not ran.exists()


def test_several_labels_are_refused_by_name(tmp_path: Path) -> None:
    build_classifier(tmp_path, "bert", num_labels=3)
    with pytest.raises(ModelError, match=r"3 labels \(LABEL_0, LABEL_1, LABEL_2\)"):
        opened(tmp_path)


def test_a_lost_number_of_labels_is_told_with_its_cure(tmp_path: Path) -> None:
    build_classifier(tmp_path, "llama")
    edit_config(tmp_path, id2label=None, label2id=None, num_labels=None)
    with pytest.raises(ModelError, match='add "id2label"'):
        opened(tmp_path)


def test_an_adapter_is_refused(tmp_path: Path) -> None:
    build_classifier(tmp_path, "llama")
    (tmp_path / "adapter_config.json").write_text('{"task_type": "SEQ_CLS"}')
    with pytest.raises(ModelError, match="merge it into its base model first"):
        opened(tmp_path)


def test_code_of_its_own_is_refused_unless_trusted(tmp_path: Path) -> None:
    build_classifier(tmp_path, "llama")
    ran = tmp_path / "ran"
    (tmp_path / "own.py").write_text(
        "from pathlib import Path\n"
        f"Path({str(ran)!r}).touch()\n"
        "from transformers import LlamaForSequenceClassification\n"
        "class OwnForSequenceClassification(LlamaForSequenceClassification):\n"
        "    pass\n"
    )
    edit_config(
        tmp_path,
        auto_map={"AutoModelForSequenceClassification": "own.OwnForSequenceClassification"},
        architectures=["OwnForSequenceClassification"],
    )
    with pytest.raises(ModelError, match=r"Python code of its own .*trust_remote_code: true"):
        opened(tmp_path)
    assert not ran.exists()
    trusting = SequenceClassifier(path=str(tmp_path), trust_remote_code=True)
    before = trusting.sources()["model"].fingerprint()
    (tmp_path / "own.py").write_text("# changed\n")
    assert trusting.sources()["model"].fingerprint() != before


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"architectures": None}, HeadError, "names no class"),
        ({"architectures": ["LlamaModel"]}, HeadError, "not a sequence classifier"),
        ({"model_type": "no such"}, ModelError, "cannot be opened"),
        ({"is_encoder_decoder": True}, ModelError, "encoder-decoder"),
    ],
)
def test_configurations_that_are_no_classifier(
    tmp_path: Path, change: dict[str, Any], error: type[ModelError], message: str
) -> None:
    build_classifier(tmp_path, "llama")
    edit_config(tmp_path, **change)
    with pytest.raises(error, match=message):
        opened(tmp_path)


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not exist"):
        opened(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match="no such file"):
        opened(tmp_path / "empty")
    build_classifier(tmp_path / "model", "llama")
    (tmp_path / "model" / "config.json").write_text("[1]")
    with pytest.raises(ModelError, match="holds a list"):
        opened(tmp_path / "model")
