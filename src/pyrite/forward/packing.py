"""Texts laid end to end: which tokens, at which positions, and which belong together.

On a CPU tokens that nobody reads are added at the end, so that the products of a run have few
different numbers of rows: oneDNN compiles and keeps code for every number it meets.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

__all__ = ["Filling", "Group", "Pack", "chunks", "filling", "pack"]

_TEXTS = 8
"""More texts than these are filled up to a multiple of it."""


@dataclass(frozen=True, slots=True)
class Group:
    """Texts of one length: tokens `start` to `stop` of the pack."""

    start: int
    count: int
    length: int

    @property
    def stop(self) -> int:
        """One past the last token."""
        return self.start + self.count * self.length


@dataclass(frozen=True, slots=True)
class Pack:
    """Texts laid end to end, in the order of their lengths.

    Attributes:
        ids: the tokens, [tokens].
        positions: the position of each in its own text, [tokens].
        last: where each text's last token stands, [texts]; after those of the given texts those
            of the filling.
        groups: the texts of one length, in the order they stand.
        order: which of the given texts stands first, second, ...
    """

    ids: torch.Tensor
    positions: torch.Tensor
    last: torch.Tensor
    groups: tuple[Group, ...]
    order: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Filling:
    """Tokens and texts to add at the end; the first texts have one token, the last has the rest."""

    tokens: int
    texts: int

    @property
    def lengths(self) -> list[int]:
        """Tokens of each added text."""
        if not self.texts:
            return []
        return [1] * (self.texts - 1) + [self.tokens - self.texts + 1]


def filling(tokens: int, texts: int) -> Filling:
    """What makes numbers of tokens and texts round: up to 8 tokens and a 32nd more.

    Tokens go up to a multiple of a 32nd of the power of two below them, 64 and fewer stay as they
    are. In the last layer only the texts' last tokens are run, so that their number counts too.
    """
    few = texts <= _TEXTS
    more = 0 if few else -texts % _TEXTS
    if not more and _rounded(tokens) == tokens:
        return Filling(0, 0)
    more = more or (1 if few else _TEXTS)
    return Filling(_rounded(tokens + more) - tokens, more)


def _rounded(tokens: int) -> int:
    step = 1 << max((tokens - 1).bit_length() - 6, 0)
    return -(-tokens // step) * step


def pack(texts: Sequence[Sequence[int]], device: torch.device, *, filled: bool = False) -> Pack:
    """Lay texts end to end; each has at least one token. `filled` adds a filling."""
    import torch

    order = _sorted(texts)
    ids: list[int] = []
    positions: list[int] = []
    last: list[int] = []
    groups: list[Group] = []
    for index in order:
        text = texts[index]
        length = len(text)
        if groups and groups[-1].length == length:
            open_group = groups.pop()
            group = Group(open_group.start, open_group.count + 1, length)
        else:
            group = Group(len(ids), 1, length)
        groups.append(group)
        ids.extend(text)
        positions.extend(range(length))
        last.append(len(ids) - 1)
    for length in filling(len(ids), len(last)).lengths if filled else ():
        groups.append(Group(len(ids), 1, length))
        ids.extend([0] * length)
        positions.extend([0] * length)
        last.append(len(ids) - 1)
    return Pack(
        ids=torch.tensor(ids, device=device),
        positions=torch.tensor(positions, device=device),
        last=torch.tensor(last, device=device),
        groups=tuple(groups),
        order=tuple(order),
    )


def chunks(texts: Sequence[Sequence[int]], budget: int) -> Iterator[list[int]]:
    """Indices of texts that are run together: up to `budget` tokens, a longer text alone."""
    chunk: list[int] = []
    used = 0
    for index in _sorted(texts):
        length = len(texts[index])
        if chunk and used + length > budget:
            yield chunk
            chunk, used = [], 0
        chunk.append(index)
        used += length
    if chunk:
        yield chunk


def _sorted(texts: Sequence[Sequence[int]]) -> list[int]:
    return sorted(range(len(texts)), key=lambda index: (len(texts[index]), index))
