"""Batches by token budget: texts of nearly one length together, so that little is padding."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

__all__ = ["Budget", "batches_by_tokens", "packed_batches", "room_of"]

Budget = int | Callable[[], int]
"""Tokens of a batch, or what says so anew for every batch."""

MAX_WASTE = 0.1
"""Largest share of a batch that may be padding; on a CPU padding costs as much as text."""


def batches_by_tokens(
    lengths: Sequence[int], *, budget: Budget, max_rows: int = 512
) -> Iterator[list[int]]:
    """Group texts into batches, longest first.

    Longest first, so that running out of memory shows at once and not after an hour.

    Args:
        lengths: tokens of each text.
        budget: most tokens of one batch, padding included; one longer text is a batch of its own.
        max_rows: most texts of one batch.

    Yields:
        Indices into `lengths`; every index exactly once.
    """
    order = sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))
    batch: list[int] = []
    used, room = 0, room_of(budget)
    for index in order:
        length = max(lengths[index], 1)
        widest = max(lengths[batch[0]], 1) if batch else length
        padded = widest * (len(batch) + 1)
        wasteful = padded - used - length > MAX_WASTE * padded and len(batch) >= 4
        if batch and (padded > room or len(batch) >= max_rows or wasteful):
            yield batch
            batch, used, room = [], 0, room_of(budget)
        batch.append(index)
        used += length
    if batch:
        yield batch


def packed_batches(lengths: Sequence[int], *, budget: Budget) -> Iterator[list[int]]:
    """Group texts for a forward pass without padding, longest first.

    Args:
        lengths: tokens of each text.
        budget: most tokens of one batch; one longer text is a batch of its own.

    Yields:
        Indices into `lengths`; every index exactly once.
    """
    batch: list[int] = []
    used, room = 0, room_of(budget)
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        if batch and used + lengths[index] > room:
            yield batch
            batch, used, room = [], 0, room_of(budget)
        batch.append(index)
        used += lengths[index]
    if batch:
        yield batch


def room_of(budget: Budget) -> int:
    """Tokens of the next batch."""
    return budget() if callable(budget) else budget
