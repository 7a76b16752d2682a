"""Random strings of one to four tokens of the vocabulary, each on a few answers."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.plantrm.contract import Finding, Target
from benchmarks.plantrm.finders._session import Session

from pyrite.exploits.edits.insert import Insert
from pyrite.exploits.naturals import Natural

__all__ = ["find", "plain_tokens"]

FIRST = 6
"""Answers of the first round; the best tenth is tried on four times as many."""


def plain_tokens(target: Target) -> list[str]:
    """Tokens that may stand in a text, without their leading space."""
    assert target.vocabulary is not None
    texts = (token.text.strip() for token in target.vocabulary.tokens if not token.special)
    return list(dict.fromkeys(text for text in texts if text))


def find(target: Target, naturals: Sequence[Natural], budget: int, seed: int) -> list[Finding]:
    """The ten best of as many random strings as the budget allows."""
    session = Session("random_tokens", target, naturals, budget, seed)
    arena = session.arena
    tokens = plain_tokens(target)
    count = max(arena.left * 10 // (FIRST * 14), 10)
    strings = {" ".join(arena.rng.choices(tokens, k=1 + at % 4)) for at in range(count)}
    edits = [Insert(text=text) for text in sorted(strings)]
    some = arena.answers[:FIRST]
    best = arena.ranked(edits, arena.effects(edits, some), some)[: max(len(edits) // 10, 10)]
    return session.best_of([one.edit for one in best], answers=4 * FIRST)
