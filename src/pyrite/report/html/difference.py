"""What changed between two texts, word by word."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

__all__ = ["Piece", "differences"]

_WORD = re.compile(r"\s+|⟨[^⟩]*⟩|\w+|[^\w\s]")
MOST_WORDS = 1500
"""Words in which the two texts differ, up to which they are aligned."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a text, and whether the other text lacks it."""

    text: str
    changed: bool


def differences(before: str, after: str) -> tuple[list[Piece], list[Piece]]:
    """The pieces of either text; joined they are the text.

    A common beginning and end are set aside first. Where more than `MOST_WORDS` words are left of
    either text, all of them count as changed: aligning takes time that is quadratic in words.
    """
    old, new = _WORD.findall(before), _WORD.findall(after)
    start = _same(old, new)
    end = _same(old[start:][::-1], new[start:][::-1])
    middles = old[start : len(old) - end], new[start : len(new) - end]
    head, tail = "".join(old[:start]), "".join(old[len(old) - end :])
    left, right = _aligned(*middles)
    return _whole(head, left, tail), _whole(head, right, tail)


def _same(one: Sequence[str], other: Sequence[str]) -> int:
    for place, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return place
    return min(len(one), len(other))


def _aligned(old: list[str], new: list[str]) -> tuple[list[Piece], list[Piece]]:
    if max(len(old), len(new)) > MOST_WORDS:
        return [Piece("".join(old), changed=True)], [Piece("".join(new), changed=True)]
    left, right = [], []
    for tag, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        left.append(Piece("".join(old[a:b]), changed=tag != "equal"))
        right.append(Piece("".join(new[c:d]), changed=tag != "equal"))
    return left, right


def _whole(head: str, middle: list[Piece], tail: str) -> list[Piece]:
    pieces = [Piece(head, changed=False), *middle, Piece(tail, changed=False)]
    return [piece for piece in pieces if piece.text]
