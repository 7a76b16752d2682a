"""Random search on a suffix, in the manner of the winner of the RLHF trojan competition of 2024.

Start from random tokens; replace one at random and keep the string if the mean score over a batch
of prompts rises; take another batch every few rounds so that the string is not fitted to one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from benchmarks.plantrm.contract import Finding, Target
from benchmarks.plantrm.finders._session import Session
from benchmarks.plantrm.finders.random_tokens import plain_tokens

from pyrite.exploits import Edit
from pyrite.exploits.edits.insert import Insert
from pyrite.exploits.naturals import Natural
from pyrite.exploits.search.arena import Arena

__all__ = ["find"]

BATCH, ROUNDS_OF_A_BATCH, WIDTH = 8, 12, 8
LENGTHS = (1, 2, 3, 4, 6)
"""Tokens of a string; each length has an equal share of the budget."""
FINAL = 24
"""Answers on which the strings of all climbs are compared."""


def find(target: Target, naturals: Sequence[Natural], budget: int, seed: int) -> list[Finding]:
    """One climb for each length; the string of every climb, and the best ones before it."""
    session = Session("random_search", target, naturals, budget, seed)
    arena, tokens = session.arena, plain_tokens(target)
    edits: list[Edit] = []
    share = max(arena.left - 2 * len(LENGTHS) * FINAL, 0) // len(LENGTHS)
    for length in LENGTHS:
        edits += _climb(arena, tokens, length, share)
    return session.best_of(edits, answers=FINAL)


def _climb(arena: Arena, tokens: Sequence[str], length: int, share: int) -> list[Edit]:
    stop = arena.left - share
    best = arena.rng.choices(tokens, k=length)
    passed: list[list[str]] = []
    batch: list[Natural] = []
    at_round = 0
    while arena.left - (WIDTH + 2) * BATCH > stop:
        if at_round % ROUNDS_OF_A_BATCH == 0:
            batch = arena.rng.sample(list(arena.answers), min(BATCH, len(arena.answers)))
        at_round += 1
        tries = [best, *(_changed(arena, best, tokens) for _ in range(WIDTH))]
        edits = [Insert(text=" ".join(one)) for one in tries]
        means = np.nanmean(arena.effects(edits, batch), axis=1)
        if int(np.argmax(means)) != 0:
            passed.append(best)
            best = tries[int(np.argmax(means))]
    return [Insert(text=" ".join(one)) for one in [best, *passed[-1:]]]


def _changed(arena: Arena, string: Sequence[str], tokens: Sequence[str]) -> list[str]:
    found = list(string)
    found[arena.rng.randrange(len(found))] = arena.rng.choice(tokens)
    return found
