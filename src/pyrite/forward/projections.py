"""Queries, keys and values: one product where every token asks, two where only some do.

Without a copy of the weights for the CPU they stay the three layers of the module, so that nothing
of a large model is held twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyrite.forward.linear import Linear

if TYPE_CHECKING:
    import torch

__all__ = ["Projected", "Projections"]


@dataclass(frozen=True, slots=True)
class Projected:
    """The three linear layers of an attention: weights [out, in] and biases of q, k and v."""

    weights: Sequence[torch.Tensor]
    biases: Sequence[torch.Tensor | None]


class Projections:
    """Tokens to queries [tokens, H, D], keys and values [tokens, K, D] (H heads, K key heads)."""

    def __init__(self, given: Projected, *, head_width: int, split: bool, packed: bool) -> None:
        """`split` keeps the queries apart, for the last layer, where few tokens ask."""
        self.head_width = head_width
        self.sizes = [weight.shape[0] for weight in given.weights]
        if not packed:
            cuts = [slice(0, 1), slice(1, 2), slice(2, 3)]
        else:
            cuts = [slice(0, 1), slice(1, 3)] if split else [slice(0, 3)]
        self.layers = [Linear(given.weights[cut], given.biases[cut], packed=packed) for cut in cuts]

    def every(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Queries, keys and values of all tokens."""
        if len(self.layers) > 1:
            return (self.queries(x), *self.keys_values(x))
        q, k, v = _split(self.layers[0](x), self.sizes)
        return self._heads(q), self._heads(k), self._heads(v)

    def queries(self, x: torch.Tensor) -> torch.Tensor:
        """Queries alone; only of a split one."""
        return self._heads(self.layers[0](x))

    def keys_values(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Keys and values alone; only of a split one."""
        if len(self.layers) == 3:
            return self._heads(self.layers[1](x)), self._heads(self.layers[2](x))
        k, v = _split(self.layers[1](x), self.sizes[1:])
        return self._heads(k), self._heads(v)

    def _heads(self, x: torch.Tensor) -> torch.Tensor:
        return x.view(x.shape[0], -1, self.head_width)


def _split(x: torch.Tensor, sizes: Sequence[int]) -> tuple[torch.Tensor, ...]:
    """Neighbouring columns, as views."""
    starts = [sum(sizes[:index]) for index in range(len(sizes))]
    return tuple(x.narrow(-1, start, size) for start, size in zip(starts, sizes, strict=True))
