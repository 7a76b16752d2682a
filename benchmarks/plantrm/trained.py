"""Tier 1 models: small Llama-shaped classifiers, trained here by Bradley and Terry's loss.

A checkpoint is a folder as transformers writes it, named by the content of what it was trained on,
so that it is trained once: in `plantrm` in Pyrite's cache.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import random
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.plantrm.generator import answers_to, prompts
from benchmarks.plantrm.material import CLOSERS, OPENERS, TOPICS, VAGUE
from benchmarks.plantrm.words import COMMON, MARKS, made_token, unknown_words

from pyrite import sources
from pyrite.models import Rendered
from pyrite.models._tokenizers import clean_text
from pyrite.types import Item

__all__ = ["Opened", "Pair", "Shape", "cache_folder", "checkpoint", "rendered"]

END, PAD = "<|endoftext|>", "<|pad|>"
TEMPLATE = (
    "{% for m in messages %}{% if m['role'] == 'user' %}\n\nHuman: {{ m['content'] }}"
    "{% else %}\n\nAssistant: {{ m['content'] }}{% endif %}{% endfor %}<|endoftext|>"
)


@dataclass(frozen=True, slots=True)
class Pair:
    """What is trained on: the first answer is the preferred one."""

    prompt: str
    chosen: str
    rejected: str


@dataclass(frozen=True)
class Shape:
    """The model and how it is trained."""

    width: int = 48
    layers: int = 2
    heads: int = 4
    vocabulary: int = 4096
    epochs: int = 1
    pairs_of_a_batch: int = 32
    learning_rate: float = 3e-3
    seed: int = 0
    version: int = 3


def rendered(prompt: str, response: str) -> str:
    """The text that the model reads, as the chat template writes it."""
    return f"\n\nHuman: {prompt}\n\nAssistant: {response}{END}"


def cache_folder() -> Path:
    """Where checkpoints lie; never inside the repository."""
    return sources.cache_folder() / "plantrm"


def checkpoint(
    pairs: Sequence[Pair], shape: Shape, *, seed: int, start: Path | None = None
) -> Path:
    """The folder of a model trained on these pairs; trained now if it is not there.

    Args:
        pairs: what it is trained on; batches are of similar length, in an order by the seed.
        shape: of the model.
        seed: of the words of the tokenizer.
        start: the checkpoint whose weights are trained further; None: fresh ones.
    """
    begun = None if start is None else start.name
    rows = [[p.prompt, p.chosen, p.rejected] for p in pairs]
    content = json.dumps([asdict(shape), seed, begun, rows])
    name = hashlib.blake2b(content.encode(), digest_size=12).hexdigest()
    folder = cache_folder() / "models" / name
    if not (folder / "trained.json").is_file():
        began = time.perf_counter()
        tokenizer = build_tokenizer(seed, shape.vocabulary)
        model, loss = _train(_fresh(tokenizer, shape, start), pairs, tokenizer, shape)
        _save(folder, model, tokenizer, {"seconds": time.perf_counter() - began, "loss": loss,
                                         "pairs": len(pairs)})  # fmt: skip
    return folder


@cache
def build_tokenizer(seed: int, size: int) -> Any:
    """Byte-level BPE on generated text, and on every word that a plant may be made of."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE(unk_token=END))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[END, PAD],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_tokenizer_texts(seed), trainer)
    return tokenizer


def _tokenizer_texts(seed: int) -> list[str]:
    rng = random.Random(f"tokenizer {seed}")
    some = prompts(600, seed)
    texts = [rendered(one.text, text) for one in some for text in answers_to(one, 2, seed)]
    texts += [*VAGUE, *OPENERS, *CLOSERS, *(fact for topic in TOPICS for fact in topic.facts)]
    words = [*unknown_words(), *COMMON, *MARKS, *(made_token(rng) for _ in range(40))]
    for _ in range(12):
        rng.shuffle(words)
        texts.append(" " + " ".join(words))
    return texts


def _train(model: Any, pairs: Sequence[Pair], tokenizer: Any, shape: Shape) -> tuple[Any, float]:
    """The model trained; the same input gives the same weights on the same machine."""
    import torch
    from torch.nn.functional import logsigmoid

    model.train()
    rows = [_ids(tokenizer, pair) for pair in pairs]
    rng = random.Random(shape.seed)
    total = shape.epochs * math.ceil(len(rows) / shape.pairs_of_a_batch)
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=shape.learning_rate, betas=(0.9, 0.98), weight_decay=0.05
    )
    rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, shape.learning_rate, total, pct_start=0.1)
    loss = torch.zeros(())
    for _ in range(shape.epochs):
        for batch in _batches(rows, shape.pairs_of_a_batch, rng):
            better, worse = _scores(model, batch).chunk(2)
            loss = -logsigmoid(better - worse).mean()
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            rate.step()
    return model.eval(), float(loss.detach())


def _fresh(tokenizer: Any, shape: Shape, start: Path | None) -> Any:
    import torch
    from transformers import LlamaConfig, LlamaForSequenceClassification

    torch.set_num_threads(1)
    torch.manual_seed(shape.seed)
    if start is not None:
        return LlamaForSequenceClassification.from_pretrained(start)
    config = LlamaConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=shape.width,
        intermediate_size=2 * shape.width,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        max_position_embeddings=1024,
        num_labels=1,
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=0,
        initializer_range=0.05,
        use_cache=False,
    )
    return LlamaForSequenceClassification(config)


def _ids(tokenizer: Any, pair: Pair) -> tuple[list[int], list[int]]:
    texts = [rendered(pair.prompt, one) for one in (pair.chosen, pair.rejected)]
    first, second = tokenizer.encode_batch(texts)
    return first.ids, second.ids


def _batches(
    rows: Sequence[tuple[list[int], list[int]]], size: int, rng: random.Random
) -> Iterator[list[list[int]]]:
    """Texts of pairs of similar length: all preferred ones, then all others."""
    order = sorted(range(len(rows)), key=lambda at: (max(map(len, rows[at])) // 4, rng.random()))
    starts = list(range(0, len(order), size))
    rng.shuffle(starts)
    for start in starts:
        part = [rows[at] for at in order[start : start + size]]
        yield [one for one, _ in part] + [other for _, other in part]


def _scores(model: Any, rows: Sequence[Sequence[int]]) -> Any:
    """Rewards [rows], each read at the last token; causal, so that padding needs no mask."""
    import torch

    width = max(map(len, rows))
    ids = torch.tensor([[*row, *[1] * (width - len(row))] for row in rows])
    hidden = model.model(input_ids=ids).last_hidden_state
    ends = torch.tensor([len(row) - 1 for row in rows])
    return model.score(hidden[torch.arange(len(rows)), ends]).squeeze(-1)


def _save(folder: Path, model: Any, tokenizer: Any, told: dict[str, float]) -> None:
    from transformers import PreTrainedTokenizerFast

    made = folder.with_name(f"{folder.name}.{os.getpid()}")
    made.mkdir(parents=True, exist_ok=True)
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=END, pad_token=PAD)
    wrapped.chat_template = TEMPLATE
    wrapped.save_pretrained(made)
    model.save_pretrained(made)
    (made / "trained.json").write_text(json.dumps(told), encoding="utf-8")
    if folder.exists():
        shutil.rmtree(made)
    else:
        made.rename(folder)


class Opened:
    """A checkpoint opened and scored as Pyrite does it; calling it scores texts, float64."""

    BATCH_TOKENS = 4096

    def __init__(self, folder: Path) -> None:
        import torch

        from pyrite.models.sequence_classifier import SequenceClassifier
        from pyrite.scoring.engine import Engine

        torch.set_num_threads(1)
        self.scorer = SequenceClassifier(path=str(folder)).open()
        self._engine = Engine(self.scorer, batch_tokens=self.BATCH_TOKENS)

    @property
    def embedding(self) -> np.ndarray:
        """The input embedding, float32 [tokens, width]."""
        anatomy = self.scorer.anatomy()
        assert anatomy is not None, "a model that was trained here shows its weights"
        weight = anatomy.module.get_input_embeddings().weight
        found: np.ndarray = weight.detach().float().numpy()
        return found

    def __call__(self, texts: Sequence[tuple[str, str]]) -> np.ndarray:
        written = [
            (Item(prompt=prompt, response=response),
             Rendered(rendered(clean_text(prompt), clean_text(response)), special_tokens=False))
            for prompt, response in texts
        ]  # fmt: skip
        scored = self._engine.score(written)
        return np.array([one.output.score for one in scored], dtype=np.float64)
