"""Paired statistics against closed forms, other implementations, and simulated coverage."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as reference_mcnemar

from pyrite.analysis.resample import Clusters, t_quantile
from pyrite.compare.paired import accuracy_change, mcnemar, paired_difference, score_change
from pyrite.compare.result import AccuracyChange, ScoreChange


def clusters_of(groups: np.ndarray, resamples: int = 2000) -> Clusters:
    return Clusters(groups, resamples=resamples, seed=0)


def alone(count: int) -> tuple[Clusters, np.ndarray]:
    return clusters_of(np.arange(count)), np.arange(count)


def scores(seed: int, count: int = 300, r: float = 0.6) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    a = generator.normal(2.0, 3.0, count)
    b = 7.0 + 5.0 * (r * (a - 2.0) / 3.0 + np.sqrt(1 - r * r) * generator.normal(size=count))
    return a, b


def test_values_are_the_closed_forms() -> None:
    a, b = scores(0)
    clusters, rows = alone(len(a))
    found = score_change(clusters, rows, a, b)
    assert isinstance(found, ScoreChange)
    assert found.shift.value == pytest.approx(b.mean() / b.std() - a.mean() / a.std())
    difference = (b - b.mean()) / b.std() - (a - a.mean()) / a.std()
    assert found.moved.value == pytest.approx(np.sqrt(np.mean(difference**2)))
    assert found.spearman is not None
    assert found.spearman.value == pytest.approx(stats.spearmanr(a, b).statistic)
    assert (found.shift.rows, found.shift.groups) == (300, 300)
    assert found.shift.low < found.shift.value < found.shift.high


@given(st.integers(0, 50), st.floats(0.01, 100), st.floats(-50, 50))
def test_a_rising_line_moves_no_row(seed: int, slope: float, offset: float) -> None:
    a, _ = scores(seed, 40)
    clusters, rows = alone(len(a))
    found = score_change(clusters, rows, a, slope * a + offset)
    assert isinstance(found, ScoreChange)
    assert found.moved.value == pytest.approx(0, abs=1e-6)
    assert found.spearman is not None
    assert found.spearman.value == pytest.approx(1)


def test_a_large_offset_does_not_spoil_the_moments() -> None:
    a, b = scores(1)
    clusters, rows = alone(len(a))
    near, far = score_change(clusters, rows, a, b), score_change(clusters, rows, a + 1e7, b)
    assert isinstance(near, ScoreChange)
    assert isinstance(far, ScoreChange)
    assert far.moved.value == pytest.approx(near.moved.value, rel=1e-5)
    assert far.moved.low == pytest.approx(near.moved.low, rel=1e-4)


def test_what_has_no_spread_or_too_few_prompts_is_not_measured() -> None:
    a, b = scores(2, 50)
    clusters, rows = alone(50)
    told = score_change(clusters, rows, np.zeros(50), b)
    assert told == "the scores of A are the same in every row"
    few = clusters_of(np.arange(50) % 4)
    assert "come from 4 prompts and at least 10" in str(score_change(few, rows, a, b))
    assert "come from 4 prompts" in str(accuracy_change(few, rows, a, b))


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_that_of_statsmodels(gained: int, lost: int) -> None:
    if gained + lost:
        table = [[5, lost], [gained, 9]]
        assert mcnemar(gained, lost) == pytest.approx(reference_mcnemar(table, exact=True).pvalue)
    else:
        assert mcnemar(0, 0) == 1.0


def bonett_price(gained: int, lost: int, n: int, quantile: float) -> tuple[float, float]:
    """As published: p12 and p21 with one pair added to each, over n + 2."""
    p12, p21 = (gained + 1) / (n + 2), (lost + 1) / (n + 2)
    reach = quantile * np.sqrt((p12 + p21 - (p12 - p21) ** 2) / (n + 2))
    return p12 - p21 - reach, p12 - p21 + reach


@pytest.mark.parametrize(("gained", "lost", "n"), [(12, 5, 200), (40, 41, 300), (0, 0, 60)])
def test_the_interval_of_a_difference_is_that_of_bonett_and_price(
    gained: int, lost: int, n: int
) -> None:
    change = np.array([1.0] * gained + [-1.0] * lost + [0.0] * (n - gained - lost))
    clusters, rows = alone(n)
    found = paired_difference(clusters, rows, change)
    low, high = bonett_price(gained, lost, n, t_quantile(0.95, n))
    # The effective number of pairs is estimated by the bootstrap, which has noise.
    assert found.value == pytest.approx((gained - lost) / n)
    assert found.low == pytest.approx(low, abs=0.05 * (high - low))
    assert found.high == pytest.approx(high, abs=0.05 * (high - low))
    assert found.low < found.high


def test_the_same_pair_five_times_is_not_five_pairs() -> None:
    generator = np.random.default_rng(4)
    change = generator.choice([-1.0, 0.0, 1.0], 80, p=[0.1, 0.7, 0.2])
    clusters, rows = alone(80)
    once = paired_difference(clusters, rows, change)
    several = clusters_of(np.repeat(np.arange(80), 5))
    often = paired_difference(several, np.arange(400), np.repeat(change, 5))
    assert often.high - often.low == pytest.approx(once.high - once.low, rel=0.06)
    assert often.rows == 400
    assert often.groups == 80


def test_accuracy_gained_lost_and_ties() -> None:
    a = np.array([1.0, 1.0, -1.0, 0.0, 2.0] * 8)
    b = np.array([1.0, -1.0, 1.0, 1.0, 0.0] * 8)
    clusters, rows = alone(40)
    found = accuracy_change(clusters, rows, a, b)
    assert isinstance(found, AccuracyChange)
    assert (found.gained, found.lost, found.ties) == (8, 8, 16)
    assert found.a.value == pytest.approx(3.5 / 5)
    assert found.b.value == pytest.approx(3.5 / 5)
    assert found.difference.value == pytest.approx(0)
    assert found.turned.value == pytest.approx(2 / 5)
    assert found.p_prompts is None
    swapped = accuracy_change(clusters, rows, b, a)
    assert isinstance(swapped, AccuracyChange)
    assert swapped.p == found.p


def test_prompts_with_several_pairs_are_tested_as_prompts() -> None:
    clusters = clusters_of(np.repeat(np.arange(12), 4))
    rows = np.arange(48)
    found = accuracy_change(clusters, rows, np.full(48, -1.0), np.full(48, 1.0))
    assert isinstance(found, AccuracyChange)
    assert found.p == pytest.approx(2 * 0.5**48)
    assert found.p_prompts == pytest.approx(2 * 0.5**12)


def test_coverage_of_the_difference_of_accuracies_in_clusters() -> None:
    """Prompts differ in how hard they are for either model; the true difference is 0.1."""
    hits, runs = 0, 250
    groups = np.repeat(np.arange(40), 3)
    clusters = clusters_of(groups, 400)
    generator = np.random.default_rng(7)
    for _ in range(runs):
        hard = generator.beta(2, 2, 40)
        p_a, p_b = 0.25 + 0.5 * hard, 0.35 + 0.5 * hard
        same = generator.random(40)[groups] < 0.5
        shared, own_a, own_b = (generator.random(120) for _ in range(3))
        right_a = np.where(same, shared, own_a) < p_a[groups]
        right_b = np.where(same, shared, own_b) < p_b[groups]
        found = paired_difference(clusters, np.arange(120), right_b * 1.0 - right_a * 1.0)
        hits += found.low <= 0.1 <= found.high
    # 0.95 - 3.3 standard errors of 250 runs
    assert 0.905 <= hits / runs <= 0.99


def test_coverage_of_shift_and_movement() -> None:
    truth = 7 / 5 - 2 / 3, np.sqrt(2 * (1 - 0.6))
    hits, runs = np.zeros(2), 200
    clusters, rows = clusters_of(np.arange(150), 400), np.arange(150)
    for seed in range(runs):
        found = score_change(clusters, rows, *scores(1000 + seed, 150))
        assert isinstance(found, ScoreChange)
        estimates = (found.shift, found.moved)
        hits += [x.low <= true <= x.high for x, true in zip(estimates, truth, strict=True)]
    assert (hits / runs >= 0.90).all()
    assert (hits / runs <= 0.99).all()
