"""What a check may look at: the opened model, some rows of the user's own, and their scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from pyrite.doctor import MOST_PROBES
from pyrite.models import Anatomy, Encoded, ItemScorer, Limits, Output, Rendered, Scorer
from pyrite.models import TokenScorer as Tokens
from pyrite.scoring.probe import Probe
from pyrite.types import Item, Message

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Patient", "Scores", "Text", "number", "with_prompt_of", "with_response"]

Text = tuple[Item, Rendered | None]
Scores: TypeAlias = "NDArray[np.float64]"

LEAST_SPREAD = 1e-6
"""Scores whose SD is below this share of their size are the same up to rounding."""


@dataclass
class Patient:
    """An opened model and a sample of the rows that it is about to score.

    Attributes:
        scorer: the opened model.
        form: name of the rendering that the query writes texts in; "" where there are no texts.
        texts: sampled items with their rendered text; of pairs the chosen ones come first.
        pairs: indices into `texts` of labelled pairs, the better answer first.
        limits: truncation as the query asks for it.
        engine: scores texts; remembers none, counts all.
        render: writes an item as the query does.
        reopen: opens the same model with other fields (`dtype`); None where it cannot be.
    """

    scorer: Scorer
    form: str
    texts: Sequence[Text]
    pairs: Sequence[tuple[int, int]]
    limits: Limits
    engine: Probe
    render: Callable[[Item], Rendered | None]
    reopen: Callable[[Mapping[str, object]], Scorer] | None = None
    _alone: dict[Encoded, Output] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def scores(self) -> Scores:
        """Scores of all texts, [texts, outputs]; NaN where a text has none."""
        return self.rescore(self.texts)

    @cached_property
    def distinct(self) -> list[int]:
        """Indices of texts that have a score and differ from all before them."""
        seen: dict[object, int] = {}
        for index, (item, rendered) in enumerate(self.texts):
            if not np.isnan(self.scores[index]).all():
                seen.setdefault(rendered or (item.conversation(), repr(item.columns)), index)
        return sorted(seen.values())

    @cached_property
    def spread(self) -> Scores:
        """SD of each output over the distinct texts, [outputs]; the unit of all effects."""
        values = np.ma.masked_invalid(self.scores[self.distinct])
        return np.ma.filled(values.std(axis=0), 0.0) if len(values) else np.zeros(values.shape[1])

    @cached_property
    def spreading(self) -> NDArray[np.bool_]:
        """Which outputs differ between texts by more than rounding."""
        size = np.nanmax(np.abs(self.scores), axis=0, initial=0.0, where=~np.isnan(self.scores))
        return np.asarray(self.spread > LEAST_SPREAD * np.maximum(size, 1e-12))

    @property
    def blind(self) -> str:
        """Why no effect can be measured here, or ""."""
        if len(self.distinct) < 2:
            return f"fewer than two different texts with a score (n = {len(self.distinct)})"
        return "" if self.spreading.any() else "all scores of the sample are equal"

    @property
    def tokens(self) -> Tokens | None:
        """The scorer, where it has a tokenizer."""
        return self.scorer if isinstance(self.scorer, Tokens) else None

    @property
    def looked_up(self) -> bool:
        """Whether scores are columns of the data, so that no text is read."""
        return isinstance(self.scorer, ItemScorer) and self.scorer.reads == "columns"

    @cached_property
    def anatomy(self) -> Anatomy | None:
        """Tokenizer, module and head, where the scorer shows them."""
        return None if self.tokens is None else self.tokens.anatomy()

    @cached_property
    def encoded(self) -> list[Encoded]:
        """Ids of all texts, under the limits of the query."""
        return self.engine.encode([rendered for _, rendered in self.texts if rendered is not None])

    @cached_property
    def probes(self) -> list[int]:
        """Indices of the few texts that experiments are made with: the shortest with a score."""
        if self.tokens is None:
            return self.distinct[:MOST_PROBES]
        live = [i for i in self.distinct if not self.encoded[i].problem]
        return sorted(live, key=lambda i: len(self.encoded[i].ids))[:MOST_PROBES]

    @cached_property
    def short_floats(self) -> bool:
        """Whether it computes in 16 bits, so that rounding differs between batches."""
        return str(self.scorer.facts.get("dtype")) in ("float16", "bfloat16")

    def rescore(self, texts: Sequence[Text]) -> Scores:
        """Scores of other texts, [texts, outputs], in batches as a query makes them."""
        return self.values([scored.output for scored in self.engine.score(texts)])

    def run(self, batch: Sequence[Encoded]) -> Scores:
        """Scores of one forward pass over exactly this batch, [texts, outputs]."""
        return self.values(self.engine.forward(batch))

    def alone(self, batch: Sequence[Encoded]) -> Scores:
        """Scores of texts that are each a batch of its own, [texts, outputs]; run once."""
        for text in batch:
            if text not in self._alone:
                (self._alone[text],) = self.engine.forward([text])
        return self.values([self._alone[text] for text in batch])

    def values(self, outputs: Sequence[Output]) -> Scores:
        """Outputs as an array, [texts, outputs]."""
        width = len(self.scorer.output_names) or 1
        rows = [np.atleast_1d(np.asarray(output.score, np.float64)) for output in outputs]
        return np.stack(rows) if rows else np.zeros((0, width))

    def moved(self, before: Scores, after: Scores) -> Scores:
        """How far each text's score moved, in SD of the output that moved most, [texts].

        Infinitely far where a text had a score and has none now.
        """
        ways = self.spreading
        found: Scores = np.abs(after - before)[:, ways] / self.spread[ways]
        found[(np.isnan(after) & ~np.isnan(before))[:, ways]] = np.inf
        moved: Scores = np.nanmax(found, axis=1, initial=0.0, where=~np.isnan(found))
        return moved


def with_response(item: Item, response: str) -> Item:
    """The same item with another last answer."""
    if not item.messages:
        return replace(item, response=response)
    *earlier, last = item.messages
    kept = earlier if last.role == "assistant" else list(item.messages)
    return replace(item, response=response, messages=(*kept, Message("assistant", response)))


def with_prompt_of(item: Item, other: Item) -> Item:
    """The same answer to what another item asks; columns named like the prompt go along."""
    if not item.messages or not other.messages:
        return replace(item, prompt=other.prompt)
    return replace(item, prompt=other.prompt, messages=(*other.messages[:-1], item.messages[-1]))


def number(value: float) -> str:
    """A number for a sentence, in two digits; NaN is what could not be measured."""
    return "an unknown number of" if np.isnan(value) else f"{value:.2g}"
