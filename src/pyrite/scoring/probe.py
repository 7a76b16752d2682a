"""An engine for examinations: nothing is remembered, batches can be given, and all are counted."""

from __future__ import annotations

from collections.abc import Sequence

from pyrite.forward import Forest
from pyrite.models import Encoded, ItemScorer, Output, Rendered
from pyrite.scoring.engine import Engine, Scored
from pyrite.types import Item

__all__ = ["Probe"]


class Probe(Engine):
    """An `Engine` that counts what it runs.

    Attributes:
        forwards: forward passes so far; for models without a tokenizer the calls.
        texts: texts in them.
    """

    forwards: int = 0
    texts: int = 0

    def score(self, texts: Sequence[tuple[Item, Rendered | None]]) -> list[Scored]:
        """Score texts; results in the order given.

        Raises:
            ScoringError: a forward pass failed.
        """
        if isinstance(self.scorer, ItemScorer):
            self.forwards += 1
            self.texts += len(texts)
        return super().score(texts)

    def encode(self, texts: Sequence[Rendered]) -> list[Encoded]:
        """Ids of texts under the limits of the query."""
        return self._encode(texts)

    def forward(self, batch: Sequence[Encoded]) -> list[Output]:
        """One forward pass over exactly this batch, in this order.

        Raises:
            ScoringError: it failed.
        """
        return self._forward_batch(list(batch))

    def _forward_batch(self, texts: list[Encoded], forest: Forest | None = None) -> list[Output]:
        self.forwards += 1
        self.texts += len(texts)
        return super()._forward_batch(texts, forest)
