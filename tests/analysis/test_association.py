from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pyrite.analysis import resample
from pyrite.analysis.association import Association, Pairing, associate, benjamini_hochberg
from pyrite.analysis.resample import Clusters


def associations(
    groups: np.ndarray,
    score: np.ndarray,
    *values: np.ndarray,
    resamples: int = 400,
    seed: int = 0,
    confidence: float = 0.95,
) -> tuple[list[Association], list[str]]:
    pairings = [
        Pairing("query", "model", "score", f"x{i}", "units", score, x) for i, x in enumerate(values)
    ]
    clusters = Clusters(groups, resamples=resamples, seed=seed)
    return associate([(clusters, pairings)], confidence=confidence)


def clustered(
    generator: np.random.Generator, prompts: int, rows: int, share: float = 0.5
) -> np.ndarray:
    """Normal values; `share` of their variance belongs to the prompt."""
    common = np.repeat(generator.normal(size=prompts), rows)
    own = generator.normal(size=prompts * rows)
    return np.sqrt(share) * common + np.sqrt(1 - share) * own


@pytest.mark.parametrize("ties", [False, True])
def test_estimates_are_those_of_scipy(ties: bool) -> None:
    generator = np.random.default_rng(0)
    groups = np.repeat(np.arange(60), 3)
    x = 100 + 7 * clustered(generator, 60, 3)
    y = 0.1 * x + clustered(generator, 60, 3)
    if ties:
        x, y = np.round(x / 5), np.round(y)
    found = associations(groups, y, x)[0][0]
    assert found.spearman.estimate.value == pytest.approx(stats.spearmanr(x, y)[0], abs=1e-12)
    assert found.pearson.value == pytest.approx(stats.pearsonr(x, y)[0], abs=1e-12)
    assert found.slope.value == pytest.approx(stats.linregress(x, y).slope, abs=1e-12)
    assert (found.spearman.estimate.rows, found.spearman.estimate.groups) == (180, 60)
    assert found.within is not None
    assert found.within_pearson is not None
    centred = [v - np.repeat(v.reshape(60, 3).mean(axis=1), 3) for v in (x, y)]
    varying = np.repeat(np.ptp(x.reshape(60, 3), axis=1) > 0, 3)
    inside = [np.round(v[varying], 8) for v in centred]
    assert found.within.estimate.value == pytest.approx(stats.spearmanr(*inside)[0], abs=1e-12)
    assert found.within_pearson.value == pytest.approx(stats.pearsonr(*inside)[0], abs=1e-7)


@pytest.mark.parametrize("slope", [0.0, 1.0, 4.0])
def test_standard_errors_are_those_of_resampling_prompts_and_ranking_anew(slope: float) -> None:
    generator = np.random.default_rng(1)
    prompts, rows = 40, 3
    groups = np.repeat(np.arange(prompts), rows)
    x = np.round(clustered(generator, prompts, rows), 1)
    y = slope * x + clustered(generator, prompts, rows)
    found = associations(groups, y, x, resamples=2000)[0][0]
    rho, r = [], []
    for _ in range(1500):
        drawn = generator.integers(0, prompts, prompts)
        index = (drawn[:, None] * rows + np.arange(rows)).ravel()
        rho.append(stats.spearmanr(x[index], y[index])[0])
        r.append(np.corrcoef(x[index], y[index])[0, 1])
    few = np.sqrt(prompts / (prompts - 1))
    assert found.spearman.error == pytest.approx(np.std(np.arctanh(rho)) * few, rel=0.12)
    reach = stats.t.ppf(0.975, prompts - 1) * np.std(np.arctanh(r)) * few
    centre = np.arctanh(found.pearson.value)
    assert found.pearson.low == pytest.approx(np.tanh(centre - reach), abs=0.03)
    assert found.pearson.high == pytest.approx(np.tanh(centre + reach), abs=0.03)


def test_nothing_is_found_in_nothing_about_as_often_as_it_says() -> None:
    """Prompts with four rows and half of all variance between prompts; nominal 5 %."""
    generator = np.random.default_rng(2)
    groups = np.repeat(np.arange(40), 4)
    overall, within, covered, family, pooled = [], [], [], [], []
    for trial in range(250):
        y = clustered(generator, 40, 4)
        values = [clustered(generator, 40, 4) for _ in range(3)]
        found, _ = associations(groups, y, *values, resamples=300, seed=trial)
        tests = [t for a in found for t in (a.spearman, a.within) if t is not None]
        assert len(tests) == 6
        overall += [a.spearman.p < 0.05 for a in found]
        within += [a.within.p < 0.05 for a in found if a.within is not None]
        covered += [a.pearson.low <= 0 <= a.pearson.high for a in found]
        family.append(any(t.wide_low > 0 or t.wide_high < 0 for t in tests))
        pooled.append(stats.spearmanr(values[0], y)[1] < 0.05)
    assert 0.025 <= np.mean(overall) <= 0.08
    assert 0.025 <= np.mean(within) <= 0.08
    assert 0.92 <= np.mean(covered) <= 0.975
    assert np.mean(family) <= 0.09
    assert np.mean(pooled) > 0.1, "the data are such that rows taken as independent mislead"


def test_intervals_cover_a_true_correlation() -> None:
    generator = np.random.default_rng(3)
    rho = 0.6
    truth = 6 / np.pi * np.arcsin(rho / 2)  # Spearman's rho of a normal pair
    hits = []
    for trial in range(200):
        x = generator.normal(size=60)
        y = rho * x + np.sqrt(1 - rho**2) * generator.normal(size=60)
        estimate = associations(np.arange(60), y, x, resamples=300, seed=trial)[0][0].spearman
        hits.append(estimate.estimate.low <= truth <= estimate.estimate.high)
    assert 0.9 <= np.mean(hits) <= 0.985


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_the_order_of_rows_does_not_matter(seed: int) -> None:
    generator = np.random.default_rng(seed)
    groups = np.repeat(np.arange(15), 2)
    x = np.round(clustered(generator, 15, 2), 1)
    y = x + clustered(generator, 15, 2)
    order = generator.permutation(30)
    one = associations(groups, y, x)[0][0]
    other = associations(groups[order], y[order], x[order])[0][0]
    for part in ("value", "low", "high"):
        for get in (lambda a: a.spearman.estimate, lambda a: a.pearson, lambda a: a.slope):
            assert getattr(get(one), part) == pytest.approx(getattr(get(other), part), abs=1e-9)
    assert one.spearman.p == pytest.approx(other.spearman.p, rel=1e-6)


def test_interval_and_p_value_agree() -> None:
    generator = np.random.default_rng(4)
    y = generator.normal(size=50)
    found, _ = associations(np.arange(50), y, *(0.3 * y + generator.normal(size=(40, 50))))
    for each in found:
        outside = each.spearman.estimate.low > 0 or each.spearman.estimate.high < 0
        assert outside == (each.spearman.p < 0.05)
        assert each.spearman.wide_low <= each.spearman.estimate.low
        assert each.spearman.wide_high >= each.spearman.estimate.high
        assert each.spearman.q >= each.spearman.p


def test_q_values_are_those_of_statsmodels() -> None:
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    p = np.random.default_rng(5).uniform(size=37) ** 3
    expected = multitest.multipletests(p, method="fdr_bh")[1]
    np.testing.assert_allclose(benjamini_hochberg(list(p)), expected)


def test_many_prompts_are_put_together_at_random(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(6)
    x = generator.normal(size=4000)
    y = 0.5 * x + generator.normal(size=4000)
    groups = np.arange(4000)
    whole = associations(groups, y, x, resamples=1000)[0][0].spearman
    monkeypatch.setattr(resample, "MAX_UNITS", 500)
    units = associations(groups, y, x, resamples=1000)[0][0].spearman
    assert units.estimate.value == pytest.approx(whole.estimate.value, abs=1e-12)
    assert units.error == pytest.approx(whole.error, rel=0.15)
    assert units.estimate.groups == 4000


def test_intervals_cover_where_prompts_are_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """90 prompts of two rows in 60 units: units of one and of two prompts."""
    monkeypatch.setattr(resample, "MAX_UNITS", 60)
    generator = np.random.default_rng(10)
    groups = np.repeat(np.arange(90), 2)
    errors, covered = [], []
    for trial in range(250):
        x, y = clustered(generator, 90, 2), clustered(generator, 90, 2)
        found = associations(groups, y, x, resamples=300, seed=trial)[0][0]
        errors.append(found.spearman.p < 0.05)
        covered.append(found.pearson.low <= 0 <= found.pearson.high)
    assert 0.02 <= np.mean(errors) <= 0.09
    assert 0.91 <= np.mean(covered) <= 0.98


def test_every_resample_draws_as_many_units_as_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    clusters = Clusters(np.repeat(np.arange(30), 2), resamples=200, seed=0)
    counts = clusters.totals(np.ones((30, 1)))
    np.testing.assert_array_equal(counts, np.full((200, 1), 30.0))
    each = clusters.totals(np.eye(30))
    assert each.mean() == pytest.approx(1.0)
    assert each.var() == pytest.approx(1 - 1 / 30, rel=0.1)
    monkeypatch.setattr(resample, "_KEPT", 0)
    np.testing.assert_array_equal(each, clusters.totals(np.eye(30)))


def test_a_perfect_correlation_is_told_as_one() -> None:
    x = np.arange(40.0)
    found = associations(np.arange(40), 2 * x + 1, x)[0][0]
    assert found.spearman.estimate.value == pytest.approx(1.0)
    assert found.pearson.value == pytest.approx(1.0)
    assert found.slope.value == pytest.approx(2.0)
    assert found.spearman.q < 0.001


def test_missing_values_are_dropped_in_pairs_and_counted() -> None:
    generator = np.random.default_rng(7)
    x, y = generator.normal(size=60), generator.normal(size=60)
    x[:5], y[3:9] = np.nan, np.inf
    found = associations(np.arange(60), y, x)[0][0]
    assert (found.dropped, found.spearman.estimate.rows) == (9, 51)
    assert found.spearman.estimate.value == pytest.approx(stats.spearmanr(x[9:], y[9:])[0])


@pytest.mark.parametrize(
    ("score", "value", "because"),
    [
        (np.arange(40.0), np.full(40, 3.0), "x0 is 3 in every row"),
        (np.full(40, 2.5), np.arange(40.0), "score is 2.5 in every row"),
        (np.full(40, np.nan), np.arange(40.0), "no row has a number for score"),
        (np.arange(40.0), np.full(40, np.nan), "no row has a number for x0"),
        (
            np.arange(40.0),
            np.r_[np.zeros(38), 1, 1],
            "x0 differs from its commonest value 0 in only 2 prompts and at least 5 are needed",
        ),
        (
            np.arange(40.0),
            np.r_[np.arange(9.0), np.full(31, np.nan)],
            "rows with both come from 9 prompts and at least 10 are needed",
        ),
    ],
)
def test_what_cannot_be_measured_is_said_and_is_no_number(
    score: np.ndarray, value: np.ndarray, because: str
) -> None:
    found, notes = associations(np.arange(40), score, value)
    assert found == []
    assert notes == [
        f"query: the association of score with x0 was not measured, because {because}."
    ]


def test_no_association_within_prompts_where_prompts_have_one_row() -> None:
    generator = np.random.default_rng(8)
    found, notes = associations(np.arange(30), generator.normal(size=30), generator.normal(size=30))
    assert found[0].within is None
    assert found[0].within_pearson is None
    assert notes == []


def test_a_difference_between_prompts_is_not_one_within_them() -> None:
    generator = np.random.default_rng(9)
    common = np.repeat(generator.normal(size=100), 3)
    x = common + generator.normal(size=300)
    y = 3 * common + generator.normal(size=300)
    found = associations(np.repeat(np.arange(100), 3), y, x)[0][0]
    assert found.within is not None
    assert found.spearman.estimate.low > 0.4
    assert found.within.estimate.low < 0 < found.within.estimate.high
