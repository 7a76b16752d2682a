"""GPT-J shapes: attention and MLP beside each other after one norm, rotary pairs of neighbours.

`x + attention(norm(x)) + mlp(norm(x))`, without biases in the attention; transformers has it in
eager attention only, with a GELU written out in Python.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyrite.forward.attention import Attention
from pyrite.forward.lean import Block, Lean, StepAside
from pyrite.forward.linear import Linear, activation_of, can_prepack
from pyrite.forward.projections import Projected, Projections

if TYPE_CHECKING:
    import torch

__all__ = ["build", "fits"]

_NAMES = frozenset(
    {f"attn.{name}_proj.weight" for name in ("q", "k", "v", "out")}
    | {f"{name}.weight" for name in ("ln_1", "mlp.fc_in", "mlp.fc_out")}
    | {f"{name}.bias" for name in ("ln_1", "mlp.fc_in", "mlp.fc_out")}
)


def fits(module: Any) -> bool:
    """Whether the blocks have exactly the weights of this family."""
    blocks = getattr(module, "h", None)
    return (
        blocks is not None
        and all(hasattr(module, name) for name in ("wte", "ln_f"))
        and len(blocks) > 0
        and all({name for name, _ in block.named_parameters()} == _NAMES for block in blocks)
        and all(hasattr(block.attn, "embed_positions") for block in blocks)
    )


def build(module: Any) -> Lean:
    """The lean forward pass of a module that fits.

    Raises:
        StepAside: it turns whole heads or an odd number of values, which none was seen to do.
    """
    attention = module.h[0].attn
    width = attention.rotary_dim
    if not width or width % 2 or attention.head_dim % 2:
        raise StepAside(f"rotary_dim is {width} of {attention.head_dim}")
    packed = can_prepack(list(module.parameters()))

    def turns(count: int) -> torch.Tensor:
        import torch

        table = attention.embed_positions[:count].float()
        sines, cosines = table.chunk(2, dim=-1)
        return torch.complex(cosines, sines)

    return Lean(
        family="gptj",
        embedding=module.wte.weight.detach(),
        blocks=[_Block(block, is_last=block is module.h[-1], packed=packed) for block in module.h],
        norm=_norm(module.ln_f),
        turns=turns,
        scale=attention.head_dim**-0.5,
        longest=int(attention.embed_positions.shape[0]),
    )


class _Block(Block):
    def __init__(self, block: Any, *, is_last: bool, packed: bool) -> None:
        attention, mlp = block.attn, block.mlp
        self.norm = _norm(block.ln_1)
        weights = [getattr(attention, f"{name}_proj").weight for name in "qkv"]
        self.projections = Projections(
            Projected(weights, [None] * 3),
            head_width=int(attention.head_dim),
            split=is_last,
            packed=packed,
        )
        self.out = Linear([attention.out_proj.weight], packed=packed)
        self.fc_in = Linear([mlp.fc_in.weight], [mlp.fc_in.bias], packed=packed)
        self.fc_out = Linear([mlp.fc_out.weight], [mlp.fc_out.bias], packed=packed)
        self.activation = activation_of(mlp.act)

    def __call__(
        self, x: torch.Tensor, attention: Attention, layer: int, last: torch.Tensor | None
    ) -> torch.Tensor:
        normed = self.norm(x)
        if last is None:
            q, k, v = self.projections.every(normed)
        else:
            k, v = self.projections.keys_values(normed)
            x, normed = x[last], normed[last]
            q = self.projections.queries(normed)
        x = self.out.added(attention(layer, q, k, v), x)
        return self.fc_out.added(self.fc_in.activated(normed, self.activation), x)

    def keys_values(self, x: torch.Tensor, attention: Attention) -> None:
        attention.keys_values(*self.projections.keys_values(self.norm(x)))


def _norm(module: Any) -> Any:
    from torch.nn.functional import layer_norm

    weight, bias = module.weight.detach(), module.bias.detach()
    return lambda x: layer_norm(x, module.normalized_shape, weight, bias, module.eps)
