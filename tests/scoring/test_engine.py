"""The engine: order, duplicates, memory, pairs; a score never depends on its batch."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyrite.errors import ScoringError
from pyrite.models import Encoded, ItemScorer, Output, Pooled, Rendered, Want
from pyrite.scoring import Engine
from pyrite.scoring.batching import batches_by_tokens
from pyrite.types import Item
from tests.scoring.fake import FakePairScorer, FakeScorer

texts = st.lists(st.text(max_size=40), max_size=30)


def rendered(strings: list[str]) -> list[tuple[Item, Rendered | None]]:
    return [(Item(response=s), Rendered(s)) for s in strings]


@given(st.lists(st.integers(0, 300), max_size=200), st.integers(1, 2000), st.integers(1, 64))
def test_every_text_is_in_exactly_one_batch_within_the_budget(
    lengths: list[int], budget: int, max_rows: int
) -> None:
    batches = list(batches_by_tokens(lengths, budget=budget, max_rows=max_rows))
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    for batch in batches:
        widest = max(max(lengths[i], 1) for i in batch)
        assert len(batch) <= max_rows
        assert len(batch) == 1 or widest * len(batch) <= budget


def test_a_batch_is_not_mostly_padding() -> None:
    batches = list(batches_by_tokens([1000] * 2 + [1] * 100, budget=10**6))
    padded = sum(max([1000] * 2 + [1] * 100) if 0 in b else 1 for b in batches)
    assert len(batches) >= 2
    assert padded < 1100


@given(texts, st.integers(1, 500))
def test_scores_are_in_the_order_given_whatever_the_batches(
    strings: list[str], budget: int
) -> None:
    engine = Engine(FakeScorer(), batch_tokens=budget)
    scores = [scored.output.score for scored in engine.score(rendered(strings))]
    assert scores == [sum(ord(c) for c in s) / 1000 for s in strings]


def test_identical_texts_are_computed_once() -> None:
    scorer = FakeScorer()
    scored = Engine(scorer).score(rendered(["same", "other", "same"] * 10))
    assert sum(len(batch) for batch in scorer.batches) == 2
    assert len({s.output.score for s in scored}) == 2


def test_running_out_of_memory_halves_the_batch_and_loses_nothing() -> None:
    scorer = FakeScorer(memory=64)
    engine = Engine(scorer, batch_tokens=10_000)
    strings = [f"text number {i}" for i in range(50)]
    scores = [s.output.score for s in engine.score(rendered(strings))]
    assert scores == [sum(ord(c) for c in s) / 1000 for s in strings]
    assert engine.batch_tokens < 10_000


def test_a_text_that_does_not_fit_alone_is_an_error_not_a_score() -> None:
    with pytest.raises(ScoringError, match="out of memory"):
        Engine(FakeScorer(memory=3)).score(rendered(["long text"]))


def test_a_text_with_a_problem_has_no_score_and_is_not_computed() -> None:
    scorer = FakeScorer(max_tokens=5)
    scored = Engine(scorer, want=Want(hidden_states=Pooled())).score(rendered(["ok", "too long"]))
    assert math.isnan(scored[1].output.score)
    assert scored[1].encoded == Encoded(tuple(map(ord, "too long")), 0, problem="too long")
    assert scored[0].output.hidden_states is not None
    assert sum(len(batch) for batch in scorer.batches) == 1


def test_a_pair_has_the_bradley_terry_loss_of_its_end_scores() -> None:
    (pair,) = Engine(FakeScorer()).score_pairs(rendered(["aa"]), rendered(["a"]))
    margin = 97 / 1000
    assert pair.pair.chosen - pair.pair.rejected == pytest.approx(margin)
    assert pair.pair.loss == pytest.approx(-math.log(1 / (1 + math.exp(-margin))))


def test_the_pair_loss_does_not_overflow() -> None:
    (pair,) = Engine(FakeScorer()).score_pairs(rendered([""]), rendered(["\U0010ffff" * 9]))
    assert pair.pair.loss == pytest.approx(9 * 0x10FFFF / 1000)


def test_a_models_own_pair_forward_is_used() -> None:
    pairs = Engine(FakePairScorer(max_tokens=9)).score_pairs(
        rendered(["abc", "x" * 10]), rendered(["a", "b"])
    )
    assert (pairs[0].pair.chosen, pairs[0].pair.rejected, pairs[0].pair.loss) == (3, 1, 7.0)
    assert math.isnan(pairs[1].pair.loss)
    assert pairs[1].pair.problem == "too long"


class _Short(ItemScorer):
    capabilities = frozenset()
    facts: dict[str, str] = {}  # noqa: RUF012

    def score(self, items: object) -> list[Output]:
        return [Output(1.0)]


def test_too_few_scores_are_an_error() -> None:
    with pytest.raises(ScoringError, match="1 scores for 2 texts"):
        Engine(_Short()).score([(Item(response="a"), None), (Item(response="b"), None)])
