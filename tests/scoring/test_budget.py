"""The token budget: the fastest of a few, by the time that real batches take."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyrite.models import Encoded, Output, Rendered, Want
from pyrite.scoring import Engine
from pyrite.scoring.batching import batches_by_tokens, packed_batches
from pyrite.scoring.budget import TRIALS, TokenBudget
from pyrite.types import Item
from tests.scoring.fake import FakeScorer

Cost = Callable[[int], float]
"""Seconds of a batch of so many tokens, padding included."""

COSTS: dict[str, tuple[Cost, int]] = {
    "a fixed price a batch": (lambda tokens: 1.0 + tokens / 1000, 2048),
    "dearer than in proportion": (lambda tokens: 0.01 + (tokens / 100) ** 2, 512),
}


class TimedScorer(FakeScorer):
    """Takes time by a known curve, on a clock of its own."""

    def __init__(self, cost: Cost) -> None:
        super().__init__()
        self.cost = cost
        self.now = 0.0

    def forward(self, batch: Sequence[Encoded], want: Want) -> list[Output]:
        self.now += self.cost(len(batch) * max(len(text.ids) for text in batch))
        return super().forward(batch, want)


def texts(count: int) -> list[tuple[Item, Rendered | None]]:
    return [(Item(response=""), Rendered(f"{n:0100d}")) for n in range(count)]


@pytest.mark.parametrize("name", COSTS)
def test_the_fastest_budget_is_kept(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cost, best = COSTS[name]
    scorer = TimedScorer(cost)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr("pyrite.scoring.engine.time.perf_counter", lambda: scorer.now)
    found = Engine(scorer)
    scores = [scored.output.score for scored in found.score(texts(400))]
    assert found.batch_tokens == best
    assert scores == [sum(map(ord, f"{n:0100d}")) / 1000 for n in range(400)]
    sizes = [len(batch) for batch in scorer.batches]
    assert sizes[: 2 * TRIALS] == [20, 5] * TRIALS
    assert set(sizes[2 * TRIALS : -1]) == {best // 100}


def test_few_texts_keep_the_usual_budget() -> None:
    found = Engine(FakeScorer())
    found.score(texts(3))
    assert found.batch_tokens == 2048


def test_what_the_experiment_says_is_not_tried() -> None:
    scorer = FakeScorer()
    found = Engine(scorer, batch_tokens=300)
    found.score(texts(60))
    assert {len(batch) for batch in scorer.batches} == {3}


def test_batches_that_tell_nothing_are_not_counted() -> None:
    budget = TokenBudget((100, 40))
    for lengths in ([60], [90], [3, 4]):  # too long for the second budget, or far from full
        budget.took(lengths, 1.0)
    assert (budget.tokens, budget.is_open) == (100, True)
    for _ in range(TRIALS):
        budget.took([30, 30, 30], 9.0)
        assert budget.tokens == 40
        budget.took([30], 1.0)
    assert (budget.tokens, budget.is_open) == (40, False)


def test_running_out_of_memory_ends_the_trials() -> None:
    budget = TokenBudget((100, 40))
    budget.halve()
    assert (budget.tokens, budget.is_open) == (50, False)
    budget.took([50], 0.1)
    budget.halve()
    assert budget.tokens == 25
    for _ in range(9):
        budget.halve()
    assert budget.tokens == 1


def test_the_rest_of_a_call_is_cut_smaller_after_memory_ran_out() -> None:
    scorer = FakeScorer(memory=1500)
    Engine(scorer).score(texts(200))
    # One batch fails; all after it fit at once.
    assert max(len(batch) for batch in scorer.batches) * 100 <= 1500
    assert len(scorer.batches) <= 2 + 200 // 10


@given(st.lists(st.integers(0, 60), max_size=60), st.lists(st.integers(1, 200), min_size=1))
def test_budgets_may_change_between_batches(lengths: list[int], budgets: list[int]) -> None:
    for batches in (batches_by_tokens, packed_batches):
        given_budgets = iter(budgets * (len(lengths) + 1))
        found = list(batches(lengths, budget=lambda: next(given_budgets)))  # noqa: B023
        assert sorted(index for batch in found for index in batch) == list(range(len(lengths)))
        for batch, budget in zip(found, budgets, strict=False):
            assert len(batch) == 1 or sum(lengths[index] for index in batch) <= budget
