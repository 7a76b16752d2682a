"""A plain forward pass through `torch.compile`, where that is asked for: proved, timed, bounded.

All compiling is done when a model is opened, with symbolic sizes, on a batch of several texts and
on one text alone (torch compiles code of its own for that). Afterwards nothing is compiled again:
a batch that the code is not for runs plainly. What it costs and what it wins is measured and said.
The option is no part of a model's identity, so that compiled code is used only where it gives what
the plain module gives, by the same measure as the lean forward passes (`proof`), and in float32.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyrite.forward.lean import StepAside
from pyrite.forward.proof import LARGE, OF_SPREAD, largest_difference, probes

if TYPE_CHECKING:
    import torch

__all__ = ["Compiled", "Forward", "RowScores", "compiled", "texts_per_second"]

Forward = Callable[..., Any]
"""A transformers module, or what is called instead of it."""

RowScores = Callable[[Forward, Sequence[tuple[int, ...]]], "torch.Tensor"]
"""Scores of rows of ids in one padded batch, by this forward."""

Backend = str | Callable[..., Any]
BACKEND: Backend = "inductor"
TIMED_TOKENS = 64
TIMED_TEXTS, TIMED_TEXTS_OF_LARGE = 16, 4
TURNS = 3


@dataclass(frozen=True, slots=True)
class Compiled:
    """What to call, the module itself where it is not compiled, and which and why, in words."""

    forward: Forward
    told: str


def compiled(
    module: Any, scores: RowScores, *, longest: int | None, backend: Backend | None = None
) -> Compiled:
    """Compile a module in eval mode and hold it to what it gives without.

    Args:
        module: the transformers module whose forward pass is run.
        scores: how it is run, and what is read of it.
        longest: most tokens of a text, beside what the module's own configuration says.
        backend: of torch.compile; None: inductor, others are for tests.
    """
    import torch

    try:
        with warnings.catch_warnings(), torch.inference_mode():
            # torch's own compiler uses what torch itself calls deprecated.
            warnings.simplefilter("ignore", DeprecationWarning)
            return _proved(module, scores, probes(module, longest=longest), backend or BACKEND)
    except StepAside as reason:
        return Compiled(module, f"not compiled, because {reason}")
    except (RuntimeError, ValueError) as error:
        return Compiled(module, f"not compiled, because {_failure(error)}")


def _proved(
    module: Any, scores: RowScores, rows: list[tuple[int, ...]], backend: Backend
) -> Compiled:
    import torch

    if any(weight.dtype.itemsize < 4 for weight in module.parameters()):
        raise StepAside("in short floats compiled code rounds elsewhere, which would move scores")
    alone = torch.cat([scores(module, [row]) for row in rows])
    if not torch.isfinite(alone).all():
        raise StepAside("the plain forward pass gives scores that are not finite")
    made = torch.compile(module, backend=backend, dynamic=True)
    began = time.perf_counter()
    found = [scores(made, rows[:-1]), scores(made, rows[-1:])]
    took = time.perf_counter() - began
    forward = _without_recompiling(made)
    found.append(scores(forward, rows))
    plain = [scores(module, rows[:-1]), scores(module, rows[-1:]), scores(module, rows)]
    wanted = [alone[:-1], alone[-1:], alone]
    spread = float(alone.max() - alone.min())
    padding = max(largest_difference(*pair) for pair in zip(plain, wanted, strict=True))
    largest = max(largest_difference(*pair) for pair in zip(found, wanted, strict=True))
    unit = spread or 1.0
    if not largest <= max(OF_SPREAD * spread, padding):
        raise StepAside(
            f"it differs from the plain forward pass by {largest / unit:.1g} of the spread of "
            f"scores ({took:.0f} s of compiling were in vain)"
        )
    timed = _timed_rows(module, rows)
    before, after = texts_per_second(scores, (module, forward), timed)
    speeds = f"{after:.3g} texts/s, {before:.3g} without (texts of {len(timed[0])} random tokens)"
    if after < before:
        raise StepAside(f"after {took:.0f} s of compiling it is slower here: {speeds}")
    said = f"compiled in {took:.0f} s, equal to {largest / unit:.0e} of the score spread; {speeds}"
    return Compiled(forward, said)


def _without_recompiling(made: Forward) -> Forward:
    """Code that there is, else the plain module: sizes that are rare never cost a compilation."""

    def forward(**inputs: Any) -> Any:
        import torch

        with torch.compiler.set_stance("eager_on_recompile"):
            return made(**inputs)

    return forward


def texts_per_second(
    scores: RowScores, forwards: tuple[Forward, Forward], rows: Sequence[tuple[int, ...]]
) -> tuple[float, float]:
    """Texts per second (wall clock) of two ways, taken in turns, the best turn of each."""
    least = [float("inf"), float("inf")]
    for _ in range(TURNS):
        for way, forward in enumerate(forwards):
            began = time.perf_counter()
            scores(forward, rows)
            least[way] = min(least[way], time.perf_counter() - began)
    return len(rows) / least[0], len(rows) / least[1]


def _timed_rows(module: Any, rows: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Texts of one length, as in a full batch: the long probe's tokens, each time from another."""
    large = sum(parameter.numel() for parameter in module.parameters()) >= LARGE
    count = TIMED_TEXTS_OF_LARGE if large else TIMED_TEXTS
    long = rows[-1]
    length = min(TIMED_TOKENS, len(long))
    return [(long[start % len(long) :] + long)[:length] for start in range(count)]


def _failure(error: Exception) -> str:
    """What a compiler's failure says, in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = " ".join(lines[:2])[:300] or type(error).__name__
    if "InvalidCxxCompiler" in str(error) or "No working C++ compiler" in str(error):
        return "torch.compile found no C++ compiler (install g++, or name one with CXX)"
    return f"torch.compile failed: {said}"
