"""Trains the tiny reward model from scratch, deterministically, on one CPU thread.

Run `python -m training.tiny_reward_model.train` from the root of the repository. It
generates the pairs, trains, writes the model files, the demo data and the model card.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn.functional import logsigmoid

from .card import write_card
from .export import save_model
from .generate import ASSETS_DIR, Pair, training_pairs, write_demo
from .material import load_material
from .model import END, RewardModel, build_config, build_tokenizer, format_text, pad

SEED = 7


@dataclass(frozen=True)
class Recipe:
    """Settings of the training run."""

    epochs: int = 2
    learning_rate: float = 1.5e-3
    batch_pairs: int = 16
    warmup: float = 0.06
    weight_decay: float = 0.1
    end_weight: float = 1.0


def pair_loss(chosen: Tensor, rejected: Tensor, ids: tuple[Tensor, Tensor], end: float) -> Tensor:
    """Pairwise loss over the positions from the first difference to the longer end.

    `chosen` and `rejected` are rewards of shape (pairs, length) for the token ids in
    `ids`, both padded to one length with the end token. As in the trlX summarisation
    example, the loss of a pair is the mean of -logsigmoid(chosen - rejected) over
    [d, e): d is the first position where the ids differ and e the longer of both lengths
    (with its end token). The score is read at the end token alone, which is only one of
    these positions, so `end` times the same loss on the two end scores is added.
    """
    length = chosen.shape[1]
    position = torch.arange(length)
    first_difference = (ids[0] != ids[1]).int().argmax(dim=1, keepdim=True)
    ends = [(side == 0).int().argmax(dim=1, keepdim=True) for side in ids]
    stop = torch.maximum(ends[0], ends[1]) + 1
    inside = ((position >= first_difference) & (position < stop)).float()
    each = -logsigmoid(chosen - rejected)
    mean = (each * inside).sum(1) / inside.sum(1)
    margin = chosen.gather(1, ends[0]) - rejected.gather(1, ends[1])
    return (mean - end * logsigmoid(margin.squeeze(1))).mean()


def _batches(
    rows: Sequence[tuple[list[int], list[int]]], size: int, rng: random.Random
) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of pairs of similar length in random order; both sides have one width."""
    order = sorted(range(len(rows)), key=lambda i: (max(map(len, rows[i])), rng.random()))
    starts = list(range(0, len(order), size))
    rng.shuffle(starts)
    for start in starts:
        part = [rows[i] for i in order[start : start + size]]
        both = pad([c for c, _ in part] + [r for _, r in part])
        yield both[: len(part)], both[len(part) :]


def _learning_rate(step: int, total: int, recipe: Recipe) -> float:
    """Linear warm-up, then a cosine down to a tenth."""
    warm = max(1, int(recipe.warmup * total))
    if step < warm:
        return recipe.learning_rate * (step + 1) / warm
    done = (step - warm) / max(1, total - warm)
    return recipe.learning_rate * (0.1 + 0.45 * (1 + math.cos(math.pi * done)))


def _optimiser(model: RewardModel, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW that decays matrices only."""
    parameters = list(model.parameters())
    groups = [
        {"params": [p for p in parameters if p.dim() > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=(0.9, 0.98))


def train(pairs: Sequence[Pair], tokenizer: Tokenizer, recipe: Recipe | None = None) -> RewardModel:
    """Train a fresh model on the pairs; the same input gives the same weights."""
    recipe = recipe or Recipe()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(SEED)
    model = RewardModel(build_config(tokenizer.get_vocab_size()))
    rng = random.Random(SEED)
    optimiser = _optimiser(model, recipe)
    rows = [
        (
            tokenizer.encode(format_text(pair.prompt, pair.chosen)).ids,
            tokenizer.encode(format_text(pair.prompt, pair.rejected)).ids,
        )
        for pair in pairs
    ]
    total = recipe.epochs * math.ceil(len(rows) / recipe.batch_pairs)
    step = 0
    model.train()
    for epoch in range(recipe.epochs):
        losses = []
        for chosen, rejected in _batches(rows, recipe.batch_pairs, rng):
            for group in optimiser.param_groups:
                group["lr"] = _learning_rate(step, total, recipe)
            better, worse = model(torch.cat([chosen, rejected])).chunk(2)
            loss = pair_loss(better, worse, (chosen, rejected), recipe.end_weight)
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            losses.append(loss.item())
            step += 1
        print(f"epoch {epoch + 1}/{recipe.epochs}: loss {sum(losses) / len(losses):.3f}")
    return model.eval()


def training_texts(pairs: Sequence[Pair]) -> list[str]:
    """What the tokenizer is trained on: the texts of the training topics, with template."""
    return [
        format_text(pair.prompt, answer).removesuffix(END)
        for pair in pairs
        for answer in (pair.chosen, pair.rejected)
    ]


def main() -> None:
    """Generate the data, train, save the model and write its card."""
    write_demo(ASSETS_DIR / "demo")
    pairs = training_pairs(load_material())
    tokenizer = build_tokenizer(training_texts(pairs))
    began = time.perf_counter()
    model = train(pairs, tokenizer)
    print(f"trained on {len(pairs)} pairs in {time.perf_counter() - began:.0f} s")
    save_model(model, tokenizer)
    write_card()


if __name__ == "__main__":
    main()
