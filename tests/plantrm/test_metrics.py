from __future__ import annotations

import math

import pytest
from benchmarks.plantrm.metrics import (
    aurc,
    case_recall,
    counted,
    coverage,
    false_rate,
    mean_over_cases,
    paired_difference,
    recall_curves,
    share,
    top_within_fdr,
    truth_error,
)
from hypothesis import given
from hypothesis import strategies as st


def finding(truth="plant", found=(True,), covered=None):
    interval = {"low": 0.0, "high": 0.4, "exact_error": 0.01, "covered": covered}
    return {"truth": truth, "found": list(found), **interval}


def result(
    findings, *, case="a", budget=2_000, strengths=(1.0,), kind="exploit", note="", sent=None
):
    plants = [{"strength": s, "kind": kind} for s in strengths]
    return {
        "case": case, "budget": budget, "plants": plants, "findings": findings, "note": note,
        "sent": sent,
    }  # fmt: skip


def test_recall_is_the_share_of_plants_and_none_without_any():
    both = result([finding(found=(True, False)), finding(found=(False, False))], strengths=(1, 1))
    assert case_recall(both) == 0.5
    assert case_recall(result([finding()], strengths=(0.0,))) is None
    assert case_recall(result([finding()], kind="decoy")) is None
    later = result([finding(found=(False,)), finding(found=(True,))])
    assert case_recall(later, top=1) == 0.0
    assert case_recall(later, top=2) == 1.0


def test_false_rate_counts_false_findings_and_strictly_those_of_the_twin():
    some = [result([finding("plant"), finding("twin_too"), finding("false"), finding("plant")])]
    assert false_rate(some).value == 0.25
    assert false_rate(some, strict=True).value == 0.5
    assert false_rate([]).n == 0


def test_only_so_many_findings_count_as_keep_the_false_ones_few():
    clean_first = [result([finding("plant"), finding("false")]) for _ in range(10)]
    assert top_within_fdr(clean_first) == 1
    assert top_within_fdr([result([finding("false")])]) == 0
    assert top_within_fdr([result([finding("plant")])]) == 10
    assert top_within_fdr([result([])]) == 10


def test_area_is_over_the_logarithm_of_the_budget():
    assert aurc({2_000: 1.0, 10_000: 1.0, 50_000: 1.0}) == pytest.approx(1.0)
    assert aurc({2_000: 0.0, 10_000: 0.0, 50_000: 1.0}) == pytest.approx(0.25)
    assert aurc({1_000: 0.0, 2_000: 1.0, 8_000: 1.0}) == pytest.approx((0.5 + 2.0) / 3)
    assert aurc({2_000: 0.4}) == 0.4


@given(st.dictionaries(st.integers(100, 10**6), st.floats(0, 1), min_size=1))
def test_area_lies_between_the_lowest_and_the_highest_recall(curve):
    assert min(curve.values()) - 1e-9 <= aurc(curve) <= max(curve.values()) + 1e-9


def test_curves_hold_the_cases_with_something_to_find():
    results = [
        result([finding()], budget=2_000),
        result([], budget=10_000),
        result([finding("false")], case="clean", strengths=(0.0,)),
    ]
    assert recall_curves(results) == {"a": {2_000: 1.0, 10_000: 0.0}}
    assert recall_curves(results, {2_000: 0, 10_000: 0}) == {"a": {2_000: 0.0, 10_000: 0.0}}


def test_coverage_is_of_exact_truths_only_with_wilsons_interval():
    found = coverage([result([finding(covered=True)] * 19 + [finding(covered=False), finding()])])
    assert found.value == 0.95
    assert found.n == 20
    assert found.low == pytest.approx(0.7639, abs=1e-3)
    assert found.high == pytest.approx(0.9911, abs=1e-3)


def test_intervals_of_one_case_are_not_taken_for_independent():
    held, missed = finding(covered=True), finding(covered=False)
    spread = [result([held] * 9 + [missed], case=str(at)) for at in range(40)]
    together = [result([held if at % 10 else missed] * 10, case=str(at)) for at in range(40)]
    apart, clustered = coverage(spread), coverage(together)
    assert apart.value == clustered.value == 0.9
    assert apart.n == clustered.n == 400
    assert clustered.high - clustered.low > 2 * (apart.high - apart.low)


def test_everything_sent_is_counted_apart_and_the_error_of_the_truth_with_it():
    some = [finding(covered=True), finding(covered=False)]
    results = [result([finding(covered=True)], sent=some), result([finding()], sent=None)]
    assert coverage(results).value == 1.0
    assert coverage(results, "sent").value == 0.5
    assert coverage(results, "sent").n == 2
    assert truth_error(results, "sent").value == pytest.approx(0.01 / (0.2 / 1.96))
    assert truth_error([result([])]).n == 0


def test_means_have_bootstrap_intervals_and_differences_are_paired():
    mean = mean_over_cases([0.0] * 50 + [1.0] * 50)
    assert mean.value == 0.5
    assert 0.38 < mean.low < 0.43
    assert mean_over_cases([]).n == 0
    assert math.isnan(share(0, 0).value)
    first, second = {"a": 1.0, "b": 0.5, "c": 0.0}, {"a": 0.5, "b": 0.0, "d": 1.0}
    difference = paired_difference(first, second)
    assert difference.n == 2
    assert difference.value == difference.low == difference.high == 0.5


def test_a_plant_that_did_not_take_is_in_no_table():
    taken, missed = result([]), result([], note="plant did not take: uplift 0.01")
    assert counted([taken, missed]) == [taken]
