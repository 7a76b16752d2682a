"""Attention over packed texts: causal within each, never across two, over a shared prefix once.

The keys and values of a prefix that many texts begin with are kept once. Every text attends to
them and to its own tokens apart, and both results are put together by their sums of exponentials
(`out = lerp(own, shared, sigmoid(lse_shared - lse_own))`), which is exact and copies nothing.

Shapes: T tokens, H heads, K key heads (H is a multiple of K), D width of a head, P prefix tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

from pyrite.forward.packing import Group, Pack

if TYPE_CHECKING:
    import torch

__all__ = ["Attention", "KeysValues", "rotate", "with_sums", "with_sums_plain"]


@dataclass(frozen=True, slots=True)
class KeysValues:
    """What a layer keeps of a prefix: keys (turned to their positions) and values, [K, P, D]."""

    keys: torch.Tensor
    values: torch.Tensor


@dataclass(slots=True)
class Attention:
    """The attention of one forward pass over a pack.

    Attributes:
        pack: the texts.
        turns: rotary factors cos + i sin of each token, [T, 1, half of the turned width].
        scale: what products of queries and keys are multiplied with.
        prefix: per layer, the keys and values of the shared prefix; empty without one.
        halves: whether values half of the turned width apart are turned together, else neighbours.
        kept: the keys and values that were made, per layer, where `keep` is set.
    """

    pack: Pack
    turns: torch.Tensor
    scale: float
    prefix: Sequence[KeysValues] = ()
    halves: bool = False
    keep: bool = False
    kept: list[KeysValues] = field(default_factory=list)

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
        for shared, found in groupby(self.pack.groups, key=lambda group: group.shared):
            groups = list(found)
            rows = sum(g.count if last_only else g.count * g.length for g in groups)
            here = q[row : row + rows]
            known = self.prefix[layer] if shared else None
            done += self._outputs(here, k, v, groups, known, last_only=last_only)
            row += rows
        return done[0] if len(done) == 1 else torch.cat(done)

    def keys_values(self, k: torch.Tensor, v: torch.Tensor) -> None:
        """Turn the keys, and keep both where that is wanted."""
        rotate(k, self.turns, halves=self.halves)
        if self.keep:
            keys, values = (x.transpose(0, 1).contiguous() for x in (k, v))
            self.kept.append(KeysValues(keys, values))

    def _outputs(
        self,
        q: torch.Tensor,
        k: torch.Tensor,
        v: torch.Tensor,
        groups: Sequence[Group],
        known: KeysValues | None,
        *,
        last_only: bool,
    ) -> list[torch.Tensor]:
        """Outputs of groups that begin with the same part of the prefix, [rows, H * D] each."""
        over_prefix = None
        if known is not None:
            # One product for the queries of all groups: they all see the same keys.
            shared = groups[0].shared
            keys, values = known.keys[None, :, :shared], known.values[None, :, :shared]
            over_prefix = with_sums(q.transpose(0, 1)[None], keys, values, scale=self.scale)
        done = []
        row = 0
        for group in groups:
            queries = group.count * (1 if last_only else group.length)
            own = slice(row, row + queries)
            tokens = slice(group.start, group.stop)
            heads = [
                x.view(group.count, -1, *x.shape[1:]).transpose(1, 2)
                for x in (q[own], k[tokens], v[tokens])
            ]
            causal = queries > group.count
            if over_prefix is None:
                out = _attended(*heads, causal=causal, scale=self.scale).transpose(1, 2)
            else:
                out = self._merged(heads, over_prefix, own, causal=causal)
            done.append(out.reshape(queries, -1))
            row += queries
        return done

    def _merged(
        self,
        heads: Sequence[torch.Tensor],
        over_prefix: tuple[torch.Tensor, torch.Tensor],
        own: slice,
        *,
        causal: bool,
    ) -> torch.Tensor:
        """Attention over prefix and own tokens, [count, length, H, D]."""
        import torch

        count, length = heads[0].shape[0], heads[0].shape[2]
        out, sums = with_sums(*heads, causal=causal, scale=self.scale)
        first, first_sums = over_prefix
        first = first[0, :, own].transpose(0, 1)
        first = first.reshape(count, length, *first.shape[1:])
        first_sums = first_sums[0, :, own].transpose(0, 1).reshape(count, length, -1)
        weight = torch.sigmoid(first_sums - sums.transpose(1, 2))[..., None]
        return torch.lerp(out.transpose(1, 2), first, weight.to(out.dtype))


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
