"""Weights of linear layers rounded to int8: what that does to scores, without being faster.

Each output of a linear layer has a scale of its own, the largest of its weights is 127 of it, and
zero stays zero (weight-only, symmetric, per channel). Products are then computed in floats, by the
same forward passes as ever. Kernels of int8 were measured and are not used (docs/performance.md).
"""

from __future__ import annotations

from typing import Any

__all__ = ["round_to_int8"]

LARGEST = 127


def round_to_int8(module: Any) -> None:
    """Round the linear layers of a transformers model, in place; a head above it stays as it is."""
    import torch
    from transformers.pytorch_utils import Conv1D

    for layer in getattr(module, "base_model", module).modules():
        if isinstance(layer, torch.nn.Linear | Conv1D):
            weight = layer.weight.data
            # A Conv1D of GPT-2 is a linear layer whose weights are written [in, out].
            inputs = 0 if isinstance(layer, Conv1D) else 1
            scale = weight.abs().amax(dim=inputs, keepdim=True) / LARGEST
            # Of an output whose weights are all zero.
            scale[scale == 0] = 1.0
            layer.weight.data = (weight / scale).round_().mul_(scale)
