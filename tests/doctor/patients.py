"""Patients: fake scorers with one fault each, and opened tiny models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pyrite.config.sections import MessageSpec, QuerySection
from pyrite.doctor._patient import Patient
from pyrite.models import (
    Anatomy,
    Capability,
    Encoded,
    ItemScorer,
    Limits,
    Output,
    Rendered,
    Scorer,
    TextScorer,
    TokenScorer,
    Want,
)
from pyrite.scoring.probe import Probe
from pyrite.steps.rows import Renderer
from pyrite.types import Item

WORDS = ("when", "was", "the", "last", "time", "moon", "who", "wrote", "lyrics", "far", "knows")
BOS, EOS, PAD, FIRST = 1, 2, 0, 3

Score = Callable[[Sequence[int]], float]
Batched = Callable[[list[Sequence[int]], list[float]], list[float]]


def rows(count: int = 16) -> list[Item]:
    """Rows whose prompts and answers all differ."""
    rng = np.random.default_rng(7)
    texts = [" ".join(rng.choice(WORDS, size=rng.integers(2, 9))) for _ in range(2 * count)]
    return [Item(f"{texts[2 * i]} {i}?", f"{texts[2 * i + 1]} {i}.") for i in range(count)]


def pairs(count: int = 16, *, good: str = "good", bad: str = "bad") -> list[tuple[Item, Item]]:
    """Chosen and rejected answers, told apart by one word."""
    found = []
    for item in rows(count):
        sides = [f"{item.response} {word}" for word in (good, bad)]
        found.append(
            (
                Item(item.prompt, sides[0], side="chosen"),
                Item(item.prompt, sides[1], side="rejected"),
            )
        )
    return found


def score_of(ids: Sequence[int]) -> float:
    """A smooth score that depends on every token and its place."""
    values = np.asarray(ids, np.float64)
    return float(np.sin(values * 0.37 + np.arange(len(values)) * 0.11).sum())


class FakeTokenizer:
    """Characters as tokens; `<s>` and `</s>` are special."""

    bos_token, eos_token, pad_token, sep_token, unk_token = "<s>", "</s>", "<pad>", None, None
    bos_token_id, eos_token_id, pad_token_id = BOS, EOS, PAD
    all_special_tokens = ("<s>", "</s>", "<pad>")
    chat_template: str | None = None

    def __init__(self, *, adds_bos: bool = True, parses: bool = False) -> None:
        self.adds_bos = adds_bos
        self.parses = parses
        self.added_tokens_decoder: dict[int, Any] = {}

    def __call__(self, text: str) -> dict[str, list[int]]:
        return {"input_ids": [*([BOS] if self.adds_bos else []), *self.ids(text)]}

    def ids(self, text: str) -> list[int]:
        parts = text.replace("</s>", "\x01") if self.parses else text
        return [EOS if c == "\x01" else FIRST + ord(c) for c in parts]

    def convert_ids_to_tokens(self, ids: Sequence[int]) -> list[str]:
        names = {PAD: "<pad>", BOS: "<s>", EOS: "</s>"}
        return [names.get(i) or chr(i - FIRST) for i in ids]

    def convert_tokens_to_ids(self, token: str) -> int:
        return {"<pad>": PAD, "<s>": BOS, "</s>": EOS}[token]


class FakeModel(TokenScorer):
    """A healthy scorer; every fault is an argument."""

    capabilities = frozenset({Capability.SCORE, Capability.TOKENS})
    default_unravel = "hh"

    def __init__(
        self,
        score: Score = score_of,
        *,
        batched: Batched | None = None,
        begin: Sequence[int] = (BOS,),
        end: Sequence[int] = (EOS,),
        tokenizer: FakeTokenizer | None = None,
        head: Any = None,
        module: Any = None,
        positions: int | None = 4000,
        facts: dict[str, Any] | None = None,
    ) -> None:
        self.score = score
        self.batched = batched
        self.begin, self.end = tuple(begin), tuple(end)
        self.tokenizer = tokenizer or FakeTokenizer()
        self.head = head
        self.module = module
        self.positions = positions
        self.facts = {"dtype": "float32", "positions": positions, **(facts or {})}

    def render_chat(self, item: Item) -> Rendered:
        return Rendered(f"{item.prompt} -> {item.response}", special_tokens=False)

    def anatomy(self) -> Anatomy:
        head = {} if self.head is None else {"score.weight": self.head}
        return Anatomy(self.tokenizer, self.module, head, 0.02)

    def encode(self, texts: Sequence[Rendered], limits: Limits) -> list[Encoded]:
        encoded = []
        room = limits.max_tokens or self.positions or 10**6
        for text in texts:
            ids = [*self.begin, *self.tokenizer.ids(text.text), *self.end]
            cut = 0 if limits.truncation is False else max(len(ids) - room, 0)
            ids = ids[cut:]
            problem = "too long" if len(ids) > room else ""
            encoded.append(Encoded(tuple(ids), -1 if problem else len(ids) - 1, cut, (), problem))
        return encoded

    def forward(self, batch: Sequence[Encoded], want: Want) -> list[Output]:
        texts = [text.ids[: text.read_at + 1] for text in batch]
        scores = [self.score(text) for text in texts]
        if self.batched is not None:
            scores = self.batched(texts, scores)
        return [Output(float(score)) for score in scores]


class FakeItems(ItemScorer):
    """A function of prompt and response."""

    capabilities = frozenset({Capability.SCORE})

    def __init__(
        self,
        function: Callable[[Item], float],
        *,
        batched: Callable[[list[float]], list[float]] | None = None,
    ) -> None:
        self.function = function
        self.batched = batched
        self.facts = {}

    def score(self, items: Sequence[Item]) -> list[Output]:
        scores = [self.function(item) for item in items]
        return [Output(s) for s in (self.batched(scores) if self.batched else scores)]


class FakeServer(TextScorer):
    """A server that scores rendered texts."""

    default_unravel = "hh"

    def __init__(self, function: Callable[[str], Any], names: tuple[str, ...] = ()) -> None:
        self.function = function
        self.output_names = names
        self.capabilities = frozenset({Capability.VECTOR if names else Capability.SCORE})
        self.facts = {}

    def render_chat(self, item: Item) -> Rendered:
        return Rendered(f"{item.prompt} -> {item.response}")

    def score_texts(self, texts: Sequence[Rendered]) -> list[Output]:
        return [Output(self.function(text.text)) for text in texts]

    def score(self, items: Sequence[Item]) -> list[Output]:
        return self.score_texts([self.render_chat(item) for item in items])


def patient(
    scorer: Scorer,
    items: Sequence[Item] | None = None,
    *,
    labelled: Sequence[tuple[Item, Item]] = (),
    limits: Limits | None = None,
    unravel: str = "default",
    reopen: Any = None,
) -> Patient:
    """A patient of rows, or of labelled pairs."""
    renderer = Renderer(QuerySection(message=MessageSpec(unravel=unravel, roles=["user"])), scorer)
    if labelled:
        items = [a for a, _ in labelled] + [b for _, b in labelled]
    elif items is None:
        items = rows()
    limits = limits or Limits()
    return Patient(
        scorer=scorer,
        form=scorer.default_unravel if unravel == "default" else unravel,
        texts=[(item, renderer.render(item)) for item in items],
        pairs=[(index, len(labelled) + index) for index in range(len(labelled))],
        limits=limits,
        engine=Probe(scorer, limits=limits),
        render=renderer.render,
        reopen=reopen,
    )
