"""A faster forward pass is used only after it gave what the plain module gives, here and now.

Some texts of random tokens, of several lengths, are scored by the plain module one by one without
padding, and in every other way that is to be used: packed whole, from a shared prefix, with all
tokens kept. The largest difference of scores may be 1e-5 of their spread. Where padding alone
moves the plain module's scores further than that (deep models), it may be as large as what padding
does: no caller could have had less.

In short floats (bfloat16, float16) every other order of sums moves scores by about as much as the
rounding does already, so that nothing is equal to 1e-5. There two things are asked, both against a
copy of the module in float32: that the faster way is right (by the copy's own, held to 1e-5), and
that in short floats it is not further from the copy than twice what the plain module is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyrite.forward.lean import StepAside
from pyrite.forward.linear import LARGEST_SHARE, free_memory

if TYPE_CHECKING:
    import torch

__all__ = [
    "Head",
    "Proof",
    "Ways",
    "exact_copy",
    "largest_difference",
    "plain_last",
    "probes",
    "prove",
]

Head = Callable[["torch.Tensor"], "torch.Tensor"]
"""Vectors [texts, width] to scores [texts]."""

Ways = Callable[[list[tuple[int, ...]]], "list[torch.Tensor]"]
"""Of some texts, their vectors at the last tokens, in one or more ways that must agree."""

OF_SPREAD = 1e-5
OF_LARGEST = 1e-4
"""Largest difference: of scores to their spread, of vectors to their largest value."""

OF_NOISE = 2.0
"""Largest error in short floats, of the plain module's own; both are means over a few texts."""

_SHORT = (1, 2, 5, 7, 7, 19)
_MORE = (3, 4, 6, 8, 9, 11, 13, 16)
"""Lengths of more texts where errors are compared, which are known to a third from so few."""
_LONG, _LONG_OF_LARGE = 160, 40
LARGE = 1_000_000_000
"""From so many parameters on the long text is shorter, since a CPU takes a minute for it."""


@dataclass(frozen=True, slots=True)
class Proof:
    """The difference that was found, in units of the spread of scores.

    Between two ways it is the largest; of errors in short floats the root of their mean square.
    """

    difference: float
    allowed: float


def prove(
    module: Any,
    head: Head,
    ways: Ways,
    *,
    longest: int | None,
    name: str,
    exact: Any = None,
) -> Proof:
    """Compare ways to get the vectors of texts with the plain module, text by text.

    Args:
        module: the transformers decoder without its head.
        head: the score of a vector.
        ways: of texts, the last of them the longest, the vectors [texts, width] each way.
        longest: most tokens of a text that the ways are right for.
        name: what they are called where they differ.
        exact: a copy of the module in float32, for one in short floats.

    Raises:
        StepAside: they differ.
    """
    import torch

    rows = probes(module, longest=longest, more=exact is not None)
    with torch.inference_mode():
        plain = torch.cat([plain_last(module, [row]) for row in rows])
        scores = head(plain)
        if not torch.isfinite(scores).all():
            raise StepAside("the plain forward pass gives scores that are not finite")
        spread = float(scores.max() - scores.min())
        if exact is not None:
            wanted = head(torch.cat([plain_last(exact, [row]) for row in rows]))
            return _as_near(ways(rows), plain, wanted, head, name=name)
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


def _as_near(
    ways: Sequence[torch.Tensor],
    plain: torch.Tensor,
    wanted: torch.Tensor,
    head: Head,
    *,
    name: str,
) -> Proof:
    """Whether each way is as near to the scores in float32 as the plain module is.

    Raises:
        StepAside: its error is more than `OF_NOISE` times the plain one's.
    """

    def error(vectors: torch.Tensor) -> float:
        return float((head(vectors) - wanted).square().mean().sqrt())

    unit = float(wanted.max() - wanted.min()) or 1.0
    for vectors in ways:
        _difference(vectors, plain, wanted, head)
    found, usual = max(map(error, ways)), error(plain)
    if not found <= max(OF_NOISE * usual, OF_SPREAD * unit):
        raise StepAside(
            f"{name} has an error of {found / unit:.1g} of the spread of scores against float32, "
            f"more than twice the {usual / unit:.1g} of the plain forward pass"
        )
    return Proof(found / unit, OF_NOISE * usual / unit)


def exact_copy(module: Any) -> Any:
    """The module in float32, where it computes in less and there is room for it; else None."""
    import copy

    import torch

    weight = next(module.parameters())
    size = 4.0 * sum(parameter.numel() for parameter in module.parameters())
    cuda = weight.device.type == "cuda"
    free = float(torch.cuda.mem_get_info(weight.device)[0]) if cuda else free_memory()
    if weight.dtype.itemsize >= 4 or size > LARGEST_SHARE * free:
        return None
    return copy.deepcopy(module).float()


def probes(module: Any, *, longest: int | None, more: bool = False) -> list[tuple[int, ...]]:
    """Random tokens, the same each time: short texts, two of one length, and a long one last."""
    import torch

    vocabulary = int(module.get_input_embeddings().weight.shape[0])
    large = sum(parameter.numel() for parameter in module.parameters()) >= LARGE
    generator = torch.Generator().manual_seed(20230401)
    most = getattr(module.config, "max_position_embeddings", None)
    limit = min(int(number) for number in (most, longest, 1 << 20) if number)
    usual = (*_SHORT, *_MORE) if more else _SHORT
    lengths = [min(n, limit) for n in (*usual, _LONG_OF_LARGE if large else _LONG)]
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
    far = float((vectors - plain).abs().max()) / max(float(plain.abs().max()), 1e-30)
    coarse = plain.dtype.itemsize < 4
    if not far <= (0.1 if coarse else OF_LARGEST):
        raise StepAside(f"its vectors differ from the plain ones by {far:.1g} of the largest value")
    return largest_difference(head(vectors), scores)


def largest_difference(found: torch.Tensor, wanted: torch.Tensor) -> float:
    """Largest difference of scores; NaN counts as infinite."""
    import math

    largest = float((found - wanted).abs().max())
    return math.inf if math.isnan(largest) else largest
