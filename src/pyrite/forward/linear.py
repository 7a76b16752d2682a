"""Linear layers: several in one product, weights laid out for the CPU, and what follows fused in.

On a CPU, oneDNN can apply the activation, a sum or a product to each block of a matrix product
while it is still in the cache. Measured on one core: for a layer of 512 to 2048 with GELU, a
product of 1024 rows takes 11 ms that way and 14 ms with a GELU after it (more with the GELU that
transformers writes out in Python). The layout is a copy of the weights, so that it is only made
where they are a small part of the free memory; everywhere else plain torch products are used.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

__all__ = ["LARGEST_SHARE", "Activation", "Linear", "activation_of", "can_prepack", "free_memory"]

# Every number of rows is a product of its own to oneDNN, which keeps 1,024 of them compiled, and to
# torch's layer above it, which keeps as many again. Packed batches hardly ever have the same number
# of rows twice: measured, 64 of either kept cost nothing that can be told and save 120 MiB each.
# Both are read before the first product.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")
os.environ.setdefault("LRU_CACHE_CAPACITY", "64")

ROWS = 1024
"""Rows of a usual product; oneDNN chooses the layout for it."""

LARGEST_SHARE = 0.25
"""Weights are copied into the CPU's layout up to this share of the free memory."""


@dataclass(frozen=True, slots=True)
class Activation:
    """A function between layers, and oneDNN's name and algorithm of it where it has one."""

    function: Callable[[torch.Tensor], torch.Tensor]
    fused: tuple[str, str] | None = None


class Linear:
    """One or more linear layers of the same input, side by side.

    All products take x as [rows, in] and give [rows, out], out being the sum of all layers' rows.
    """

    def __init__(
        self,
        weights: Sequence[torch.Tensor],
        biases: Sequence[torch.Tensor | None] = (),
        *,
        packed: bool,
    ) -> None:
        """`weights` are [out, in] each; without `packed` a single one is shared, not copied."""
        import torch

        plain = [weight.detach() for weight in weights]
        self.weight = plain[0] if len(plain) == 1 else torch.cat(plain)
        self.bias = _joined(plain, biases)
        self.packed = packed
        if packed:
            self.weight = torch.ops.mkldnn._reorder_linear_weight(self.weight.contiguous(), ROWS)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """The product."""
        return self._fused(x, "none", "") if self.packed else self._plain(x)

    def activated(self, x: torch.Tensor, activation: Activation) -> torch.Tensor:
        """The product with an activation after it."""
        if self.packed and activation.fused is not None:
            return self._fused(x, *activation.fused)
        return activation.function(self(x))

    def added(self, x: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        """The product plus `other`, [rows, out]."""
        return self._joint(x, other, "add") if self.packed else self._plain(x) + other

    def multiplied(self, x: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        """The product times `other`, [rows, out], element by element."""
        return self._joint(x, other, "mul") if self.packed else self._plain(x) * other

    def _plain(self, x: torch.Tensor) -> torch.Tensor:
        from torch.nn.functional import linear

        return linear(x, self.weight, self.bias)

    def _fused(self, x: torch.Tensor, name: str, algorithm: str) -> torch.Tensor:
        import torch

        product = torch.ops.mkldnn._linear_pointwise
        result: torch.Tensor = product(x, self.weight, self.bias, name, [], algorithm)
        return result

    def _joint(self, x: torch.Tensor, other: torch.Tensor, name: str) -> torch.Tensor:
        import torch

        product = torch.ops.mkldnn._linear_pointwise.binary
        result: torch.Tensor = product(x, other, self.weight, self.bias, name)
        return result


def can_prepack(parameters: Sequence[torch.Tensor]) -> bool:
    """Whether oneDNN is there, takes these weights, and the memory has room for a copy of them."""
    import torch

    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    if not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return False
    kinds = [torch.float32]
    if torch.ops.mkldnn._is_mkldnn_bf16_supported():
        kinds.append(torch.bfloat16)
    if any(p.device.type != "cpu" or p.dtype not in kinds for p in parameters):
        return False
    size = sum(parameter.numel() * parameter.element_size() for parameter in parameters)
    return size <= LARGEST_SHARE * free_memory()


def activation_of(module: Any) -> Activation:
    """The activation that a module computes, told by its values; its own function where unknown."""
    import torch
    from torch.nn import functional

    known = (
        Activation(lambda x: functional.gelu(x, approximate="tanh"), ("gelu", "tanh")),
        Activation(functional.gelu, ("gelu", "none")),
        Activation(functional.silu, ("swish", "")),
        Activation(functional.relu, ("relu", "")),
    )
    with torch.inference_mode():
        values = torch.linspace(-8.0, 8.0, 801)
        wanted = module(values)
        for candidate in known:
            # The two kinds of GELU differ by 5e-4, two ways to write one of them by 1e-6.
            if torch.allclose(candidate.function(values), wanted, rtol=0.0, atol=5e-6):
                return candidate
    return Activation(module)


def _joined(
    weights: Sequence[torch.Tensor], biases: Sequence[torch.Tensor | None]
) -> torch.Tensor | None:
    import torch

    if all(bias is None for bias in biases):
        return None
    parts = [
        weight.new_zeros(weight.shape[0]) if bias is None else bias.detach()
        for weight, bias in zip(weights, biases, strict=True)
    ]
    return torch.cat(parts)


def free_memory() -> float:
    """Bytes that are free, from Linux; elsewhere a guess that suits small models only."""
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
    except OSError:
        return 4 * 2.0**30
    fields = dict(line.split(":", 1) for line in text.splitlines())
    return float(fields["MemAvailable"].split()[0]) * 1024
