"""The lean forward pass: packed texts through the blocks of one family of architectures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyrite.forward.attention import Attention, KeysValues
from pyrite.forward.forest import Forest, ForestAttention, Stretch
from pyrite.forward.packing import Pack, chunks, pack

if TYPE_CHECKING:
    import torch

__all__ = ["Block", "Lean", "StepAside"]

CPU_CHUNK = 1024
GPU_CHUNK = 16384
"""Tokens that run through the blocks together; on a CPU few enough to stay in its caches."""


class StepAside(Exception):  # noqa: N818 - not an error: the plain forward pass is used
    """Why a family does not run a module; the text is shown in the scorer's facts."""


class Block(ABC):
    """One layer of a decoder."""

    @abstractmethod
    def __call__(
        self, x: torch.Tensor, attention: Attention, layer: int, last: torch.Tensor | None
    ) -> torch.Tensor:
        """Vectors after the layer.

        Args:
            x: vectors before it, [tokens, width].
            attention: attends among packed texts.
            layer: the layer's number from 0.
            last: the rows of `x` whose output is wanted; None: all of them.

        Returns:
            [tokens, width], or [len(last), width].
        """

    @abstractmethod
    def keys_values(self, x: torch.Tensor, attention: Attention) -> None:
        """Only what later tokens need of these: their keys and values."""


@dataclass(eq=False)
class Lean:
    """A decoder as blocks over packed texts; made by a family's `build`.

    Attributes:
        family: the family's name, for the facts.
        embedding: [vocabulary, width].
        blocks: the layers.
        norm: the final normalisation.
        turns: rotary factors of the first so many positions, [positions, half of turned width].
        scale: factor of the products of queries and keys.
        halves: whether rotary pairs are halves of a head, else neighbours.
        longest: most tokens of a text that this forward pass is right for; None: any number.
    """

    family: str
    embedding: torch.Tensor
    blocks: Sequence[Block]
    norm: Callable[[torch.Tensor], torch.Tensor]
    turns: Callable[[int], torch.Tensor]
    scale: float
    halves: bool = False
    longest: int | None = None
    _table: torch.Tensor | None = field(default=None, repr=False)

    @property
    def chunk(self) -> int:
        """Tokens that run together."""
        return CPU_CHUNK if self.embedding.device.type == "cpu" else GPU_CHUNK

    @property
    def filled(self) -> bool:
        """Whether numbers of rows are made round, which only oneDNN gains from."""
        return self.embedding.device.type == "cpu"

    def read(self, texts: Sequence[tuple[int, ...]]) -> torch.Tensor:
        """The final vectors at each text's last token, [texts, width].

        Texts that are the same are run once, so that their vectors are the same to the bit.
        """
        import torch

        distinct = list(dict.fromkeys(texts))
        vectors = self.embedding.new_empty(len(distinct), self.embedding.shape[1])
        with torch.inference_mode():
            for chunk in chunks(distinct, self.chunk):
                attention = self._attention([distinct[i] for i in chunk])
                x = self._through(attention, len(self.blocks) - 1)
                last = len(self.blocks) - 1
                x = self.norm(self.blocks[last](x, attention, last, attention.pack.last))
                vectors[[chunk[i] for i in attention.pack.order]] = x[: len(chunk)]
        place = {text: index for index, text in enumerate(distinct)}
        return vectors[[place[text] for text in texts]]

    def read_forest(self, forest: Forest) -> torch.Tensor:
        """The final vectors at the end of each text of a forest, [texts, width]."""
        import torch

        found = [self.embedding.new_empty(0, self.embedding.shape[1])]
        known: Mapping[int, Sequence[KeysValues]] = {}
        device, last = self.embedding.device, len(self.blocks) - 1
        with torch.inference_mode():
            for first, stop in forest.stretches(self.chunk):
                stretch = Stretch(forest, first, stop, device=device, filled=self.filled)
                attention = ForestAttention(
                    stretch.pack,
                    self._turned(stretch.pack, forest.longest),
                    self.scale,
                    halves=self.halves,
                    stretch=stretch,
                    known=known,
                )
                x = self._through(attention, last)
                if stretch.texts:
                    x = self.norm(self.blocks[-1](x, attention, last, stretch.pack.last))
                    found.append(x[: stretch.texts])
                else:
                    self.blocks[-1].keys_values(x, attention)
                known = attention.handed_on()
        return torch.cat(found)

    def states(
        self, rows: Sequence[Sequence[int]], layer: int
    ) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Vectors of all tokens: of each text the final ones and those that enter block `layer`.

        With `layer` the number of blocks both are the final ones. Each is [tokens, width].
        """
        import torch

        found: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        with torch.inference_mode():
            for chunk in chunks(rows, self.chunk):
                attention = self._attention([rows[i] for i in chunk])
                inner = self._through(attention, min(layer, len(self.blocks)))
                x = inner
                for number in range(layer, len(self.blocks)):
                    x = self.blocks[number](x, attention, number, None)
                final = self.norm(x)
                wanted = final if layer >= len(self.blocks) else inner
                lengths = [len(rows[chunk[i]]) for i in attention.pack.order]
                both = (torch.split(x[: sum(lengths)], lengths) for x in (final, wanted))
                split = zip(*both, strict=True)
                found |= zip((chunk[i] for i in attention.pack.order), split, strict=True)
        return [found[index] for index in range(len(rows))]

    def _through(self, attention: Attention, stop: int) -> torch.Tensor:
        """The vectors that enter block `stop`."""
        x = self.embedding[attention.pack.ids]
        for number in range(stop):
            x = self.blocks[number](x, attention, number, None)
        return x

    def _attention(self, texts: Sequence[Sequence[int]]) -> Attention:
        packed = pack(texts, self.embedding.device, filled=self.filled)
        turns = self._turned(packed, max(map(len, texts)))
        return Attention(packed, turns, self.scale, halves=self.halves)

    def _turned(self, packed: Pack, needed: int) -> torch.Tensor:
        """Rotary factors of the tokens of a pack, the longest text of which has `needed`."""
        if self._table is None or len(self._table) < needed:
            # Doubled, so that a longer text does not make a new table each time.
            self._table = self.turns(max(256, 1 << (needed - 1).bit_length()))
        return self._table[packed.positions][:, None]
