"""The two models with random weights, and the texts that they score."""

from __future__ import annotations

import gzip
import json
import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from peers import PADDED, Case

__all__ = ["Texts", "cases", "chat", "questions", "sample", "tokenizer_of"]

VOCABULARY, WIDTH, LAYERS, POSITIONS = 8192, 512, 8, 1024
END, PAD = "<|endoftext|>", "<|pad|>"


@dataclass(frozen=True)
class Texts:
    """A set of texts and where they are from."""

    name: str
    texts: list[str]


def _shared(*parts: str) -> Path:
    root = os.environ.get("PYRITE_SHARED")
    folder = Path(root) if root else Path(__file__).parents[3] / "shared"
    return folder.joinpath("data", *parts)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _made_up(count: int, mean: float, spread: float, least: int) -> list[str]:
    """Sentences of made-up words; lengths in words of a normal distribution."""
    draw = random.Random(0)
    words = ["".join(draw.choices("aeioustrnlmdc", k=draw.randint(2, 9))) for _ in range(6000)]
    lengths = [max(least, round(draw.gauss(mean, spread))) for _ in range(count)]
    return [" ".join(draw.choices(words, k=length)) for length in lengths]


def questions() -> Texts:
    """NQ-open questions, or made-up texts of their lengths."""
    path = _shared("nq_open", "nq_open_dev.jsonl.gz")
    if path.exists():
        return Texts("NQ-open questions", [row["question"] for row in _rows(path)])
    return Texts("made-up questions", _made_up(3600, 9.1, 2.0, 5))


def chat() -> Texts:
    """Prompts with answers of a preference set, or made-up texts of their lengths."""
    path = _shared("preference", "dpo_en_demo_300.jsonl.gz")
    if not path.exists():
        return Texts("made-up chat", _made_up(300, 170.0, 70.0, 30))
    texts = [
        "\n\n".join([*(turn["value"] for turn in row["conversations"]), str(answer)])
        for row in _rows(path)
        for answer in (row["chosen"], row["rejected"])
    ]
    return Texts("chat", texts)


def sample(texts: Sequence[str], count: int, tokenizer: Any, *, mean: int = 0) -> list[str]:
    """Different texts evenly spread over the set; with `mean`, of about so many tokens each.

    Texts that do not fit the padded way with their end of text are left out.
    """
    rows = tokenizer(list(texts), return_attention_mask=False)["input_ids"]
    fits = {text: len(row) for text, row in zip(texts, rows, strict=True) if len(row) < PADDED - 1}
    kept = list(fits)
    while mean and len(kept) > count and sum(fits[text] for text in kept) > mean * len(kept):
        kept.remove(max(kept, key=lambda text: fits[text]))
    step = max(len(kept) // count, 1)
    return kept[::step][:count]


def tokenizer_of(texts: Sequence[str]) -> Any:
    """A byte-level BPE of 8192 tokens made from the texts."""
    from tokenizers import Tokenizer, decoders, pre_tokenizers, trainers
    from tokenizers.models import BPE
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[END, PAD],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        eos_token=END,
        pad_token=PAD,
        model_max_length=POSITIONS,
        model_input_names=["input_ids", "attention_mask"],
    )


def cases(folder: Path, tokenizer: Any) -> list[Case]:
    """Both models, saved below `folder`; always the same weights."""
    return [_value_head(folder / "gptj", tokenizer), _classifier(folder / "qwen3", tokenizer)]


def _value_head(folder: Path, tokenizer: Any) -> Case:
    """A GPT-J trunk with a value head, in the layout of bittensor's checkpoints."""
    from safetensors.torch import save_file
    from transformers import GPTJConfig, GPTJModel

    torch.manual_seed(0)
    config = GPTJConfig(
        vocab_size=VOCABULARY,
        n_embd=WIDTH,
        n_head=8,
        n_layer=LAYERS,
        n_positions=POSITIONS,
        rotary_dim=32,
        bos_token_id=0,
        eos_token_id=0,
    )
    config.pyrite = {"reading": "native"}
    module = GPTJModel(config).eval()
    head = torch.randn(WIDTH) * 0.05
    config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    state = {f"transformer.{name}": tensor for name, tensor in module.state_dict().items()}
    save_file({**state, "v_head.weight": head[None]}, folder / "model.safetensors")
    return Case("GPT-J with a value head", folder, module, head, tokenizer, 1, end_id=0)


def _classifier(folder: Path, tokenizer: Any) -> Case:
    """A Qwen3 classifier with one label, saved as transformers does."""
    from transformers import Qwen3Config, Qwen3ForSequenceClassification

    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=VOCABULARY,
        hidden_size=WIDTH,
        intermediate_size=1536,
        num_hidden_layers=LAYERS,
        num_attention_heads=8,
        num_key_value_heads=2,
        head_dim=64,
        max_position_embeddings=POSITIONS,
        num_labels=1,
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=1,
    )
    module = Qwen3ForSequenceClassification(config).eval()
    torch.nn.init.normal_(module.score.weight, std=0.05)
    module.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return Case("Qwen3 classifier", folder, module, None, tokenizer, 1)
