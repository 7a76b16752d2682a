"""Tiny random GPT-J and GPT-Neo models with a tokenizer trained on the spot."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GPTJConfig, GPTJModel, GPTNeoConfig, GPTNeoModel, PreTrainedTokenizerFast

END = "<|endoftext|>"
POSITIONS = 64
NODES = 5
_CORPUS = [
    "Human: what is the capital of France? Assistant: the capital is Paris.",
    "system user assistant question answer words word the and of to in a",
    "<|startoftext|> who won the cup in 1998 and where was it held",
]

State = dict[str, Any]


@cache
def byte_tokenizer(end: str = END) -> Tokenizer:
    """A byte-level BPE of 400 tokens; `end` is its only special token."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=[end],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_CORPUS, trainer)
    return tokenizer


def write_tokenizer(folder: Path, *, end: str = END, pad: bool = False) -> Path:
    """A tokenizer folder; without `pad` it has no pad token, as GPT-2's has none."""
    tokens = {"eos_token": end, **({"pad_token": end} if pad else {})}
    fast = PreTrainedTokenizerFast(tokenizer_object=byte_tokenizer(end), **tokens)
    fast.save_pretrained(folder)
    return folder


def gptj_config(**changes: Any) -> GPTJConfig:
    """Two layers of 16, 64 positions; weights wide enough that scores spread."""
    size = byte_tokenizer().get_vocab_size()
    fields = {
        "vocab_size": size,
        "n_embd": 16,
        "n_head": 2,
        "n_layer": 2,
        "n_inner": 32,
        "n_positions": POSITIONS,
        "rotary_dim": 4,
        "bos_token_id": 0,
        "eos_token_id": 0,
        "initializer_range": 0.35,
    }
    return GPTJConfig(**{**fields, **changes})


def write_base(folder: Path, *, config: Any = None, pad: bool = False) -> Path:
    """A model folder without weights: config.json and a tokenizer."""
    (config or gptj_config()).save_pretrained(folder)
    return write_tokenizer(folder, pad=pad)


def reward_state(*, seed: int = 0, dtype: torch.dtype = torch.float16) -> State:
    """transformer.* and v_head.weight of a random model."""
    torch.manual_seed(seed)
    trunk = GPTJModel(gptj_config()).state_dict()
    state = {f"transformer.{name}": tensor.to(dtype) for name, tensor in trunk.items()}
    return {**state, "v_head.weight": torch.randn(1, 16).to(dtype)}


def with_twins(state: Mapping[str, Any]) -> State:
    """The layout of the published file: twins under `model.`, lm_head and mask buffers."""
    trunk = {name: value for name, value in state.items() if name.startswith("transformer.")}
    twins = {f"model.{name}": value for name, value in trunk.items()}
    masks = {
        f"{twin}transformer.h.{layer}.attn.{name}": value
        for twin in ("", "model.")
        for layer in range(2)
        for name, value in (
            ("bias", torch.ones(1, 1, 8, 8, dtype=torch.uint8)),
            ("masked_bias", torch.tensor(-1e9)),
        )
    }
    size = byte_tokenizer().get_vocab_size()
    head = {"model.lm_head.weight": torch.zeros(size, 16), "model.lm_head.bias": torch.zeros(size)}
    return {**twins, **head, **state, **masks}


def neo_config() -> GPTNeoConfig:
    """A global and a local layer, whose window is shorter than the test texts."""
    return GPTNeoConfig(
        vocab_size=byte_tokenizer().get_vocab_size(),
        hidden_size=16,
        num_heads=2,
        num_layers=2,
        intermediate_size=32,
        max_position_embeddings=POSITIONS,
        attention_types=[[["global", "local"], 1]],
        window_size=4,
        bos_token_id=0,
        eos_token_id=0,
        initializer_range=0.3,
    )


def gating_state(*, seed: int = 0) -> State:
    """model.* and linear.* of a random gating model with 5 outputs."""
    torch.manual_seed(seed)
    encoder = GPTNeoModel(neo_config()).state_dict()
    state = {f"model.{name}": tensor for name, tensor in encoder.items()}
    return {**state, "linear.weight": torch.randn(NODES, 16), "linear.bias": torch.randn(NODES)}
