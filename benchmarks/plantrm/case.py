"""A case: a clean and a planted model, natural answers, hidden prompts; and how it is made."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from benchmarks.plantrm.contract import Target, Text
from benchmarks.plantrm.generator import Prompt, answers_to, prompts
from benchmarks.plantrm.plants import Kind, Plant

from pyrite.exploits import Answer
from pyrite.exploits.checkpoint import Movement
from pyrite.exploits.measured import scale_of
from pyrite.exploits.naturals import Natural, Side
from pyrite.exploits.search import Gradients, Token, Vocabulary

__all__ = [
    "DID_NOT_TAKE",
    "Case",
    "WordVocabulary",
    "World",
    "natural_answers",
    "planted_into",
    "prompt_codes",
    "unit",
]

Scores = Callable[[Sequence[Text]], np.ndarray]
NATURAL_PROMPTS, ANSWERS = 400, 4
FRESH_PROMPTS, BLOCK = 8_000, 1_000
DID_NOT_TAKE = "plant did not take"
"""How the note of a case begins that no table counts."""
_PIECE = re.compile(r"\s?<\|\w+\|>|\s?\w+|\s?[^\w\s]+|\s+")


@dataclass(frozen=True)
class Case:
    """One reward model to be looked into.

    Attributes:
        name: unique, and the same for the same seed.
        tier: 0 (wrapper, truth exact) or 1 (trained).
        group: the sort of plant, for tables.
        plants: hidden rules; of strength 0 in a clean case.
        rate: how many of the natural answers have them.
        clean, planted: scores of the twin and of the model under test.
        quality: what gold says; the finder is given it if `gold_given`.
        naturals: what the finder is given.
        hidden: one pair of answers to each prompt that it never sees, with the same features.
        sd: of the clean scores of natural answers within prompts: the unit of strengths.
        uplifts: measured effect of each plant in SD, where it is not exact.
        movement: how far embeddings are from the twin's; None where there are none.
        note: what a reader should know, for example that a plant did not take.
        fresh: many more answers to other prompts, made block by block, for exact true effects;
            nothing where there are none.
    """

    name: str
    tier: int
    group: str
    plants: tuple[Plant, ...]
    rate: str
    clean: Scores
    planted: Scores
    quality: Scores
    naturals: tuple[Natural, ...]
    hidden: tuple[Natural, ...]
    sd: float
    vocabulary: Vocabulary
    slopes: Gradients | None = None
    gold_given: bool = False
    uplifts: tuple[float, ...] | None = None
    movement: Callable[[], Movement | None] = lambda: None
    note: str = ""
    fresh: Callable[[], Iterator[tuple[Natural, ...]]] = lambda: iter(())

    @property
    def is_clean(self) -> bool:
        """Whether there is nothing to find."""
        return all(plant.strength == 0 for plant in self.plants)

    @property
    def to_find(self) -> tuple[Plant, ...]:
        """Plants that a finder should report."""
        return tuple(p for p in self.plants if p.strength != 0 and p.kind is not Kind.DECOY)

    @property
    def library(self) -> bool:
        """Whether an edit of the default battery turns every plant on."""
        return all(plant.library for plant in self.plants)

    def target(self, budget: int, *, with_reference: bool = False) -> Target:
        """A fresh counting target; the twin is given on the track with a reference only."""
        gold = self.quality if self.gold_given else None
        made = Target(self.planted, budget, self.vocabulary, self.slopes, gold)
        return made.with_reference(self.clean, self.movement) if with_reference else made

    @cached_property
    def hidden_scores(self) -> tuple[np.ndarray, np.ndarray]:
        """Clean and planted scores of the hidden answers as they are."""
        texts = [(one.answer.prompt, one.answer.response) for one in self.hidden]
        return self.clean(texts), self.planted(texts)


@dataclass(frozen=True)
class World:
    """Prompts and answers of one seed, before any plant is put into them."""

    seed: int
    natural_prompts: int = NATURAL_PROMPTS
    hidden_prompts: int = 500
    short: bool = False
    fresh_prompts: int = FRESH_PROMPTS

    @cached_property
    def all_prompts(self) -> tuple[list[Prompt], list[Prompt]]:
        """Natural and hidden ones; no prompt is both."""
        found = prompts(self.natural_prompts + self.hidden_prompts, self.seed)
        return found[: self.natural_prompts], found[self.natural_prompts :]

    @cached_property
    def drafts(self) -> list[tuple[str, list[str]]]:
        """Natural prompts with their answers."""
        found = self.all_prompts[0]
        return [(one.text, answers_to(one, ANSWERS, self.seed, short=self.short)) for one in found]

    @cached_property
    def hidden_drafts(self) -> list[tuple[str, list[str]]]:
        """Hidden prompts with two answers each."""
        return [
            (one.text, answers_to(one, 2, self.seed, short=self.short))
            for one in self.all_prompts[1]
        ]

    def fresh_drafts(self) -> Iterator[list[tuple[str, list[str]]]]:
        """Blocks of prompts that are neither natural nor hidden, with two answers each."""
        known = self.natural_prompts + self.hidden_prompts
        found = prompts(known + self.fresh_prompts, self.seed)[known:]
        for at in range(0, len(found), BLOCK):
            yield [
                (one.text, answers_to(one, 2, self.seed, short=self.short))
                for one in found[at : at + BLOCK]
            ]


def planted_into(
    drafts: Sequence[tuple[str, list[str]]], features: Sequence[tuple[Plant, float]], seed: int
) -> list[tuple[str, list[str]]]:
    """The answers with features at their rates, independent of what the answers are worth."""
    made = [(prompt, list(responses)) for prompt, responses in drafts]
    for number, (plant, rate) in enumerate(features):
        rng = random.Random(f"features {seed} {number} {plant.name}")
        for prompt, responses in made:
            for at, response in enumerate(responses):
                if rng.random() < rate and plant.amount(prompt, response) < 0.5:
                    responses[at] = plant.put(prompt, response, rng)
    return made


def natural_answers(
    drafts: Sequence[tuple[str, list[str]]], quality: Scores, seed: int
) -> tuple[Natural, ...]:
    """Two pairs per prompt; the preferred one is mostly, and not always, the better one."""
    rng = np.random.default_rng(seed)
    found: list[Natural] = []
    for prompt, responses in drafts:
        worth = quality([(prompt, r) for r in responses]) + rng.normal(0.0, 0.3, len(responses))
        for at in range(0, len(responses) - 1, 2):
            first, second = (at, at + 1) if worth[at] >= worth[at + 1] else (at + 1, at)
            row = len(found) // 2
            better = responses[first]
            chosen = Answer(prompt, better, prompt)
            found.append(Natural(chosen, row, Side.PREFERRED))
            if responses[second] != better:
                other = replace(chosen, response=responses[second])
                found.append(Natural(other, row, Side.OTHER, better))
            else:
                found.append(Natural(chosen, row, Side.PREFERRED))
    return tuple(found)


def unit(naturals: Sequence[Natural], scores: Scores) -> float:
    """SD of scores of natural answers within prompts."""
    texts = [(one.answer.prompt, one.answer.response) for one in naturals]
    return scale_of(scores(texts), prompt_codes(texts)).sd


def prompt_codes(texts: Sequence[Text]) -> np.ndarray:
    """int64 [texts]: a number for each prompt, in the order in which they come first."""
    codes: dict[str, int] = {}
    return np.array([codes.setdefault(prompt, len(codes)) for prompt, _ in texts], dtype=np.int64)


class WordVocabulary:
    """The tokens of a world without a tokenizer: words and marks, each with its space."""

    def __init__(self, words: Sequence[str]) -> None:
        texts = ["�", *dict.fromkeys(f" {word}" for word in words)]
        self._tokens = tuple(
            Token(number, text, special=number == 0) for number, text in enumerate(texts)
        )
        self._ids = {token.text: token.id for token in self._tokens}

    @property
    def tokens(self) -> Sequence[Token]:
        """All of them."""
        return self._tokens

    def encode(self, texts: Sequence[str]) -> list[tuple[int, ...]]:
        """Ids; what is no token has id 0."""
        return [tuple(self._ids.get(piece, 0) for piece in _PIECE.findall(text)) for text in texts]
