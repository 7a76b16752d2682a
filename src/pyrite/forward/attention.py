"""Attention over packed texts: causal within each, never across two.

Shapes: T tokens, H heads, K key heads (H is a multiple of K), D width of a head.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyrite.forward.packing import Pack

if TYPE_CHECKING:
    import torch

__all__ = ["Attention", "KeysValues", "rotate", "with_sums", "with_sums_plain"]


@dataclass(frozen=True, slots=True)
class KeysValues:
    """What a layer keeps of tokens: keys (turned to their positions) and values, [K, tokens, D]."""

    keys: torch.Tensor
    values: torch.Tensor


@dataclass(slots=True)
class Attention:
    """The attention of one forward pass over a pack.

    Attributes:
        pack: the texts.
        turns: rotary factors cos + i sin of each token, [T, 1, half of the turned width].
        scale: what products of queries and keys are multiplied with.
        halves: whether values half of the turned width apart are turned together, else neighbours.
    """

    pack: Pack
    turns: torch.Tensor
    scale: float
    halves: bool = False

    def __call__(
        self, layer: int, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor
    ) -> torch.Tensor:
        """Outputs of one layer, [rows, H * D].

        Args:
            layer: its number from 0.
            q: queries [T, H, D] of every token, or [texts, H, D] of each text's last one only.
            k: keys [T, K, D]; like `q` turned to their positions here, in place.
            v: values [T, K, D].
        """
        import torch

        last_only = q.shape[0] != k.shape[0]
        self.keys_values(k, v)
        turns = self.turns[self.pack.last] if last_only else self.turns
        q = rotate(q, turns, halves=self.halves)
        done = []
        row = 0
        for group in self.pack.groups:
            queries = group.count * (1 if last_only else group.length)
            tokens = slice(group.start, group.stop)
            heads = [
                x.view(group.count, -1, *x.shape[1:]).transpose(1, 2)
                for x in (q[row : row + queries], k[tokens], v[tokens])
            ]
            out = _attended(*heads, causal=queries > group.count, scale=self.scale)
            done.append(out.transpose(1, 2).reshape(queries, -1))
            row += queries
        return done[0] if len(done) == 1 else torch.cat(done)

    def keys_values(self, k: torch.Tensor, v: torch.Tensor) -> None:
        """Turn the keys, in place."""
        rotate(k, self.turns, halves=self.halves)


def rotate(x: torch.Tensor, turns: torch.Tensor, *, halves: bool = False) -> torch.Tensor:
    """Turn pairs of values in the first part of each head, in place.

    Args:
        x: [T, heads, D].
        turns: complex factors [T, 1, half of the turned width].
        halves: pairs are half of the turned width apart; else they are neighbours, which is one
            product of complex numbers and five times as fast.
    """
    import torch

    if halves:
        width = turns.shape[-1]
        first, second = x[..., :width], x[..., width : 2 * width]
        turned_first = first * turns.real - second * turns.imag
        second.copy_(second * turns.real + first * turns.imag)
        first.copy_(turned_first)
        return x
    turned = x[..., : 2 * turns.shape[-1]]
    turned = turned.view(*turned.shape[:-1], -1, 2)
    if x.dtype == torch.float32:
        torch.view_as_complex(turned).mul_(turns)
    else:
        exact = torch.view_as_complex(turned.float().contiguous()) * turns
        turned.copy_(torch.view_as_real(exact))
    return x


def with_sums(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, *, scale: float, causal: bool = False
) -> tuple[torch.Tensor, torch.Tensor]:
    """Attention with the logarithms of its sums of exponentials.

    Args:
        q: [count, H, length, D]; k, v: [count, K, length, D].
        scale: factor of the products.
        causal: whether a token sees those up to itself only, of the same text.

    Returns:
        Outputs [count, H, length, D] and logarithms [count, H, length].
    """
    import torch

    fused = getattr(torch.ops.aten, "_scaled_dot_product_flash_attention_for_cpu", None)
    if fused is None or q.device.type != "cpu":
        return with_sums_plain(q, k, v, scale=scale, causal=causal)
    out, sums = fused(q, k, v, 0.0, causal, scale=scale)
    return out, sums


def with_sums_plain(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, *, scale: float, causal: bool = False
) -> tuple[torch.Tensor, torch.Tensor]:
    """The same by plain products, for devices whose fused attention keeps its sums to itself."""
    import torch

    count, heads, length, width = q.shape
    grouped = q.reshape(count, k.shape[1], -1, length, width)
    products = (grouped @ k[:, :, None].transpose(-1, -2)).float() * scale
    if causal:
        unseen = torch.ones(length, k.shape[2], dtype=torch.bool, device=q.device).triu(1)
        products = products.masked_fill(unseen, float("-inf"))
    sums = products.logsumexp(dim=-1)
    weights = torch.exp(products - sums[..., None]).to(v.dtype)
    out = (weights @ v[:, :, None]).reshape(count, heads, length, width)
    return out, sums.reshape(count, heads, length)


def _attended(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, *, causal: bool, scale: float
) -> torch.Tensor:
    from torch.nn.functional import scaled_dot_product_attention

    grouped = q.shape[1] != k.shape[1]
    return scaled_dot_product_attention(q, k, v, is_causal=causal, scale=scale, enable_gqa=grouped)
