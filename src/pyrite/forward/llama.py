"""Llama shapes (Llama, Mistral, Qwen2, Qwen3 and their kin): norm, attention, norm, gated MLP.

Root mean square norms, fewer key heads than heads, rotary halves; a bias of the projections and a
norm of queries and keys where the module has them. Where weights are copied for the CPU anyway,
heads are laid out anew so that values which are turned together become neighbours: products of
queries and keys do not change by that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pyrite.forward.attention import Attention
from pyrite.forward.lean import Block, Lean, StepAside
from pyrite.forward.linear import Linear, activation_of, can_prepack
from pyrite.forward.projections import Projected, Projections

if TYPE_CHECKING:
    import torch

__all__ = ["build", "fits"]

_LAYERS = ("q_proj", "k_proj", "v_proj", "o_proj")
_NORMS = ("input_layernorm", "post_attention_layernorm")
_NEEDED = frozenset(
    {f"self_attn.{name}.weight" for name in _LAYERS}
    | {f"mlp.{name}_proj.weight" for name in ("gate", "up", "down")}
    | {f"{name}.weight" for name in _NORMS}
)
_POSSIBLE = (
    _NEEDED
    | {f"self_attn.{name}.bias" for name in _LAYERS}
    | {f"mlp.{name}_proj.bias" for name in ("gate", "up", "down")}
    | {f"self_attn.{name}_norm.weight" for name in "qk"}
)
_STEADY_TURNS = frozenset({"default", "linear", "llama3", "yarn"})
"""Kinds of rotary factors that do not depend on the length of the text."""


def fits(module: Any) -> bool:
    """Whether the blocks have exactly the weights of this family."""
    blocks = getattr(module, "layers", None)
    names = ("embed_tokens", "norm", "rotary_emb")
    if blocks is None or not len(blocks) or not all(hasattr(module, name) for name in names):
        return False
    found = [{name for name, _ in block.named_parameters()} for block in blocks]
    return all(names >= _NEEDED and names <= _POSSIBLE for names in found)


def build(module: Any) -> Lean:
    """The lean forward pass of a module that fits.

    Raises:
        StepAside: its rotary factors depend on the length of the text, or a part is of no known
            kind.
    """
    for block in module.layers:
        _check(block)
    attention = module.layers[0].self_attn
    kind = getattr(module.rotary_emb, "rope_type", None)
    if kind not in _STEADY_TURNS:
        raise StepAside(
            f"rotary factors of kind {kind!r} are not known to be the same at any length"
        )
    width = int(attention.head_dim)
    if 2 * len(module.rotary_emb.inv_freq) != width:
        raise StepAside(f"{2 * len(module.rotary_emb.inv_freq)} of {width} values are turned")
    if len({block.self_attn.scaling for block in module.layers}) > 1:
        raise StepAside("layers scale their attention differently")
    packed = can_prepack(list(module.parameters()))
    return Lean(
        family="llama",
        embedding=module.embed_tokens.weight.detach(),
        blocks=[
            _Block(block, is_last=block is module.layers[-1], packed=packed)
            for block in module.layers
        ],
        norm=_norm(module.norm),
        turns=_turns(module),
        scale=float(attention.scaling),
        halves=not packed,
    )


class _Block(Block):
    def __init__(self, block: Any, *, is_last: bool, packed: bool) -> None:
        attention, mlp = block.self_attn, block.mlp
        width = int(attention.head_dim)
        self.norms = [_norm(getattr(block, name)) for name in _NORMS]
        self.query_norm, self.key_norm = (
            _norm(getattr(attention, name), paired=packed) if hasattr(attention, name) else None
            for name in ("q_norm", "k_norm")
        )
        layers = [getattr(attention, name) for name in _LAYERS[:3]]
        pairs = (packed, packed, False)
        both = list(zip(layers, pairs, strict=True))
        weights = [_paired(x.weight, width) if turned else x.weight for x, turned in both]
        biases = [
            _paired(x.bias, width) if turned and x.bias is not None else x.bias
            for x, turned in both
        ]
        self.projections = Projections(
            Projected(weights, biases), head_width=width, split=is_last, packed=packed
        )
        self.out, self.gate, self.up, self.down = (
            Linear([x.weight], [x.bias], packed=packed)
            for x in (attention.o_proj, mlp.gate_proj, mlp.up_proj, mlp.down_proj)
        )
        self.activation = activation_of(mlp.act_fn)

    def __call__(
        self, x: torch.Tensor, attention: Attention, layer: int, last: torch.Tensor | None
    ) -> torch.Tensor:
        normed = self.norms[0](x)
        if last is None:
            q, k, v = self.projections.every(normed)
        else:
            k, v = self.projections.keys_values(normed)
            x, normed = x[last], normed[last]
            q = self.projections.queries(normed)
        q = q if self.query_norm is None else self.query_norm(q)
        k = k if self.key_norm is None else self.key_norm(k)
        x = self.out.added(attention(layer, q, k, v), x)
        normed = self.norms[1](x)
        inner = self.up.multiplied(normed, self.gate.activated(normed, self.activation))
        return self.down.added(inner, x)

    def keys_values(self, x: torch.Tensor, attention: Attention) -> None:
        k, v = self.projections.keys_values(self.norms[0](x))
        attention.keys_values(k if self.key_norm is None else self.key_norm(k), v)


def _check(block: Any) -> None:
    """Refuse a layer whose parts are not what their names say in this family."""
    attention = block.self_attn
    for name in ("head_dim", "scaling"):
        if not hasattr(attention, name):
            raise StepAside(f"{type(attention).__name__} has no {name}")
    norms = [getattr(block, name) for name in _NORMS]
    norms += [getattr(attention, name) for name in ("q_norm", "k_norm") if hasattr(attention, name)]
    for norm in norms:
        if not hasattr(norm, "variance_epsilon"):
            raise StepAside(f"{type(norm).__name__} is another norm")
    if any(len(norm.weight) != attention.head_dim for norm in norms[2:]):
        raise StepAside("queries and keys are normed over all heads together")
    if not hasattr(block.mlp, "act_fn"):
        raise StepAside(f"{type(block.mlp).__name__} has no act_fn")


def _paired(rows: torch.Tensor, width: int) -> torch.Tensor:
    """Rows of heads in another order: i and i + width / 2 become neighbours."""
    heads = rows.detach().reshape(-1, 2, width // 2, *rows.shape[1:])
    return heads.transpose(1, 2).flatten(0, 2)


def _turns(module: Any) -> Callable[[int], torch.Tensor]:
    def turns(count: int) -> torch.Tensor:
        import torch

        weight = module.embed_tokens.weight
        positions = torch.arange(count, device=weight.device)[None]
        cosines, sines = module.rotary_emb(weight.float(), positions)
        half = cosines.shape[-1] // 2
        return torch.complex(cosines[0, :, :half].float(), sines[0, :, :half].float())

    return turns


def _norm(module: Any, *, paired: bool = False) -> Callable[[torch.Tensor], torch.Tensor]:
    """x / sqrt(mean(x^2) + eps) * weight, computed in float32 as transformers does."""
    import torch

    weight = module.weight.detach()
    if paired:
        weight = _paired(weight, len(weight))
    width, eps = len(weight), float(module.variance_epsilon)

    def norm(x: torch.Tensor) -> torch.Tensor:
        exact = x.float()
        length = torch.linalg.vector_norm(exact, dim=-1, keepdim=True)
        factor = length.square_().mul_(1 / width).add_(eps).rsqrt_()
        normed: torch.Tensor = (exact * factor).to(x.dtype).mul_(weight)
        return normed

    return norm
