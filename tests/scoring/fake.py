"""A scorer whose right answer is known, and which misbehaves on request."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pyrite.models import (
    Capability,
    Encoded,
    Limits,
    Output,
    PairOutput,
    Rendered,
    TokenScorer,
    Want,
)
from pyrite.types import Item


class FakeScorer(TokenScorer):
    """Score = sum of code points / 1000; tokens are characters."""

    capabilities = frozenset({Capability.SCORE, Capability.TOKENS, Capability.HIDDEN_STATES})
    default_unravel = "none"

    def __init__(self, *, memory: int = 1_000_000, max_tokens: int = 10_000) -> None:
        self.facts = {"device": "cpu"}
        self.memory = memory
        self.max_tokens = max_tokens
        self.batches: list[list[Encoded]] = []

    def render_chat(self, item: Item) -> Rendered:
        return Rendered(item.response or "")

    def encode(self, texts: Sequence[Rendered], limits: Limits) -> list[Encoded]:
        found = []
        for text in texts:
            ids = tuple(ord(c) for c in text.text)
            if len(ids) > self.max_tokens:
                found.append(Encoded(ids, 0, problem="too long"))
            else:
                found.append(Encoded(ids, len(ids) - 1))
        return found

    def forward(self, batch: Sequence[Encoded], want: Want) -> list[Output]:
        if len(batch) * max(len(e.ids) for e in batch) > self.memory:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
        self.batches.append(list(batch))
        return [
            Output(
                sum(e.ids) / 1000,
                np.full(3, len(e.ids), np.float16) if want.hidden_states else None,
            )
            for e in batch
        ]


class FakePairScorer(FakeScorer):
    """The same with a pair forward of its own."""

    capabilities = FakeScorer.capabilities | {Capability.PAIR_FORWARD}

    def forward_pairs(
        self, chosen: Sequence[Encoded], rejected: Sequence[Encoded]
    ) -> list[PairOutput]:
        return [
            PairOutput(len(a.ids), len(b.ids), 7.0) for a, b in zip(chosen, rejected, strict=True)
        ]
