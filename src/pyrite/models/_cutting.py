"""Cutting a text that is too long: the oldest tokens go first, what frames the text stays."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["kept_positions"]


def kept_positions(
    segments: Sequence[int | None], room: int, *, first_is_bos: bool = False
) -> list[int] | None:
    """Which tokens to keep.

    Tokens of the first segment go first, from its left, then those of the second. The end of the
    response, and the special tokens that the tokenizer put around the text, stay.

    Args:
        segments: for each token the segment it belongs to, None for those the tokenizer added.
        room: most tokens to keep.
        first_is_bos: the first token begins the sequence and stays even where a template wrote it.

    Returns:
        Ascending indices, or None where even the added tokens alone do not fit.
    """
    excess = len(segments) - room
    if excess <= 0:
        return list(range(len(segments)))
    framing = {0} if first_is_bos else set()
    order = [
        index
        for segment in (0, 1)
        for index, owner in enumerate(segments)
        if owner == segment and index not in framing
    ]
    if excess > len(order):
        return None
    dropped = set(order[:excess])
    return [index for index in range(len(segments)) if index not in dropped]
