"""Shared beginnings with any transformers decoder: its own key and value cache, seen by many rows.

The layers of the cache show what is shared to every row of a batch as a view, and keep nothing of
what a row adds, so that one layer's keys and values of one batch are all the memory that is taken.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

__all__ = ["CachedPrefix", "ends_of", "has_cache", "prefix_cache", "start_cached"]

LARGEST = 48 * 2**20
"""Bytes that one layer's keys and values of a batch may take."""


@dataclass(frozen=True, slots=True)
class CachedPrefix:
    """Tokens, and each layer's keys and values of them, [1, K, P, D]."""

    ids: tuple[int, ...]
    layers: tuple[tuple[torch.Tensor, torch.Tensor], ...] = ()

    def cut(self, length: int) -> CachedPrefix:
        """The first tokens alone, as views."""
        layers = tuple((k[..., :length, :], v[..., :length, :]) for k, v in self.layers)
        return CachedPrefix(self.ids[:length], layers)

    def common(self, ids: Sequence[int]) -> int:
        """How many tokens these and `ids` begin with alike."""
        both = zip(self.ids, ids, strict=False)
        length = min(len(self.ids), len(ids))
        return next((at for at, (one, two) in enumerate(both) if one != two), length)


def has_cache(module: Any) -> bool:
    """Whether a module is a decoder that takes keys and values of tokens before."""
    taken = inspect.signature(module.forward).parameters
    return "past_key_values" in taken and not getattr(module.config, "is_encoder_decoder", False)


def start_cached(
    module: Any, ids: Sequence[int], known: CachedPrefix | None = None
) -> CachedPrefix | None:
    """Run tokens, at least one, and keep what others need of them.

    Call it where no gradient is taken; tensors made in inference mode cannot be used for one.

    Args:
        module: the transformers decoder without its head, which `has_cache`.
        ids: the tokens.
        known: what was run before; where that begins alike, only what is new is run.

    Returns:
        At least these tokens, or None where the module's cache does not keep all of them.
    """
    import torch
    from transformers.cache_utils import DynamicLayer

    prefix = tuple(ids)
    at = known.common(prefix) if known is not None else 0
    if known is not None and at == len(prefix):
        return known
    device = module.get_input_embeddings().weight.device
    extras: dict[str, Any] = {}
    if known is not None and at:
        extras = _extras(module, at, len(prefix))
        extras["past_key_values"] = _kept(known, at)
        extras["attention_mask"] = torch.ones(1, len(prefix), dtype=torch.long, device=device)
    out = module(input_ids=torch.tensor([prefix[at:]], device=device), use_cache=True, **extras)
    layers = getattr(getattr(out, "past_key_values", None), "layers", [])
    if not layers or any(type(layer) is not DynamicLayer for layer in layers):
        return None  # sliding windows forget, other kinds are not tokens
    if any(layer.get_seq_length() != len(prefix) for layer in layers):
        return None
    return CachedPrefix(prefix, tuple((layer.keys, layer.values) for layer in layers))


def _kept(prefix: CachedPrefix, shared: int) -> Any:
    """A transformers cache of the first `shared` tokens that keeps what is added."""
    from transformers.cache_utils import Cache, DynamicLayer

    return Cache(layers=_layers(prefix, shared, DynamicLayer))


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

    return Cache(layers=_layers(prefix, shared, SharedLayer))


def _layers(prefix: CachedPrefix, shared: int, kind: Any) -> list[Any]:
    layers = []
    for keys, values in prefix.layers:
        layer = kind()
        layer.lazy_initialization(keys, values)
        layer.keys, layer.values = keys[..., :shared, :], values[..., :shared, :]
        layers.append(layer)
    return layers


def ends_of(
    module: Any, ends: Sequence[Sequence[int]], prefix: CachedPrefix, shared: int
) -> torch.Tensor:
    """The final vectors at the last token of each end, [ends, width].

    Args:
        module: the transformers decoder without its head.
        ends: at least one token each, after the first `shared` tokens of the prefix.
        prefix: what was run before.
        shared: at least one.
    """
    import torch

    order = sorted(range(len(ends)), key=lambda index: len(ends[index]), reverse=True)
    found: dict[int, torch.Tensor] = {}
    while order:
        room = _rows(prefix, shared + len(ends[order[0]]))
        batch, order = order[:room], order[room:]
        vectors = _forward(module, [ends[index] for index in batch], prefix, shared)
        found |= zip(batch, vectors, strict=True)
    return torch.stack([found[index] for index in range(len(ends))])


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
    out = module(
        input_ids=ids.to(device),
        attention_mask=mask.to(device),
        past_key_values=prefix_cache(prefix, shared),
        use_cache=True,
        **_extras(module, shared, shared + longest, rows=len(rows)),
    )
    last = torch.tensor([len(row) - 1 for row in rows], device=device)
    vectors: torch.Tensor = out.last_hidden_state[torch.arange(len(rows), device=device), last]
    return vectors


def _extras(module: Any, start: int, stop: int, *, rows: int = 1) -> dict[str, Any]:
    """Positions, where a module takes them."""
    import torch

    if "position_ids" not in inspect.signature(module.forward).parameters:
        return {}
    positions = torch.arange(start, stop, device=module.get_input_embeddings().weight.device)
    return {"position_ids": positions[None].expand(rows, -1)}


def _rows(prefix: CachedPrefix, length: int) -> int:
    """Rows of a batch whose keys and values of one layer fit into `LARGEST`."""
    keys = prefix.layers[0][0]
    row = 2 * keys.shape[1] * length * keys.shape[-1] * keys.element_size()
    return max(LARGEST // row, 1)
