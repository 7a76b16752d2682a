"""Rows of a view token by token, where the query stored what the head gives at every token."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import pyarrow as pa

from pyrite.report import TokenRewards
from pyrite.report.material import View
from pyrite.types import Json

__all__ = ["has_token_rewards", "token_rewards"]

MOST_TOKENS = 1000
"""Tokens of one text in a report: those nearest to the one that the score is read at."""
_SIDES = {"": "", "chosen_": "chosen text, ", "rejected_": "rejected text, "}


def has_token_rewards(view: View) -> bool:
    """Whether the query of this view stored them."""
    return bool(_prefixes(view))


def token_rewards(view: View, rows: Sequence[tuple[str, int]]) -> Iterator[TokenRewards]:
    """Both texts of a pair, or the one of a row, for rows named by why they are here.

    Raises:
        CorruptArtifactError: a chunk of the query cannot be read.
    """
    prefixes = _prefixes(view)
    names = ("token_texts", "token_rewards", "read_at")
    columns = [f"{prefix}{name}" for prefix in prefixes for name in names]
    stored = _rows(view, columns, {row for _, row in rows}) if prefixes else {}
    for why, row in rows:
        for prefix in prefixes:
            texts, rewards, read_at = (stored[row][f"{prefix}{name}"] for name in names)
            if texts and rewards and read_at is not None:
                yield _block(view, f"{why}: row {row}", prefix, texts, rewards, read_at)


def _prefixes(view: View) -> list[str]:
    stored = view.stored.chunks.schema().names
    return [prefix for prefix in _SIDES if f"{prefix}token_rewards" in stored]


def _block(
    view: View,
    named: str,
    prefix: str,
    texts: Sequence[str],
    rewards: Sequence[float | None],
    read_at: int,
) -> TokenRewards:
    stop = min(len(texts), read_at + MOST_TOKENS // 4)
    start = max(0, stop - MOST_TOKENS)
    score = rewards[read_at]
    left = len(texts) - (stop - start)
    said = f"; {left:,} of {len(texts):,} tokens are left out" if left else ""
    after = "" if read_at == len(texts) - 1 else ", and nothing after it"
    return TokenRewards(
        id=f"tokens-{view.id}-{prefix}{named}",
        caption=f"{view.id}, {named}, {_SIDES[prefix]}score "
        f"{'not known' if score is None else f'{score:.2f}'}: what the head gives at each token, "
        f"for the text up to it. The score is read at token {read_at + 1}{after}{said}.",
        tokens=list(texts[start:stop]),
        rewards=list(rewards[start:stop]),
    )


def _rows(view: View, columns: list[str], wanted: set[int]) -> dict[int, dict[str, Json]]:
    """These rows of the query's table; chunks are read one by one."""
    found: dict[int, dict[str, Json]] = {}
    chunks = view.stored.chunks
    edges = [0, *(chunk.stop for chunk in chunks.chunks())]
    for (start, stop), table in zip(pairwise(edges), chunks.tables(columns), strict=True):
        inside = [row for row in sorted(wanted) if start <= row < stop]
        taken = table.take(pa.array([row - start for row in inside], pa.int64())).to_pylist()
        found |= dict(zip(inside, taken, strict=True))
    return found
