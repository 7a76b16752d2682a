"""Shared prefixes with any transformers decoder: its own key and value cache, seen by many rows.

The layers of the cache show the prefix to every row of a batch as a view, and keep nothing of what
a row adds, so that one layer's keys and values of one batch are all the memory that is taken.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyrite.forward.packing import Part

if TYPE_CHECKING:
    import torch

__all__ = ["CachedPrefix", "cached_last", "prefix_cache", "start_cached"]

LARGEST = 48 * 2**20
"""Bytes that one layer's keys and values of a batch may take."""


@dataclass(frozen=True, slots=True)
class CachedPrefix:
    """Tokens, and each layer's keys and values of them, [1, K, P, D]."""

    ids: tuple[int, ...]
    layers: tuple[tuple[torch.Tensor, torch.Tensor], ...] = ()


def start_cached(module: Any, ids: Sequence[int]) -> CachedPrefix | None:
    """Run a prefix once; None where the module's cache does not keep all of its tokens.

    Call it where no gradient is taken; tensors made in inference mode cannot be used for one.
    """
    import torch
    from transformers.cache_utils import DynamicLayer

    prefix = tuple(ids)
    if not prefix:
        return CachedPrefix(prefix)
    if "past_key_values" not in inspect.signature(module.forward).parameters:
        return None
    device = module.get_input_embeddings().weight.device
    out = module(input_ids=torch.tensor([prefix], device=device), use_cache=True)
    layers = getattr(getattr(out, "past_key_values", None), "layers", [])
    if not layers or any(type(layer) is not DynamicLayer for layer in layers):
        return None  # sliding windows forget, other kinds are not tokens
    if any(layer.get_seq_length() != len(prefix) for layer in layers):
        return None
    return CachedPrefix(prefix, tuple((layer.keys, layer.values) for layer in layers))


def prefix_cache(prefix: CachedPrefix, shared: int) -> Any:
    """A transformers cache of the first `shared` tokens, for any number of rows."""
    import torch
    from transformers.cache_utils import Cache, DynamicLayer

    class SharedLayer(DynamicLayer):  # type: ignore[misc]
        """A layer that every row sees and none adds to."""

        def update(
            self, keys: torch.Tensor, values: torch.Tensor, *_: Any, **__: Any
        ) -> tuple[torch.Tensor, torch.Tensor]:
            rows = keys.shape[0]
            both = ((self.keys, keys), (self.values, values))
            whole = [torch.cat([old.expand(rows, -1, -1, -1), new], dim=-2) for old, new in both]
            return whole[0], whole[1]

    layers = []
    for keys, values in prefix.layers:
        layer = SharedLayer()
        layer.lazy_initialization(keys, values)
        layer.keys, layer.values = keys[..., :shared, :], values[..., :shared, :]
        layers.append(layer)
    return Cache(layers=layers)


def cached_last(module: Any, parts: Sequence[Part], prefix: CachedPrefix) -> torch.Tensor:
    """The final vectors at each text's last token, [texts, width].

    Every part has at least one token of its own and shares at least one of the prefix.
    """
    import torch

    found: dict[int, torch.Tensor] = {}
    order = sorted(range(len(parts)), key=lambda i: (parts[i].shared, len(parts[i].ids)))
    start = 0
    while start < len(order):
        shared = parts[order[start]].shared
        room = _rows(prefix, shared + len(parts[order[start]].ids))
        batch = [i for i in order[start : start + room] if parts[i].shared == shared]
        vectors = _forward(module, [parts[i].ids for i in batch], prefix, shared)
        found |= zip(batch, vectors, strict=True)
        start += len(batch)
    return torch.stack([found[index] for index in range(len(parts))])


def _forward(
    module: Any, rows: Sequence[Sequence[int]], prefix: CachedPrefix, shared: int
) -> torch.Tensor:
    import torch

    device = module.get_input_embeddings().weight.device
    longest = max(len(row) for row in rows)
    ids = torch.zeros(len(rows), longest, dtype=torch.long)
    mask = torch.zeros(len(rows), shared + longest, dtype=torch.long)
    for index, row in enumerate(rows):
        ids[index, : len(row)] = torch.tensor(row)
        mask[index, : shared + len(row)] = 1
    extras = {}
    if "position_ids" in inspect.signature(module.forward).parameters:
        positions = torch.arange(shared, shared + longest, device=device)
        extras["position_ids"] = positions[None].expand(len(rows), -1)
    out = module(
        input_ids=ids.to(device),
        attention_mask=mask.to(device),
        past_key_values=prefix_cache(prefix, shared),
        use_cache=True,
        **extras,
    )
    last = torch.tensor([len(row) - 1 for row in rows], device=device)
    vectors: torch.Tensor = out.last_hidden_state[torch.arange(len(rows), device=device), last]
    return vectors


def _rows(prefix: CachedPrefix, length: int) -> int:
    """Rows of a batch whose keys and values of one layer fit into `LARGEST`."""
    keys = prefix.layers[0][0]
    row = 2 * keys.shape[1] * length * keys.shape[-1] * keys.element_size()
    return max(LARGEST // row, 1)
