"""GCG (Zou et al. 2023, arXiv 2307.15043, algorithms 1 and 2) with the reward as its objective.

The package `nanogcg` cannot be pointed at a scalar: its gradient and the loss of its candidates are
the cross-entropy of a target string under a causal language model. So this is the published
algorithm: the gradient of the score with respect to each token's one-hot vector, summed over a
batch of prompts; the top k tokens of every position; a batch of strings with one random token of
those replaced; the best one is kept. The prompts of the batch change from time to time.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from benchmarks.plantrm.contract import GRADIENT_COST, Finding, Target, Unsuitable
from benchmarks.plantrm.finders._session import Session

from pyrite.exploits import Edit
from pyrite.exploits.edits.insert import Insert
from pyrite.exploits.ledger import Asked
from pyrite.exploits.naturals import Natural
from pyrite.exploits.search import Slot
from pyrite.exploits.search.arena import Arena

__all__ = ["find"]

TOP, WIDTH, PROMPTS, ROUNDS_OF_A_BATCH = 64, 32, 4, 6
LENGTHS = (1, 2, 3, 4, 6)
FINAL = 24


def find(target: Target, naturals: Sequence[Natural], budget: int, seed: int) -> list[Finding]:
    """One run for each length.

    Raises:
        Unsuitable: the target gives no gradients.
    """
    if target.gradients is None or target.vocabulary is None:
        raise Unsuitable("needs gradients, and these models give none")
    session = Session("gcg", target, naturals, budget, seed)
    arena = session.arena
    usable = [
        token
        for token in target.vocabulary.tokens
        if not token.special and token.text.startswith(" ") and token.text.strip()
    ]
    texts = {token.id: token.text for token in usable}
    edits: list[Edit] = []
    share = max(arena.left - 2 * len(LENGTHS) * FINAL, 0) // len(LENGTHS)
    for length in LENGTHS:
        edits += _run(arena, texts, length, share)
    return session.best_of(edits, answers=FINAL)


def _run(arena: Arena, texts: dict[int, str], length: int, share: int) -> list[Edit]:
    ids = list(texts)
    stop = arena.left - share
    best = arena.rng.choices(ids, k=length)
    passed: list[list[int]] = []
    batch: list[Natural] = []
    cost = PROMPTS * (GRADIENT_COST + WIDTH + 2)
    at_round = 0
    while arena.left - cost > stop:
        if at_round % ROUNDS_OF_A_BATCH == 0:
            batch = arena.rng.sample(list(arena.answers), min(PROMPTS, len(arena.answers)))
        at_round += 1
        slopes = _slopes(arena, batch, "".join(texts[one] for one in best), ids, length)
        if slopes is None:
            # The string does not fall on its tokens again: start from another one.
            best = arena.rng.choices(ids, k=length)
            continue
        top = np.argsort(-slopes, axis=1)[:, :TOP]
        tries = [best]
        for _ in range(WIDTH):
            position = arena.rng.randrange(length)
            other = list(best)
            other[position] = ids[int(top[position, arena.rng.randrange(TOP)])]
            tries.append(other)
        edits = [_suffix(texts, one) for one in tries]
        means = np.nanmean(arena.effects(edits, batch), axis=1)
        if int(np.argmax(means)) != 0:
            passed.append(best)
            best = tries[int(np.argmax(means))]
    return [_suffix(texts, one) for one in [best, *passed[-1:]]]


def _suffix(texts: dict[int, str], string: Sequence[int]) -> Edit:
    return Insert(text="".join(texts[one] for one in string)[1:])


def _slopes(
    arena: Arena, batch: Sequence[Natural], piece: str, ids: Sequence[int], length: int
) -> np.ndarray | None:
    """Summed over the batch, [positions, tokens]; None where no text falls on its tokens."""
    slots = []
    for natural in batch:
        response = natural.answer.response
        asked = Asked(natural.row, natural.answer.prompt, response + piece)
        slots.append(Slot(asked, len(response), len(response) + len(piece)))
    found = [one[1] for one in arena.slopes(slots, ids) if one is not None]
    found = [one for one in found if len(one) == length]
    return np.sum(found, axis=0) if found else None
