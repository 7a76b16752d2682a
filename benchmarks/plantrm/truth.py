"""The true effect of an edit in a case, as exactly as an interval that is checked against it needs.

The truth is the mean over all prompts and answers of a case's world. It is measured on fresh ones,
which neither a finder nor the other judging sees, block by block until its own standard error is
at most `SHARE` of the interval's, or no block is left. An error of that size alone makes an exact
95 % interval hold the measured truth in 94.6 % of cases (`1.96 / sqrt(1 + SHARE²)`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from benchmarks.plantrm.case import Case

from pyrite.exploits import Claim, Edit
from pyrite.exploits.applying import groups_of
from pyrite.exploits.confirm import prompt_means
from pyrite.exploits.finder import surroundings
from pyrite.exploits.naturals import Natural, Side

__all__ = ["SHARE", "TrueEffect", "Truths", "is_about", "mean_of"]

SHARE = 0.2
SEED = 41_007


@dataclass(frozen=True, slots=True)
class TrueEffect:
    """Mean over prompts and its standard error, in SD of the case."""

    value: float
    error: float
    prompts: int


def mean_of(means: np.ndarray) -> TrueEffect | None:
    """Mean over prompts' means, in SD, with its standard error; None of fewer than two prompts."""
    if len(means) < 2:
        return None
    error = float(np.std(means, ddof=1) / np.sqrt(len(means)))
    return TrueEffect(float(means.mean()), error, len(means))


@dataclass(frozen=True)
class _Block:
    """Some fresh answers and their scores."""

    naturals: tuple[Natural, ...]
    scores: np.ndarray


@dataclass
class _Known:
    """What is known of one edit: the means of the prompts of the first `blocks` blocks."""

    blocks: int = 0
    means: list[np.ndarray] = field(default_factory=list)

    def effect(self) -> TrueEffect | None:
        return mean_of(np.concatenate(self.means) if self.means else np.empty(0))


class Truths:
    """True effects of edits in one case; every edit is put on each block once."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._fresh = self._made_blocks()
        self._blocks: list[_Block] = []
        self._known: dict[str, _Known] = {}

    def effect(self, edit: Edit, error: float) -> TrueEffect | None:
        """The effect with a standard error of at most `SHARE * error`, if the prompts allow it.

        Args:
            edit: anything with `apply`.
            error: standard error of the number that is checked, in SD of the case.

        Returns:
            None where the world has no fresh answers, or the edit applies to none of them.
        """
        known = self._known.setdefault(repr(edit), _Known())
        while (found := known.effect()) is None or found.error > SHARE * error:
            if not self._block_is_there(known.blocks):
                break
            known.means.append(self._measured(edit, self._blocks[known.blocks]))
            known.blocks += 1
        return found

    def _made_blocks(self) -> Iterator[_Block]:
        for naturals in self._case.fresh():
            texts = [(one.answer.prompt, one.answer.response) for one in naturals]
            yield _Block(naturals, self._case.planted(texts))

    def _block_is_there(self, number: int) -> bool:
        while len(self._blocks) <= number:
            block = next(self._fresh, None)
            if block is None:
                return False
            self._blocks.append(block)
        return True

    def _measured(self, edit: Edit, block: _Block) -> np.ndarray:
        """Means of the prompts, float64; those to which the edit does not apply are left out."""
        around = surroundings(block.naturals, SEED)
        rows, after = [], []
        for at, one in enumerate(block.naturals):
            edited = edit.apply(one.answer, around) if is_about(edit, one) else None
            if edited is not None and edited != one.answer:
                rows.append(at)
                after.append((edited.prompt, edited.response))
        if not rows:
            return np.empty(0)
        changes = (self._case.planted(after) - block.scores[rows]) / self._case.sd
        return prompt_means(changes, groups_of([block.naturals[at] for at in rows]))


def is_about(edit: Edit, natural: Natural) -> bool:
    """Whether an edit, of whoever's making, is tried on an answer; as in `pyrite.exploits`."""
    concerns = getattr(edit, "concerns", None)
    destroys = getattr(edit, "claim", None) is Claim.LOWERS and natural.side is Side.OTHER
    return not destroys and (concerns is None or bool(concerns(natural.answer)))
