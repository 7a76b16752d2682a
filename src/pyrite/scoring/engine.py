"""The engine: texts in, scores out in the same order, whatever the batches were."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pyrite.errors import ScoringError
from pyrite.forward import Forest
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
from pyrite.scoring.budget import TokenBudget
from pyrite.scoring.memory import ScoreMemory
from pyrite.scoring.prefixes import CACHED, PACKED, Plan, cut_to, plan
from pyrite.scoring.threads import ThreadChoice
from pyrite.types import Item

__all__ = ["Engine", "Scored", "ScoredPair"]

CPU_TOKENS = (2048, 512)
CPU_TOKENS_PACKED = (8192,)
GPU_TOKENS = (16384,)
"""Tokens per forward pass where the experiment does not say (`query.batch_tokens`): the usual, and
what else is tried. A packed forward pass cuts batches itself; on a GPU nothing was measured."""

ENCODED_TOGETHER = 1024
"""Texts that a tokenizer gets at once: it keeps 4 KiB or more of each until all are done."""


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
        memory: ScoreMemory | None = None,
    ) -> None:
        """`memory` is asked before a score is computed and told after; None computes all."""
        self.scorer = scorer
        self.memory = memory
        self.limits = limits or Limits()
        self.want = want or Want()
        self._budget = TokenBudget((batch_tokens,) if batch_tokens else _budgets(scorer))
        self._threads = ThreadChoice() if isinstance(scorer, TokenScorer) else None

    @property
    def batch_tokens(self) -> int:
        """Most tokens of the next forward pass."""
        return self._budget.tokens

    def score(self, texts: Sequence[tuple[Item, Rendered | None]]) -> list[Scored]:
        """Score texts; results in the order given.

        Args:
            texts: items, with their rendered text where the model has a tokenizer.

        Raises:
            ScoringError: a forward pass failed; never a made-up number.
        """
        if isinstance(self.scorer, ItemScorer):
            return [Scored(output) for output in _item_outputs(self.scorer, texts, self.memory)]
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
        known: dict[Rendered, Encoded] = {}
        for start in range(0, len(distinct), ENCODED_TOGETHER):
            some = distinct[start : start + ENCODED_TOGETHER]
            known.update(zip(some, self.scorer.encode(some, self.limits), strict=True))
        return [known[text] for text in texts]

    def _forward(self, encoded: Sequence[Encoded]) -> list[Output]:
        known = self._recalled([text for text in dict.fromkeys(encoded) if not text.problem])
        distinct = [
            text for text in dict.fromkeys(encoded) if not text.problem and text not in known
        ]
        for texts, forest in self._batches(distinct):
            outputs = self._timed(texts) if forest is None else self._forward_batch(texts, forest)
            if self.memory is not None:
                self.memory.keep(texts, outputs)
            known.update(zip(texts, outputs, strict=True))
        missing = self._no_output()
        return [known.get(text, missing) for text in encoded]

    def _batches(self, texts: list[Encoded]) -> Iterator[tuple[list[Encoded], Forest | None]]:
        """What is run together; with a forest where texts begin alike and that saves work."""
        assert isinstance(self.scorer, TokenScorer)
        able = _shareable(self.scorer, self.want, texts)
        found = _plan(self.scorer, [texts[index] for index in able])
        for shared in cut_to(found.trees, budget=lambda: self.batch_tokens):
            yield [texts[able[index]] for index in shared.texts], shared.forest
        # In the order given: which of them could have shared is no matter.
        whole = {able[index] for index in found.whole} | (set(range(len(texts))) - set(able))
        left = [texts[index] for index in sorted(whole)]
        batches = packed_batches if self.scorer.packed else batches_by_tokens
        lengths = [len(text.ids) for text in left]
        for batch in batches(lengths, budget=lambda: self.batch_tokens):
            yield [left[index] for index in batch], None

    def _recalled(self, texts: list[Encoded]) -> dict[Encoded, Output]:
        """What is stored of these texts; nothing where vectors are wanted, which are not stored."""
        if self.memory is None or self.want != Want():
            return {}
        stored = zip(texts, self.memory.recall(texts), strict=True)
        return {text: output for text, output in stored if output is not None}

    def _timed(self, texts: list[Encoded]) -> list[Output]:
        """One batch, timed while its budget is being chosen; the threads are chosen before."""
        assert self._threads is not None
        if not self._budget.is_open or self._threads.is_open:
            return self._forward_batch(texts)
        began = time.perf_counter()
        outputs = self._forward_batch(texts)
        took = time.perf_counter() - began
        self._budget.took([len(text.ids) for text in texts], took)
        return outputs

    def _forward_batch(self, texts: list[Encoded], forest: Forest | None = None) -> list[Output]:
        scorer, threads = self.scorer, self._threads
        assert isinstance(scorer, TokenScorer)
        assert threads is not None
        try:
            if forest is not None:
                return threads.run(lambda: _of_forest(scorer, forest), forest.tokens)
            lengths = [len(text.ids) for text in texts]
            work = sum(lengths) if scorer.packed else len(lengths) * max(lengths)
            return threads.run(lambda: scorer.forward(texts, self.want), work)
        except (MemoryError, RuntimeError) as error:
            if not _out_of_memory(error) or len(texts) == 1:
                raise ScoringError(f"forward pass over {len(texts)} texts: {error}") from error
            self._budget.halve()
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
        known: dict[tuple[Encoded | None, Encoded | None], PairOutput] = {}
        if self.memory is not None:
            stored = zip(distinct, self.memory.recall_pairs(distinct), strict=True)
            known = {pair: output for pair, output in stored if output is not None}
            distinct = [pair for pair in distinct if pair not in known]
        widths = [max(len(a.ids), len(b.ids)) * 2 for a, b in distinct]
        for batch in batches_by_tokens(widths, budget=self.batch_tokens):
            pairs = [distinct[index] for index in batch]
            outputs = self.scorer.forward_pairs([a for a, _ in pairs], [b for _, b in pairs])
            if self.memory is not None:
                self.memory.keep_pairs(pairs, outputs)
            known.update(zip(pairs, outputs, strict=True))
        return [known.get(key) or _no_pair(*key) for key in keys]

    def _no_output(self) -> Output:
        import numpy as np

        names = self.scorer.output_names
        return Output(np.full(len(names), math.nan) if names else math.nan)


def _item_outputs(
    scorer: ItemScorer,
    texts: Sequence[tuple[Item, Rendered | None]],
    memory: ScoreMemory | None,
) -> list[Output]:
    rendered = [text for _, text in texts if text is not None]
    as_text = isinstance(scorer, TextScorer) and len(rendered) == len(texts)
    given: list[Rendered] | list[Item] = rendered if as_text else [item for item, _ in texts]
    known = memory.recall(given) if memory is not None else [None] * len(given)
    missing = [index for index, output in enumerate(known) if output is None]
    if not missing:
        outputs = []
    elif isinstance(scorer, TextScorer) and as_text:
        outputs = scorer.score_texts([rendered[index] for index in missing])
    else:
        outputs = scorer.score([texts[index][0] for index in missing])
    if len(outputs) != len(missing):
        raise ScoringError(
            f"{type(scorer).__name__} gave {len(outputs)} scores for {len(missing)} texts"
        )
    if memory is not None:
        memory.keep([given[index] for index in missing], outputs)
    computed = iter(outputs)
    return [next(computed) if output is None else output for output in known]


def _shareable(scorer: TokenScorer, want: Want, texts: Sequence[Encoded]) -> list[int]:
    """Indices of texts that may be run as a forest, where nothing but scores is wanted."""
    decoder = scorer.decoder
    if decoder is None or want != Want():
        return []
    return [
        index
        for index, text in enumerate(texts)
        if text.read_at >= 0
        and not text.type_ids
        and (decoder.lean is None or decoder.fits(len(text.ids)))
    ]


def _plan(scorer: TokenScorer, texts: Sequence[Encoded]) -> Plan:
    """What is worth sharing; nothing where the decoder cannot, which is tried only if it is."""
    decoder = scorer.decoder
    if decoder is not None and texts:
        worth = CACHED if decoder.lean is None else PACKED
        found = plan([text.ids[: text.read_at + 1] for text in texts], worth)
        if found.trees and decoder.shares:
            return found
    return Plan((), tuple(range(len(texts))))


def _of_forest(scorer: TokenScorer, forest: Forest) -> list[Output]:
    assert scorer.decoder is not None
    return [Output(score) for score in scorer.decoder.score_forest(forest)]


def _budgets(scorer: Scorer) -> tuple[int, ...]:
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
