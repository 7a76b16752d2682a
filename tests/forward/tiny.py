"""Tiny random decoders, of families that have a lean forward pass and of others."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
import transformers

from pyrite.forward import Decoder

VOCABULARY = 120
POSITIONS = 96
_ENDS = {"bos_token_id": 1, "eos_token_id": 2, "vocab_size": VOCABULARY}
_SMALL = {
    **_ENDS,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": POSITIONS,
    "pad_token_id": 0,
}
_GQA = {**_SMALL, "num_key_value_heads": 2}
_GPT2 = {**_ENDS, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": POSITIONS}

SIZES: dict[str, tuple[str, dict[str, Any]]] = {
    "gptj": ("GPTJ", {**_GPT2, "rotary_dim": 4}),
    "llama": ("Llama", _GQA),
    "llama_biased": ("Llama", {**_SMALL, "attention_bias": True, "mlp_bias": True}),
    "llama_one_key_head": ("Llama", {**_SMALL, "num_key_value_heads": 1}),
    "mistral": ("Mistral", {**_GQA, "sliding_window": None}),
    "qwen2": ("Qwen2", _GQA),
    "qwen3": ("Qwen3", {**_GQA, "head_dim": 16}),
    "gpt2": ("GPT2", _GPT2),
    "gpt_neox": ("GPTNeoX", _SMALL),
    "opt": ("OPT", {**_SMALL, "ffn_dim": 64, "word_embed_proj_dim": 32}),
    "bloom": ("Bloom", {**_ENDS, "hidden_size": 32, "n_layer": 2, "n_head": 4}),
    "gemma": ("Gemma", {**_GQA, "head_dim": 8}),
    "gemma2": ("Gemma2", {**_GQA, "head_dim": 8, "sliding_window": 16}),
    "windowed": ("Mistral", {**_GQA, "sliding_window": 12}),
}
LEAN = [name for name in SIZES if name.startswith(("gptj", "llama", "mistral", "qwen"))]
OTHER = [name for name in SIZES if name not in LEAN]


def module_of(name: str, **changes: Any) -> Any:
    """A new module with weights wide enough that scores spread."""
    prefix, sizes = SIZES[name]
    config = getattr(transformers, f"{prefix}Config")(**{**sizes, **changes})
    module = getattr(transformers, f"{prefix}Model")(config).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for key, parameter in module.named_parameters():
            wide = 0.5 if "embed" in key or "wte" in key else 0.2
            if parameter.dim() > 1:
                parameter.normal_(0.0, wide, generator=generator)
            else:
                parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.1)
    return module


HEAD = torch.randn(32, generator=torch.Generator().manual_seed(1))
"""What the head multiplies vectors with."""


def head(vectors: torch.Tensor) -> torch.Tensor:
    """A linear head."""
    return vectors.float() @ HEAD


@cache
def decoder_of(name: str) -> Decoder:
    """An opened decoder; shared between tests, never changed."""
    return Decoder(module_of(name), head)


def plain_score(module: Any, ids: Sequence[int]) -> float:
    """The plain module on one text alone."""
    with torch.inference_mode():
        out = module(input_ids=torch.tensor([list(ids)]), use_cache=False)
        return float(head(out.last_hidden_state[:, -1])[0])


@cache
def spread(name: str) -> float:
    """The spread of scores over some random texts."""
    draw = torch.Generator().manual_seed(2)
    texts = [torch.randint(VOCABULARY, (n,), generator=draw).tolist() for n in range(1, 21)]
    scores = [plain_score(decoder_of(name).module, text) for text in texts]
    return max(scores) - min(scores)
