"""Which lean forward pass a module gets, if any: told by its weights, proved on a few texts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyrite.forward import gptj, llama
from pyrite.forward.forest import in_pieces
from pyrite.forward.lean import Lean, StepAside
from pyrite.forward.proof import OF_NOISE, Head, Proof, exact_copy, prove

if TYPE_CHECKING:
    import torch

__all__ = ["Chosen", "choose"]

_FAMILIES = (gptj, llama)

_WINDOWS = ("sliding_window", "attention_window", "attention_chunk_size", "window_size")
_OTHER_ATTENTION = ("softcap", "logit_cap", "soft_cap")


@dataclass(frozen=True, slots=True)
class Chosen:
    """The lean forward pass, or None, and which one runs and why, in words."""

    lean: Lean | None
    told: str


def choose(module: Any, head: Head) -> Chosen:
    """The lean forward pass of a decoder, proved equal to it; the plain one where that fails.

    Args:
        module: a transformers decoder without its head, in eval mode.
        head: the score of a vector.
    """
    try:
        lean = _built(module)
        exact = exact_copy(module)
        equal = (
            _proved(lean, module, head) if exact is None else _proved(_built(exact), exact, head)
        )
        near = None if exact is None else _proved(lean, module, head, exact=exact)
    except StepAside as reason:
        return Chosen(None, f"plain, because {reason}")
    limit = "" if lean.longest is None else f", up to {lean.longest} tokens"
    told = f"lean {lean.family}{limit}, proved equal to {equal.difference:.0e} of the score spread"
    if near is not None:
        kind = str(lean.embedding.dtype).removeprefix("torch.")
        told += (
            f" in float32; in {kind} its error is {near.difference:.0e} of the spread, the plain "
            f"forward pass's {near.allowed / OF_NOISE:.0e}"
        )
    return Chosen(lean, told)


def _proved(lean: Lean, module: Any, head: Head, *, exact: Any = None) -> Proof:
    """Hold a lean forward pass to the plain one.

    Raises:
        StepAside: it gives something else.
    """
    name = "the lean forward pass"
    return prove(
        module, head, lambda rows: _ways(lean, rows), longest=lean.longest, name=name, exact=exact
    )


def _built(module: Any) -> Lean:
    family = next((family for family in _FAMILIES if family.fits(module)), None)
    if family is None:
        raise StepAside(f"no lean forward pass knows the layers of {type(module).__name__}")
    if module.training:
        raise StepAside("the module is in training mode")
    kinds = {(str(weight.dtype), str(weight.device)) for weight in module.parameters()}
    if len(kinds) != 1 or not all(weight.is_floating_point() for weight in module.parameters()):
        raise StepAside("its weights are of several types or on several devices")
    window = None
    for name, value in _options(module.config):
        if any(word in name for word in _OTHER_ATTENTION):
            raise StepAside(f"config.json sets {name} ({value}), which it does not know")
        if name in _WINDOWS:
            window = min(int(value), window or int(value))
    lean: Lean = family.build(module)
    if window is not None:
        # A text that fits into the window is not changed by it; longer ones run plainly.
        lean.longest = min(window, lean.longest or window)
    return lean


def _ways(lean: Lean, rows: list[tuple[int, ...]]) -> list[torch.Tensor]:
    """Each way in which a lean forward pass is used: whole, all tokens kept, shared beginnings."""
    import torch

    every = torch.stack([final[-1] for final, _ in lean.states(rows, 0)])
    return [lean.read(rows), every, lean.read_forest(in_pieces(rows))]


def _options(config: Any) -> Iterator[tuple[str, Any]]:
    """What a configuration sets, what is off left out."""
    for name, value in config.to_dict().items():
        if value is not None and value is not False and name != "layer_types":
            yield name, value
