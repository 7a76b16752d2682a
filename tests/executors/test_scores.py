"""A score does not depend on the executor, nor on how the rows were cut and ordered for it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyrite.config.sections import QuerySection
from pyrite.executors import Pool, Unit
from pyrite.executors.local import Local
from pyrite.models.reward_model import RewardModel
from pyrite.scoring.opening import ModelOpening
from pyrite.steps.score_task import ScoreTask
from tests.executors.conftest import executor_of

WORDS = ["the", "answer", "is", "certainly", "not", "sorry", "because", "- item", "42", "!"]
ROWS = 40
CUTS = st.lists(st.integers(0, ROWS), max_size=6)


def _rows() -> pa.Table:
    """Rows of 1 to 60 words, the last ones the same as the first."""
    draw = random.Random(3)
    texts = [" ".join(draw.choices(WORDS, k=draw.randint(1, 60))) for _ in range(ROWS - 4)]
    texts += texts[:4]
    prompts = [f"question {at % 7}" for at in range(ROWS - 4)]
    return pa.table(
        {"row_id": list(range(ROWS)), "prompt": prompts + prompts[:4], "response": texts}
    )


TABLE = _rows()
OPENING = ModelOpening(RewardModel(path="builtin:tiny-reward-model"))


def _scores(pool: Pool, order: list[int], cuts: list[int]) -> np.ndarray:
    """Scores by row, of rows in this order cut before these places; NaN where none was asked."""
    taken = TABLE.take(order)
    edges = sorted({0, len(order), *(cut % (len(order) + 1) for cut in cuts)})
    units = [Unit(a, b, taken.slice(a, b - a)) for a, b in pairwise(edges)]
    scores = np.full(ROWS, np.nan)
    for done in pool.run(ScoreTask(QuerySection(cache=False)), units):
        scores[order[done.start : done.stop]] = done.result.table["score"].to_numpy()
    return scores


@pytest.fixture(scope="module")
def wanted() -> np.ndarray:
    with Local().start(OPENING) as pool:
        return _scores(pool, list(range(ROWS)), [])


@pytest.fixture(scope="module", params=["local", "processes", "ray"])
def pool(request: pytest.FixtureRequest) -> Iterator[Pool]:
    with executor_of(request.param, request).start(OPENING) as pool:
        yield pool


@given(order=st.permutations(range(ROWS)), count=st.integers(1, ROWS), cuts=CUTS)
@settings(max_examples=12, deadline=None)
def test_any_order_and_any_cuts_give_the_same_scores(
    pool: Pool, wanted: np.ndarray, order: list[int], count: int, cuts: list[int]
) -> None:
    some = order[:count]
    found = _scores(pool, some, cuts)
    assert np.isfinite(found[some]).all()
    assert np.isnan(np.delete(found, some)).all()
    assert np.abs(found - wanted)[some].max() <= 1e-5 * wanted.std()
