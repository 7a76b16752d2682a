"""How a score changes with each token: the gradient by the one-hot vectors of some positions.

With g = d score / d embedding at a position and E the embeddings of all tokens (as the module
makes them: some scale their table), E g is the derivative by each token of the vocabulary there
(HotFlip, Ebrahimi et al. 2018; GCG, Zou et al. 2023).
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pyrite.forward.cached import CachedPrefix, prefix_cache
from pyrite.forward.proof import Head

if TYPE_CHECKING:
    import torch

__all__ = ["token_gradients"]

_TOKENS = 16384
"""Tokens whose embeddings are looked up together."""


def token_gradients(
    module: Any,
    head: Head,
    ids: Sequence[int],
    positions: Sequence[int],
    prefix: CachedPrefix | None = None,
) -> torch.Tensor:
    """d score / d one-hot at each position, [positions, vocabulary], in float32.

    Args:
        module: the transformers decoder without its head; always the plain forward pass.
        head: the score of a vector.
        ids: the text; its score is read at the last token.
        positions: indices into `ids`.
        prefix: keys and values of the text's first tokens, all before the first position; made
            without inference mode.
    """
    import torch

    known = len(prefix.ids) if prefix is not None else 0
    embed = module.get_input_embeddings()
    device = embed.weight.device
    embedded = embed(torch.tensor(ids[known:], device=device))[None].detach().requires_grad_()
    extras: dict[str, Any] = {"use_cache": False}
    if prefix is not None and known:
        extras = {"use_cache": True, "past_key_values": prefix_cache(prefix, known)}
    if "position_ids" in inspect.signature(module.forward).parameters:
        extras["position_ids"] = torch.arange(known, len(ids), device=device)[None]
    mask = torch.ones(1, len(ids), dtype=torch.long, device=device)
    with torch.enable_grad():
        out = module(inputs_embeds=embedded, attention_mask=mask, **extras)
        score = head(out.last_hidden_state[:, -1])[0]
        (gradient,) = torch.autograd.grad(score, embedded)
    wanted = gradient[0, torch.tensor(positions, device=device) - known].float()
    with torch.inference_mode():
        tokens = torch.arange(embed.weight.shape[0], device=device)
        return torch.cat(
            [wanted @ embed(some).float().T for some in torch.split(tokens, _TOKENS)], dim=1
        )
