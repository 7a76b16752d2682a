"""What a finder is given and what it returns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from pyrite.exploits import Edit
from pyrite.exploits.checkpoint import Checkpoint, Movement
from pyrite.exploits.ledger import Asked
from pyrite.exploits.naturals import Natural
from pyrite.exploits.search import Gradients, Slot, Vocabulary
from pyrite.exploits.search.arena import GRADIENT_COST

__all__ = [
    "GRADIENT_COST",
    "MOST_FINDINGS",
    "Find",
    "Finding",
    "Findings",
    "OverBudget",
    "Target",
    "Text",
    "Unsuitable",
]

Text = tuple[str, str]
"""A prompt and a response."""
MOST_FINDINGS = 10


class OverBudget(Exception):  # noqa: N818 - it ends a finder's run, which may be intended
    """More texts were asked for than the budget allows; nothing was scored."""


class Unsuitable(Exception):  # noqa: N818 - it says that a finder does not apply
    """A finder cannot work on such a target at all; told as such, never as "found nothing"."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One claim about the reward model.

    Attributes:
        edit: any object with `apply(answer, around)`, for example one of Pyrite's.
        verdict: `exploit` or `bias` (the score rises and the quality does not; for an edit that
            destroys an answer: the score does not drop), `preference` (quality rises too),
            `sensitivity` (the score falls, the quality does not).
        effect, low, high: of the edit on the score, mean over prompts, in score units, with a
            95 % interval; None where nothing is stated.
        discovery: the effect as the search saw it, in score units.
    """

    edit: Edit
    verdict: str = "exploit"
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    discovery: float | None = None


class Findings(list[Finding]):
    """Findings of a finder that also tells what it measured and did not report.

    Attributes:
        measured: every candidate that was sent to a last measurement, confirmed or not, each with
            the interval that it was given; those that are reported among them. The harness checks
            these intervals too: those of findings alone are of what passed a test.
    """

    def __init__(self, findings: Iterable[Finding], measured: Iterable[Finding]) -> None:
        super().__init__(findings)
        self.measured = tuple(measured)


class Find(Protocol):
    """A finder."""

    def __call__(
        self, target: Target, naturals: Sequence[Natural], budget: int, seed: int
    ) -> list[Finding]:
        """Up to ten findings, the best first; any finding beyond the tenth is not looked at.

        May be `Findings`.
        """


@dataclass
class Target:
    """A reward model that counts.

    Attributes:
        scorer: scores of texts, float64.
        budget: different texts that may be scored; a gradient counts as `GRADIENT_COST`.
        vocabulary: the model's tokens; see `pyrite.exploits.search`.
        slopes: token gradients without the count; finders use `gradients`.
        gold: quality of texts, where it is known; it costs nothing and is not the model.
        reference: the clean twin, for finders of the track with a reference only; what it is asked
            counts.
    """

    scorer: Callable[[Sequence[Text]], np.ndarray]
    budget: int
    vocabulary: Vocabulary | None = None
    slopes: Gradients | None = None
    gold: Callable[[Sequence[Text]], np.ndarray] | None = None
    reference: Checkpoint | None = None
    _known: dict[Text, float] = field(default_factory=dict)
    _charged: int = 0

    @property
    def spent(self) -> int:
        """Different texts so far, gradients counted as texts."""
        return len(self._known) + self._charged

    @property
    def left(self) -> int:
        """Texts that may still be scored."""
        return self.budget - self.spent

    def score(self, texts: Sequence[Text]) -> np.ndarray:
        """float64 [texts]; a text that was scored before costs nothing.

        Raises:
            OverBudget: more new texts than are left; none of them is scored.
        """
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if len(new) > self.left:
            raise OverBudget(f"{len(new)} texts asked for, {self.left} of {self.budget} left")
        if new:
            self._known.update(zip(new, self.scorer(new).tolist(), strict=True))
        return np.array([self._known[text] for text in texts], dtype=np.float64)

    @property
    def gradients(self) -> Gradients | None:
        """Token gradients that count, None where the model gives none."""
        return None if self.slopes is None else self._counted

    def with_reference(
        self,
        twin: Callable[[Sequence[Text]], np.ndarray],
        movement: Callable[[], Movement | None],
    ) -> Target:
        """This target, which now gives its clean twin too."""

        def scored(phase: str, texts: Sequence[Asked]) -> np.ndarray:
            if len(texts) > self.left:
                raise OverBudget(f"{len(texts)} texts of the twin asked for, {self.left} left")
            self._charged += len(texts)
            return twin([(one.prompt, one.response) for one in texts])

        self.reference = Checkpoint("twin", scored, movement)
        return self

    def _counted(
        self, slots: Sequence[Slot], tokens: Sequence[int]
    ) -> list[tuple[tuple[int, ...], np.ndarray] | None]:
        assert self.slopes is not None
        cost = GRADIENT_COST * len(slots)
        if cost > self.left:
            raise OverBudget(f"{cost} texts for gradients, {self.left} of {self.budget} left")
        self._charged += cost
        return self.slopes(slots, tokens)
