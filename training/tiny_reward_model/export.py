"""Saves the trained model in the forms that Pyrite loads, and loads it again."""

from __future__ import annotations

import json
from collections import OrderedDict
from pathlib import Path

import torch
from safetensors.torch import load_file, save
from tokenizers import Tokenizer
from torch import Tensor
from transformers import GPTJConfig

from .generate import ASSETS_DIR
from .model import END, RewardModel

MODEL_DIR = ASSETS_DIR / "tiny-reward-model"


def _write_json(path: Path, data: object) -> None:
    path.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _weights(model: RewardModel) -> dict[str, Tensor]:
    """All parameters rounded to fp16, without buffers."""
    return {name: p.detach().half().contiguous() for name, p in model.named_parameters()}


def _checkpoint(weights: dict[str, Tensor], layers: int) -> OrderedDict[str, Tensor]:
    """The layout of the published trlX checkpoints.

    The body stands twice (`transformer.*` and `model.transformer.*`, one storage) and every
    attention layer brings its mask buffers. The mask is cut to 8 x 8 here to save room; a
    loader has to leave these buffers out anyway.
    """
    state: OrderedDict[str, Tensor] = OrderedDict()
    mask = torch.ones(8, 8, dtype=torch.uint8).tril().view(1, 1, 8, 8)
    body = {name: w for name, w in weights.items() if name.startswith("transformer.")}
    for prefix in ("", "model."):
        for name, weight in body.items():
            state[prefix + name] = weight
        for layer in range(layers):
            state[f"{prefix}transformer.h.{layer}.attn.bias"] = mask
            state[f"{prefix}transformer.h.{layer}.attn.masked_bias"] = torch.tensor(-1e9)
    state["v_head.weight"] = weights["v_head.weight"]
    return state


def save_model(model: RewardModel, tokenizer: Tokenizer, folder: Path = MODEL_DIR) -> None:
    """Write config, tokenizer, `model.safetensors` and `hf_ckpt.pt` (both fp16)."""
    folder.mkdir(parents=True, exist_ok=True)
    config = model.transformer.config.to_diff_dict()
    for name in ("architectures", "dtype"):
        config.pop(name, None)
    config["pyrite"] = {"reading": "native", "template": "hh"}
    _write_json(folder / "config.json", config)
    tokenizer.save(str(folder / "tokenizer.json"))
    tokens = {f"{role}_token": END for role in ("bos", "eos", "unk", "pad")}
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_input_names": ["input_ids", "attention_mask"],
        "model_max_length": config["n_positions"],
        "padding_side": "right",
        "clean_up_tokenization_spaces": False,
        **tokens,
    }
    _write_json(folder / "tokenizer_config.json", settings)
    weights = _weights(model)
    # Written from bytes so that the file has the usual permissions, unlike `save_file`.
    (folder / "model.safetensors").write_bytes(save(weights, metadata={"format": "pt"}))
    torch.save(_checkpoint(weights, config["n_layer"]), folder / "hf_ckpt.pt")


def load_model(folder: Path = MODEL_DIR) -> tuple[RewardModel, Tokenizer]:
    """Load the saved model in fp32 (weights as rounded) with its tokenizer."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    model = RewardModel(GPTJConfig.from_pretrained(folder))
    weights = {name: w.float() for name, w in load_file(folder / "model.safetensors").items()}
    missing, unexpected = model.load_state_dict(weights, strict=False)
    lacking = set(missing) & {name for name, _ in model.named_parameters()}
    if lacking or unexpected:
        raise ValueError(f"missing weights {sorted(lacking)}, unexpected {unexpected}")
    return model.eval(), tokenizer
