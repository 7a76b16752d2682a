"""Texts laid end to end: which tokens, at which positions, and which belong together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

__all__ = ["Group", "Pack", "Part", "chunks", "pack"]


@dataclass(frozen=True, slots=True)
class Part:
    """A text: its own tokens, after the first `shared` tokens of a prefix that is known already."""

    ids: tuple[int, ...]
    shared: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    """Texts of one length, after one length of prefix: tokens `start` to `stop` of the pack."""

    start: int
    count: int
    length: int
    shared: int

    @property
    def stop(self) -> int:
        """One past the last token."""
        return self.start + self.count * self.length


@dataclass(frozen=True, slots=True)
class Pack:
    """Texts laid end to end, in the order of their prefixes and lengths.

    Attributes:
        ids: the tokens, [tokens].
        positions: the position of each in its own text, [tokens].
        last: where each text's last token stands, [texts].
        groups: the texts of one length after one prefix, in the order they stand.
        order: which of the given texts stands first, second, ...
    """

    ids: torch.Tensor
    positions: torch.Tensor
    last: torch.Tensor
    groups: tuple[Group, ...]
    order: tuple[int, ...]


def pack(parts: Sequence[Part], device: torch.device) -> Pack:
    """Lay texts end to end; each has at least one token."""
    import torch

    order = _sorted(parts)
    ids: list[int] = []
    positions: list[int] = []
    last: list[int] = []
    groups: list[Group] = []
    for index in order:
        part = parts[index]
        length = len(part.ids)
        if groups and (groups[-1].shared, groups[-1].length) == (part.shared, length):
            open_group = groups.pop()
            group = Group(open_group.start, open_group.count + 1, length, part.shared)
        else:
            group = Group(len(ids), 1, length, part.shared)
        groups.append(group)
        ids.extend(part.ids)
        positions.extend(range(part.shared, part.shared + length))
        last.append(len(ids) - 1)
    return Pack(
        ids=torch.tensor(ids, device=device),
        positions=torch.tensor(positions, device=device),
        last=torch.tensor(last, device=device),
        groups=tuple(groups),
        order=tuple(order),
    )


def chunks(parts: Sequence[Part], budget: int) -> Iterator[list[int]]:
    """Indices of texts that are run together: up to `budget` tokens, a longer text alone."""
    chunk: list[int] = []
    used = 0
    for index in _sorted(parts):
        length = len(parts[index].ids)
        if chunk and used + length > budget:
            yield chunk
            chunk, used = [], 0
        chunk.append(index)
        used += length
    if chunk:
        yield chunk


def _sorted(parts: Sequence[Part]) -> list[int]:
    return sorted(range(len(parts)), key=lambda i: (parts[i].shared, len(parts[i].ids), i))
