"""The engine: texts in, scores out in the same order, whatever the batches were."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pyrite.errors import ScoringError
from pyrite.models import (
    Capability,
    Encoded,
    ItemScorer,
    Limits,
    Output,
    PairOutput,
    Rendered,
    Scorer,
    TextScorer,
    TokenScorer,
    Want,
)
from pyrite.scoring.batching import batches_by_tokens, packed_batches
from pyrite.scoring.threads import ThreadChoice
from pyrite.types import Item

__all__ = ["Engine", "Scored", "ScoredPair"]

CPU_TOKENS = 2048
CPU_TOKENS_PACKED = 8192
GPU_TOKENS = 16384
"""Tokens per forward pass where the experiment does not say (`query.batch_tokens`)."""


@dataclass(frozen=True, slots=True)
class Scored:
    """One text: its tokens (None for models without a tokenizer) and what the model says."""

    output: Output
    encoded: Encoded | None = None


@dataclass(frozen=True, slots=True)
class ScoredPair:
    """A pair: both texts, and the pair's end scores and loss."""

    chosen: Scored
    rejected: Scored
    pair: PairOutput


class Engine:
    """Scores texts with one opened model."""

    def __init__(
        self,
        scorer: Scorer,
        *,
        limits: Limits | None = None,
        want: Want | None = None,
        batch_tokens: int | None = None,
    ) -> None:
        self.scorer = scorer
        self.limits = limits or Limits()
        self.want = want or Want()
        self.batch_tokens = batch_tokens or _default_budget(scorer)
        self._threads = ThreadChoice() if isinstance(scorer, TokenScorer) else None

    def score(self, texts: Sequence[tuple[Item, Rendered | None]]) -> list[Scored]:
        """Score texts; results in the order given.

        Args:
            texts: items, with their rendered text where the model has a tokenizer.

        Raises:
            ScoringError: a forward pass failed; never a made-up number.
        """
        if isinstance(self.scorer, ItemScorer):
            outputs = _item_outputs(self.scorer, texts)
            if len(outputs) != len(texts):
                raise ScoringError(
                    f"{type(self.scorer).__name__} gave {len(outputs)} scores for "
                    f"{len(texts)} texts"
                )
            return [Scored(output) for output in outputs]
        encoded = self._encode(rendered for _, rendered in texts)
        outputs = self._forward(encoded)
        return [Scored(output, text) for output, text in zip(outputs, encoded, strict=True)]

    def score_pairs(
        self,
        chosen: Sequence[tuple[Item, Rendered | None]],
        rejected: Sequence[tuple[Item, Rendered | None]],
    ) -> list[ScoredPair]:
        """Score pairs; by the model's own pair forward where it has one."""
        both = self.score([*chosen, *rejected])
        first, second = both[: len(chosen)], both[len(chosen) :]
        if Capability.PAIR_FORWARD in self.scorer.capabilities:
            pairs = self._forward_pairs(first, second)
        else:
            pairs = [_bradley_terry(a, b) for a, b in zip(first, second, strict=True)]
        return [ScoredPair(a, b, p) for a, b, p in zip(first, second, pairs, strict=True)]

    def _encode(self, rendered: Iterable[Rendered | None]) -> list[Encoded]:
        assert isinstance(self.scorer, TokenScorer)
        texts = [text for text in rendered if text is not None]
        distinct = list(dict.fromkeys(texts))
        known = dict(zip(distinct, self.scorer.encode(distinct, self.limits), strict=True))
        return [known[text] for text in texts]

    def _forward(self, encoded: Sequence[Encoded]) -> list[Output]:
        distinct = [text for text in dict.fromkeys(encoded) if not text.problem]
        lengths = [len(text.ids) for text in distinct]
        known: dict[Encoded, Output] = {}
        assert isinstance(self.scorer, TokenScorer)
        batches = packed_batches if self.scorer.packed else batches_by_tokens
        for batch in batches(lengths, budget=self.batch_tokens):
            texts = [distinct[index] for index in batch]
            known.update(zip(texts, self._forward_batch(texts), strict=True))
        missing = self._no_output()
        return [known.get(text, missing) for text in encoded]

    def _forward_batch(self, texts: list[Encoded]) -> list[Output]:
        scorer, threads = self.scorer, self._threads
        assert isinstance(scorer, TokenScorer)
        assert threads is not None
        lengths = [len(text.ids) for text in texts]
        work = sum(lengths) if scorer.packed else len(lengths) * max(lengths)
        try:
            return threads.run(lambda: scorer.forward(texts, self.want), work)
        except (MemoryError, RuntimeError) as error:
            if not _out_of_memory(error) or len(texts) == 1:
                raise ScoringError(f"forward pass over {len(texts)} texts: {error}") from error
            self.batch_tokens = max(self.batch_tokens // 2, 1)
            half = len(texts) // 2
            return self._forward_batch(texts[:half]) + self._forward_batch(texts[half:])

    def _forward_pairs(
        self, chosen: Sequence[Scored], rejected: Sequence[Scored]
    ) -> list[PairOutput]:
        assert isinstance(self.scorer, TokenScorer)
        keys = [(a.encoded, b.encoded) for a, b in zip(chosen, rejected, strict=True)]
        distinct = [
            (a, b) for a, b in dict.fromkeys(keys) if a and b and not a.problem and not b.problem
        ]
        widths = [max(len(a.ids), len(b.ids)) * 2 for a, b in distinct]
        known: dict[tuple[Encoded | None, Encoded | None], PairOutput] = {}
        for batch in batches_by_tokens(widths, budget=self.batch_tokens):
            firsts = [distinct[index][0] for index in batch]
            seconds = [distinct[index][1] for index in batch]
            outputs = self.scorer.forward_pairs(firsts, seconds)
            known.update(zip(zip(firsts, seconds, strict=True), outputs, strict=True))
        return [known.get(key) or _no_pair(*key) for key in keys]

    def _no_output(self) -> Output:
        import numpy as np

        names = self.scorer.output_names
        return Output(np.full(len(names), math.nan) if names else math.nan)


def _item_outputs(
    scorer: ItemScorer, texts: Sequence[tuple[Item, Rendered | None]]
) -> list[Output]:
    rendered = [text for _, text in texts if text is not None]
    if isinstance(scorer, TextScorer) and len(rendered) == len(texts):
        return scorer.score_texts(rendered)
    return scorer.score([item for item, _ in texts])


def _default_budget(scorer: Scorer) -> int:
    device = str(scorer.facts.get("device", "cpu"))
    if device.startswith("cuda"):
        return GPU_TOKENS
    packed = isinstance(scorer, TokenScorer) and scorer.packed
    return CPU_TOKENS_PACKED if packed else CPU_TOKENS


def _bradley_terry(chosen: Scored, rejected: Scored) -> PairOutput:
    """End scores of both texts and -log sigmoid(chosen - rejected), in its stable form."""
    a, b = chosen.output.score, rejected.output.score
    if not isinstance(a, float) or not isinstance(b, float):
        raise ScoringError("a model with several outputs has no pair loss; name one of its outputs")
    margin = a - b
    if math.isnan(margin):
        return PairOutput(a, b, math.nan, "one of the two texts has no score")
    loss = max(-margin, 0.0) + math.log1p(math.exp(-abs(margin)))
    return PairOutput(a, b, loss)


def _no_pair(chosen: Encoded | None, rejected: Encoded | None) -> PairOutput:
    problems = [text.problem for text in (chosen, rejected) if text is not None and text.problem]
    return PairOutput(math.nan, math.nan, math.nan, problems[0] if problems else "not scorable")


def _out_of_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or "out of memory" in str(error).lower()
