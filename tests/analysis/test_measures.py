from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from pyrite.analysis.agreement import agreements
from pyrite.analysis.binned import binned_means
from pyrite.analysis.identity import rows_digest
from pyrite.analysis.measures import Measure, Scope, against_gold, pair_accuracy, pair_calibration
from pyrite.analysis.resample import Clusters

from .fake_table import FakeTable


def scope_of(groups: np.ndarray, resamples: int = 1000) -> Scope:
    return Scope("query", "model", Clusters(groups, resamples=resamples, seed=0), 0.95)


def test_a_tie_counts_half() -> None:
    margin = np.r_[np.ones(20), -np.ones(10), np.zeros(10), np.nan]
    found = pair_accuracy(scope_of(np.arange(41)), "margin", margin)
    assert isinstance(found, Measure)
    assert found.estimate.value == pytest.approx(25 / 40)
    assert (found.estimate.rows, found.chance) == (40, 0.5)


def test_accuracy_has_wilsons_interval_where_prompts_have_one_row() -> None:
    margin = np.where(np.random.default_rng(0).uniform(size=500) < 0.8, 1.0, -1.0)
    found = pair_accuracy(scope_of(np.arange(500), 4000), "margin", margin)
    assert isinstance(found, Measure)
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    expected = proportion.proportion_confint(int((margin > 0).sum()), 500, method="wilson")
    assert (found.estimate.low, found.estimate.high) == pytest.approx(expected, abs=0.004)


def test_all_right_is_not_certainty() -> None:
    found = pair_accuracy(scope_of(np.arange(12)), "margin", np.ones(12))
    assert isinstance(found, Measure)
    assert found.estimate.value == 1.0
    assert found.estimate.low < 0.8
    assert found.estimate.high == pytest.approx(1.0)


def test_rows_of_one_prompt_widen_the_interval() -> None:
    generator = np.random.default_rng(1)
    margin = np.repeat(generator.normal(size=40) + 0.3, 10)
    together = pair_accuracy(scope_of(np.repeat(np.arange(40), 10)), "margin", margin)
    alone = pair_accuracy(scope_of(np.arange(400)), "margin", margin)
    assert isinstance(together, Measure)
    assert isinstance(alone, Measure)
    width = together.estimate.high - together.estimate.low
    assert width > 2 * (alone.estimate.high - alone.estimate.low)


def test_calibrated_margins_are_not_overconfident() -> None:
    generator = np.random.default_rng(2)
    margin = np.abs(generator.normal(size=4000)) * 2
    right = generator.uniform(size=4000) < 1 / (1 + np.exp(-margin))
    true = np.where(right, margin, -margin)
    over, loss = pair_calibration(scope_of(np.arange(4000)), "margin", true)
    assert isinstance(over, Measure)
    assert isinstance(loss, Measure)
    assert over.estimate.low <= 0 <= over.estimate.high
    assert loss.estimate.value == pytest.approx(np.mean(np.log1p(np.exp(-true))))
    inflated, _ = pair_calibration(scope_of(np.arange(4000)), "margin", 5 * true)
    assert isinstance(inflated, Measure)
    assert inflated.estimate.low > 0


def test_auroc_is_that_of_scikit_learn_and_its_interval_that_of_resampled_prompts() -> None:
    generator = np.random.default_rng(3)
    groups = np.repeat(np.arange(60), 4)
    gold = (generator.uniform(size=240) < 0.4).astype(float)
    common = np.repeat(generator.normal(size=60), 4)
    score = np.round(gold + common + generator.normal(size=240), 1)
    overall, within = against_gold(scope_of(groups), "score", score, gold="gold", values=gold)
    assert isinstance(overall, Measure)
    assert isinstance(within, Measure)
    assert overall.estimate.value == pytest.approx(roc_auc_score(gold, score))
    drawn = []
    for _ in range(600):
        index = (generator.integers(0, 60, 60)[:, None] * 4 + np.arange(4)).ravel()
        drawn.append(roc_auc_score(gold[index], score[index]))
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert (overall.estimate.low, overall.estimate.high) == pytest.approx((low, high), abs=0.02)
    both = [g for g in range(60) if len(set(gold[groups == g])) == 2]
    each = [roc_auc_score(gold[groups == g], score[groups == g]) for g in both]
    assert within.estimate.value == pytest.approx(np.mean(each))
    assert within.estimate.groups == len(both)
    assert within.estimate.value > overall.estimate.value


def test_gold_without_variation_is_a_note() -> None:
    found = against_gold(
        scope_of(np.arange(20)), "score", np.arange(20.0), gold="right", values=np.ones(20)
    )
    assert found == [
        "query: the agreement of score with right was not measured, because right is 1 in every "
        "row."
    ]


def test_too_few_pairs_are_a_note() -> None:
    told = pair_accuracy(scope_of(np.arange(9)), "margin", np.ones(9))
    assert told == (
        "query: the accuracy was not measured, because usable rows come from 9 prompts and at "
        "least 10 are needed."
    )


def test_models_that_rank_alike() -> None:
    generator = np.random.default_rng(4)
    x = generator.normal(size=200)
    scores = {"a": x, "b": np.exp(x), "c": generator.normal(size=200), "d": np.ones(200)}
    clusters = Clusters(np.arange(200), resamples=300, seed=0)
    found, notes = agreements(clusters, scores, target="score", confidence=0.95)
    by_pair = {(x.first, x.second): x.spearman for x in found}
    assert by_pair["a", "b"].value == pytest.approx(1.0)
    assert by_pair["a", "c"].low < 0 < by_pair["a", "c"].high
    assert len(notes) == 3
    assert "one of the two is the same in every row" in notes[0]


def test_tables_with_other_texts_do_not_hold_the_same_rows() -> None:
    def table(texts: list[str]) -> FakeTable:
        return FakeTable({"prompt": texts}, {}, (), np.arange(len(texts)))

    known = rows_digest(table(["a", "b"]))
    assert rows_digest(table(["a", "b"])) == known
    for other in (["b", "a"], ["a", "b", "c"], ["ab", ""], ["a", "\ud800"]):
        assert rows_digest(table(other)) != known
    regrouped = FakeTable({"prompt": ["a", "b"]}, {}, (), np.zeros(2, dtype=np.int64))
    assert rows_digest(regrouped) != known


def test_bins_never_split_equal_values_and_leave_out_small_ones() -> None:
    generator = np.random.default_rng(5)
    x = np.r_[np.zeros(300), np.ones(300), np.full(3, 9.0)]
    y = x + generator.normal(size=603)
    clusters = Clusters(np.arange(603), resamples=300, seed=0)
    bins = binned_means(clusters, np.arange(603), x, y, confidence=0.95)
    assert sum(b.rows for b in bins) <= 603
    assert bins[0].x == 0.0
    assert bins[0].rows == 300
    assert bins[0].y == pytest.approx(y[:300].mean())
    assert bins[0].low < 0 < bins[0].high
    reach = 1.96 * y[:300].std() / np.sqrt(300)
    assert bins[0].high - bins[0].y == pytest.approx(reach, rel=0.15)
