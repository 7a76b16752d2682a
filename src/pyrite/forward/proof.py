"""A faster forward pass is used only after it gave what the plain module gives, here and now.

Some texts of random tokens, of several lengths, are scored by the plain module one by one without
padding, and in every other way that is to be used: packed whole, from a shared prefix, with all
tokens kept. The largest difference of scores may be 1e-5 of their spread. Where padding alone
moves the plain module's scores further than that (deep models, short floats), it may be as large
as what padding does: no caller could have had less.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyrite.forward.lean import StepAside

if TYPE_CHECKING:
    import torch

__all__ = ["Head", "Proof", "Ways", "plain_last", "probes", "prove"]

Head = Callable[["torch.Tensor"], "torch.Tensor"]
"""Vectors [texts, width] to scores [texts]."""

Ways = Callable[[list[tuple[int, ...]]], "list[torch.Tensor]"]
"""Of some texts, their vectors at the last tokens, in one or more ways that must agree."""

OF_SPREAD = 1e-5
OF_LARGEST = 1e-4
"""Largest difference: of scores to their spread, of vectors to their largest value."""

_SHORT = (1, 2, 5, 7, 7, 19)
_LONG, _LONG_OF_LARGE = 160, 40
_LARGE = 1_000_000_000
"""From so many parameters on the long text is shorter, since a CPU takes a minute for it."""


@dataclass(frozen=True, slots=True)
class Proof:
    """The largest difference that was found, in units of the spread of scores."""

    difference: float
    allowed: float


def prove(module: Any, head: Head, ways: Ways, *, longest: int | None, name: str) -> Proof:
    """Compare ways to get the vectors of texts with the plain module, text by text.

    Args:
        module: the transformers decoder without its head.
        head: the score of a vector.
        ways: of texts, the last of them the longest, the vectors [texts, width] each way.
        longest: most tokens of a text that the ways are right for.
        name: what they are called where they differ.

    Raises:
        StepAside: they differ.
    """
    import torch

    rows = probes(module, longest=longest)
    with torch.inference_mode():
        plain = torch.cat([plain_last(module, [row]) for row in rows])
        scores = head(plain)
        if not torch.isfinite(scores).all():
            raise StepAside("the plain forward pass gives scores that are not finite")
        spread = float(scores.max() - scores.min())
        found = max(_difference(vectors, plain, scores, head) for vectors in ways(rows))
        allowed = OF_SPREAD * spread
        if found > allowed:
            padded = head(plain_last(module, rows[: len(_SHORT)]))
            allowed = max(allowed, float((padded - scores[: len(padded)]).abs().max()))
    unit = spread or 1.0
    proof = Proof(found / unit, allowed / unit)
    if not found <= allowed:
        raise StepAside(
            f"{name} differs from the plain forward pass by {proof.difference:.1g} of the spread "
            f"of scores, {proof.allowed:.0e} is allowed"
        )
    return proof


def probes(module: Any, *, longest: int | None) -> list[tuple[int, ...]]:
    """Random tokens, the same each time: short texts, two of one length, and a long one last."""
    import torch

    vocabulary = int(module.get_input_embeddings().weight.shape[0])
    large = sum(parameter.numel() for parameter in module.parameters()) >= _LARGE
    generator = torch.Generator().manual_seed(20230401)
    most = getattr(module.config, "max_position_embeddings", None)
    limit = min(int(number) for number in (most, longest, 1 << 20) if number)
    lengths = [min(n, limit) for n in (*_SHORT, _LONG_OF_LARGE if large else _LONG)]
    return [
        tuple(torch.randint(vocabulary, (length,), generator=generator).tolist())
        for length in lengths
    ]


def plain_last(module: Any, rows: Sequence[Sequence[int]]) -> torch.Tensor:
    """The plain module's final vectors at each row's last token, padded on the right if need be."""
    import torch

    device = module.get_input_embeddings().weight.device
    longest = max(len(row) for row in rows)
    ids = torch.zeros(len(rows), longest, dtype=torch.long)
    mask = torch.zeros(len(rows), longest, dtype=torch.long)
    for index, row in enumerate(rows):
        ids[index, : len(row)] = torch.tensor(row)
        mask[index, : len(row)] = 1
    out = module(input_ids=ids.to(device), attention_mask=mask.to(device), use_cache=False)
    last = torch.tensor([len(row) - 1 for row in rows], device=device)
    vectors: torch.Tensor = out.last_hidden_state[torch.arange(len(rows), device=device), last]
    return vectors


def _difference(
    vectors: torch.Tensor, plain: torch.Tensor, scores: torch.Tensor, head: Head
) -> float:
    """Largest difference of scores; NaN counts as infinite.

    Raises:
        StepAside: the vectors differ although the scores may not.
    """
    import math

    far = float((vectors - plain).abs().max()) / max(float(plain.abs().max()), 1e-30)
    coarse = plain.dtype.itemsize < 4
    if not far <= (0.1 if coarse else OF_LARGEST):
        raise StepAside(f"its vectors differ from the plain ones by {far:.1g} of the largest value")
    difference = float((head(vectors) - scores).abs().max())
    return math.inf if math.isnan(difference) else difference
