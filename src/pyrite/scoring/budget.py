"""How many tokens a forward pass should take: measured, because no number suits all texts.

On a CPU a batch of long texts is slower than a few of them at a time, and one of short texts is
faster. So where the experiment does not say (`query.batch_tokens`), the first batches are made
with each of a few budgets in turn, and the one that takes the least time for a token is kept.
Batches never change a score beyond the noise of a batch.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["TRIALS", "TokenBudget"]

TRIALS = 3
"""Batches timed with each budget before one is chosen."""


class TokenBudget:
    """Tokens of a forward pass, padding included."""

    def __init__(self, choices: Sequence[int]) -> None:
        """`choices` are budgets to try, the usual one first; a single one is kept untried."""
        self._times: dict[int, list[float]] = {tokens: [] for tokens in choices}
        self._chosen = choices[0] if len(self._times) == 1 else None

    @property
    def tokens(self) -> int:
        """The budget of the next batch."""
        if self._chosen is not None:
            return self._chosen
        return min(self._times, key=lambda tokens: len(self._times[tokens]))

    @property
    def is_open(self) -> bool:
        """Whether batches are still timed."""
        return self._chosen is None

    def took(self, lengths: Sequence[int], seconds: float) -> None:
        """A batch made with the present budget took `seconds`.

        Only what tells budgets apart is counted: a batch that fills half of its budget, of texts
        that fit into every budget.

        Args:
            lengths: tokens of its texts.
            seconds: for all of them.
        """
        longest = max(lengths)
        if self._chosen is not None or longest > min(self._times):
            return
        if 2 * longest * len(lengths) < self.tokens:
            return
        self._times[self.tokens].append(seconds / max(sum(lengths), 1))
        if all(len(times) >= TRIALS for times in self._times.values()):
            # The least time of each: noise only ever adds.
            self._chosen = min(self._times, key=lambda budget: min(self._times[budget]))

    def halve(self) -> None:
        """Memory ran out: half of the present budget from now on."""
        self._chosen = max(self.tokens // 2, 1)
