"""The opened reward model: batches of ids in, scores out; and bittensor's pair mode."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pyrite.errors import ModelError, ScoringError
from pyrite.forward import Decoder
from pyrite.models import (
    Anatomy,
    Capability,
    Encoded,
    Limits,
    Output,
    PairOutput,
    Rendered,
    TokenScorer,
    Want,
)
from pyrite.models._compute import LEAN_RUNS, compiled_facts
from pyrite.models._packed import PackedVectors, fits, packed_vectors
from pyrite.models._reading import CompatReading, Reading, first_index
from pyrite.models._token_rewards import TokenTexts
from pyrite.models._tokenizers import render_chat
from pyrite.models._trunk import Trunk, Vectors
from pyrite.types import Item, Json

if TYPE_CHECKING:
    import torch

__all__ = ["RewardScorer"]

_VECTORS = frozenset(
    {Capability.SCORE, Capability.TOKENS, Capability.HIDDEN_STATES, Capability.EMBEDDINGS}
)


class RewardScorer(TokenScorer):
    """An opened `RewardModel`; the tensor part is `_run` and `_rewards`."""

    def __init__(
        self,
        *,
        trunk: Trunk,
        head: torch.Tensor,
        reading: Reading,
        shift: float | None,
        facts: Mapping[str, Json],
        compiling: bool = False,
    ) -> None:
        """`head` is the value head, [width]; `shift` is None for the single form."""
        self.trunk = trunk
        self.head = head
        self.reading = reading
        self.shift = shift
        self._decoder = Decoder(trunk.module, lambda vectors: vectors.float() @ head)
        self.packed = self._decoder.lean is not None
        # The difference form takes two forward passes a text, the decoder gives the score of one.
        self.decoder = self._decoder if shift is None else None
        self.facts = {**facts, "forward": self._decoder.told}
        if compiling:
            told = LEAN_RUNS if self.packed else trunk.compile(self._decoder.head)
            self.facts = compiled_facts(self.facts, told)
        self.default_unravel = reading.default_unravel if shift is None else "qa"
        paired = isinstance(reading, CompatReading) and shift is None
        # The difference form's score is made of two texts: no token has one.
        own = {Capability.TOKEN_REWARDS} if shift is None else set()
        self.capabilities = _VECTORS | own | ({Capability.PAIR_FORWARD} if paired else set())
        self._texts = TokenTexts(reading.tokenizer)

    def render_chat(self, item: Item) -> Rendered:
        """The tokenizer's chat template; the reading's own wrapper still goes around it."""
        return render_chat(self.reading.tokenizer, item, name=self.reading.name)

    def anatomy(self) -> Anatomy:
        """The tokenizer, the trunk and the value head."""
        initial = getattr(self.trunk.module.config, "initializer_range", None)
        head = {"v_head.weight": self.head[None]}
        return Anatomy(self.reading.tokenizer, self.trunk.module, head, initial)

    def token_texts(self, ids: Sequence[int]) -> list[str]:
        """The text of every token."""
        return self._texts(ids)

    def encode(self, texts: Sequence[Rendered], limits: Limits) -> list[Encoded]:
        """Ids in the reading's own wrapper; for the difference form those of both texts.

        Raises:
            ModelError: the texts come as two segments, which this kind of model does not take.
        """
        if any(text.text_pair is not None and text.pair_is == "segment" for text in texts):
            raise ModelError(
                "a RewardModel scores one text, not two segments; set message.unravel to "
                f"{self.default_unravel}"
            )
        flags = [text.special_tokens for text in texts]
        whole = self.reading.encode([text.text for text in texts], flags, limits)
        if self.shift is None:
            return whole
        alone = self.reading.encode([text.text_pair or "" for text in texts], flags, limits)
        return [
            _lonely(first) if text.text_pair is None else _joined(first, second)
            for text, first, second in zip(texts, whole, alone, strict=True)
        ]

    def forward(self, batch: Sequence[Encoded], want: Want) -> list[Output]:
        """Scores and wanted vectors; a text with a `problem` gets NaN and is not run.

        Raises:
            ScoringError: a score is not finite.
        """
        outputs = [Output(math.nan) for _ in batch]
        scorable = [index for index, text in enumerate(batch) if not text.problem]
        if not scorable:
            return outputs
        parts = [part for index in scorable for part in self._parts(batch[index])]
        vectors, rewards = self._run(parts, want)
        each = len(parts) // len(scorable)
        token_head = self._decoder.head if self.shift is None else None
        for place, index in enumerate(scorable):
            first = place * each
            score = self._score(rewards[first : first + each])
            if not math.isfinite(score):
                raise ScoringError(f"row {index} of the batch: the score is {score}")
            outputs[index] = vectors.output(score, first, parts[first], want, token_head)
        return outputs

    def _parts(self, text: Encoded) -> list[Encoded]:
        """The text, or for the difference form the whole text and the completion alone."""
        if self.shift is None:
            return [text]
        border = first_index(text.type_ids, 1)
        alone = text.ids[border:]
        return [
            Encoded(text.ids[:border], text.read_at),
            Encoded(alone, self.reading.position(alone)),
        ]

    def _run(
        self, texts: Sequence[Encoded], want: Want
    ) -> tuple[Vectors | PackedVectors, list[float]]:
        """The trunk over the texts, and the head where each is read."""
        import torch

        vectors: Vectors | PackedVectors
        if fits(self._decoder, texts):
            vectors = packed_vectors(self._decoder, texts, want)
        else:
            vectors = self.trunk.run([text.ids for text in texts], want)
        with torch.inference_mode():
            return vectors, (vectors.read(texts) @ self.head).tolist()

    def _rewards(self, rows: Sequence[Sequence[int]]) -> torch.Tensor:
        """The head at every position, pads included: [rows, time]."""
        import torch

        vectors = self.trunk.run(rows, Want())
        with torch.inference_mode():
            return vectors.final.float() @ self.head

    def _score(self, rewards: Sequence[float]) -> float:
        if self.shift is None or not all(map(math.isfinite, rewards)):
            return rewards[0] if self.shift is None else math.nan
        whole, alone = (max(reward + self.shift, 0.0) for reward in rewards)
        return whole - alone

    def forward_pairs(
        self, chosen: Sequence[Encoded], rejected: Sequence[Encoded]
    ) -> list[PairOutput]:
        """The original's pair mode, every pair as a batch of its own.

        With `c` and `r` the first end-of-text positions, `end = max(c, r)` and `d` the first token
        that differs, both end scores are read at `end - 1` (of the shorter text: at a pad) and the
        loss is the mean of `-log sigmoid(chosen - rejected)` over `d:end`. Texts that are the same
        up to the end have no loss: NaN with a `problem`. Two identical texts keep the chosen one's
        own score, and spoil the call that they are in.

        Raises:
            ScoringError: a score or a loss is not finite.
        """
        if Capability.PAIR_FORWARD not in self.capabilities:
            return super().forward_pairs(chosen, rejected)
        pairs = list(zip(chosen, rejected, strict=True))
        spans = [_span(first, second, eos=self.reading.eos) for first, second in pairs]
        outputs = [PairOutput(math.nan, math.nan, math.nan, span.problem) for span in spans]
        twins = [index for index, span in enumerate(spans) if span.identical]
        if twins:
            alone = self.forward([chosen[index] for index in twins], Want())
            for index, output in zip(twins, alone, strict=True):
                outputs[index] = replace(
                    outputs[index], chosen=float(output.score), spoils_call=True
                )
        live = [index for index, span in enumerate(spans) if not span.problem]
        if not live:
            return outputs
        rewards = self._rewards([text.ids for index in live for text in pairs[index]])
        for place, index in enumerate(live):
            both = rewards[2 * place : 2 * place + 2]
            outputs[index] = _pair_output(both, spans[index], index)
        return outputs


def _joined(whole: Encoded, alone: Encoded) -> Encoded:
    return Encoded(
        ids=whole.ids + alone.ids,
        read_at=whole.read_at,
        num_cut=whole.num_cut + alone.num_cut,
        type_ids=(0,) * len(whole.ids) + (1,) * len(alone.ids),
        problem=whole.problem or alone.problem,
    )


def _lonely(whole: Encoded) -> Encoded:
    problem = "the difference form needs a response and a form that gives it alone (unravel: qa)"
    return replace(whole, read_at=-1, problem=problem)


@dataclass(frozen=True, slots=True)
class _Span:
    """The tokens over which a pair's loss runs: from the first that differs to the later end."""

    start: int = 0
    end: int = 0
    problem: str = ""
    identical: bool = False


def _span(chosen: Encoded, rejected: Encoded, *, eos: int) -> _Span:
    if problem := chosen.problem or rejected.problem:
        return _Span(problem=problem)
    end = max(first_index(chosen.ids, eos), first_index(rejected.ids, eos))
    longest = max(len(chosen.ids), len(rejected.ids))
    first, second = (text.ids + (eos,) * (longest - len(text.ids)) for text in (chosen, rejected))
    differs = [index for index in range(longest) if first[index] != second[index]]
    if not differs:
        problem = "the two texts have the same tokens; a pair of them has no loss"
        return _Span(problem=problem, identical=True)
    if differs[0] >= end:
        return _Span(problem="the two texts are the same up to the first end of text")
    return _Span(differs[0], end)


def _pair_output(rewards: torch.Tensor, span: _Span, index: int) -> PairOutput:
    """The pair's output from its rewards, [2, time]."""
    from torch.nn.functional import logsigmoid

    chosen, rejected = rewards[:, span.start : span.end]
    loss = float(-logsigmoid(chosen - rejected).mean())
    output = PairOutput(float(chosen[-1]), float(rejected[-1]), loss)
    if not all(map(math.isfinite, (output.chosen, output.rejected, loss))):
        raise ScoringError(
            f"pair {index} of the batch: scores {output.chosen} and {output.rejected}, loss {loss}"
        )
    return output
