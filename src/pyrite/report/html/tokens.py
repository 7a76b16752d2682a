"""Tokens coloured by the reward read at each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyrite.report import TokenRewards
from pyrite.report.html import numbers
from pyrite.report.html.texts import clip, visible

__all__ = ["Token", "TokensView", "view"]

STEPS = 5
"""Shades on each side of zero."""
MOST = 2000
LONGEST = 500


@dataclass(frozen=True, slots=True)
class Token:
    """One token: its text, its reward in words, and the name of its shade."""

    text: str
    reward: str
    shade: str


@dataclass(frozen=True)
class TokensView:
    """A text ready for the template; `left` tokens are not shown.

    `lowest` and `highest` are the key: the text's own ends in their own shades.
    """

    id: str
    caption: str
    tokens: Sequence[Token]
    left: int
    lowest: Token
    highest: Token


def view(block: TokenRewards, *, id: str) -> TokensView:
    """Shades are relative to the largest absolute reward of the text."""
    rewards = [numbers.as_number(x) for x in block.rewards]
    rewards += [None] * (len(block.tokens) - len(rewards))
    known = [x for x in rewards if x is not None]
    places = numbers.decimals(known)
    largest = max((abs(x) for x in known), default=0.0)
    tokens = [
        Token(
            text=clip(visible(text), LONGEST),
            reward="not read" if x is None else numbers.number(x, places),
            shade=_shade(x, largest),
        )
        for text, x in zip(block.tokens[:MOST], rewards, strict=False)
    ]
    ends = [
        Token("", numbers.number(x, places), _shade(x, largest))
        for x in ((min(known), max(known)) if known else (None, None))
    ]
    return TokensView(
        id=id,
        caption=block.caption,
        tokens=tokens,
        left=max(0, len(block.tokens) - MOST),
        lowest=ends[0],
        highest=ends[1],
    )


def _shade(reward: float | None, largest: float) -> str:
    if reward is None:
        return "unread"
    step = round(STEPS * abs(reward) / largest) if largest else 0
    if not step:
        return "zero"
    return f"{'plus' if reward > 0 else 'minus'}-{step}"
