"""What is measured: two decoders with random weights, and texts of tokens for them."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from transformers import GPTJConfig, GPTJModel, Qwen3Config, Qwen3Model

from pyrite.forward import Decoder
from pyrite.models import Capability, Encoded, Limits, Output, Rendered, TokenScorer, Want
from pyrite.types import Item

VOCABULARY = 8192
Texts = list[tuple[int, ...]]


def models() -> dict[str, Callable[[], torch.nn.Module]]:
    """The two decoders, without heads; always the same weights."""
    ends = {"bos_token_id": 1, "eos_token_id": 2, "vocab_size": VOCABULARY}
    gptj = {"n_embd": 512, "n_head": 8, "n_layer": 8, "n_positions": 1024, "rotary_dim": 32}
    qwen3 = {
        "hidden_size": 512,
        "intermediate_size": 1536,
        "num_hidden_layers": 8,
        "num_attention_heads": 8,
        "num_key_value_heads": 2,
        "head_dim": 64,
        "max_position_embeddings": 1024,
    }

    def made(kind: Callable[..., torch.nn.Module], config: object) -> torch.nn.Module:
        torch.manual_seed(0)
        return kind(config).eval()

    return {
        "GPT-J": lambda: made(GPTJModel, GPTJConfig(**gptj, **ends)),
        "Qwen3": lambda: made(Qwen3Model, Qwen3Config(**qwen3, **ends)),
    }


def decoder_of(module: torch.nn.Module) -> Decoder:
    """The module with a linear head."""
    head = torch.randn(512, generator=torch.Generator().manual_seed(5))
    return Decoder(module, lambda vectors: vectors @ head)


def questions(count: int) -> tuple[Texts, str]:
    """Token ids of NQ-open questions, and where they are from."""
    root = os.environ.get("PYRITE_SHARED")
    shared = Path(root) if root else Path(__file__).parents[2] / "shared"
    file = shared / "data" / "nq_open" / "nq_open_dev.jsonl.gz"
    if not file.exists():
        return random_texts(count, mean=12.0, spread=3.0, least=6), "random tokens, mean length 12"
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)["question"] for line in lines]
    return encoded(texts, count), "NQ-open questions"


def encoded(texts: Sequence[str], count: int) -> Texts:
    """Ids by a BPE of 8192 tokens made from these texts, an end of text after each."""
    from tokenizers import Tokenizer, pre_tokenizers, trainers
    from tokenizers.models import BPE

    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=["<|endoftext|>"], show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    step = len(texts) // count
    rows = tokenizer.encode_batch(list(texts)[::step][:count])
    return [(*row.ids, 0) for row in rows]


def random_texts(count: int, *, mean: float, spread: float, least: int, seed: int = 1) -> Texts:
    """Random tokens; lengths of a normal distribution, cut below."""
    generator = torch.Generator().manual_seed(seed)
    lengths = (torch.randn(count, generator=generator) * spread + mean).round().clamp(least, 900)
    return [
        tuple(torch.randint(VOCABULARY, (int(n),), generator=generator).tolist()) for n in lengths
    ]


class Ids(TokenScorer):
    """A decoder's scores of ids that were made before; a text is the place of its ids."""

    capabilities = frozenset({Capability.SCORE})

    def __init__(self, decoder: Decoder, rows: Texts) -> None:
        self.decoder, self.rows, self.facts = decoder, rows, {"device": "cpu"}
        self.packed = decoder.lean is not None

    def render_chat(self, item: Item) -> Rendered:
        raise TypeError("these texts are made of ids: there are no messages to render")

    def encode(self, texts: Sequence[Rendered], limits: Limits) -> list[Encoded]:
        rows = [self.rows[int(text.text)] for text in texts]
        return [Encoded(row, len(row) - 1) for row in rows]

    def forward(self, batch: Sequence[Encoded], want: Want) -> list[Output]:
        assert self.decoder is not None
        return [Output(score) for score in self.decoder.score([text.ids for text in batch])]
