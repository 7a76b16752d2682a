"""Numbers of a table from results; every one with its n, shares and means with their intervals.

Intervals of means over cases are percentile bootstraps over cases, of shares Wilson's.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from benchmarks.plantrm.case import DID_NOT_TAKE
from benchmarks.plantrm.plants import Kind

__all__ = [
    "FDR",
    "NOTHING",
    "IntervalsOf",
    "Number",
    "Result",
    "aurc",
    "best_over_plants",
    "case_recall",
    "checked",
    "counted",
    "coverage",
    "false_rate",
    "findable",
    "mean_of",
    "mean_over_cases",
    "paired_difference",
    "recall",
    "recall_curves",
    "share",
    "top_within_fdr",
    "truth_error",
]

FDR = 0.05
RESAMPLES = 4000
NORMAL = 1.96
Result = Mapping[str, Any]
IntervalsOf = Literal["findings", "sent"]


@dataclass(frozen=True, slots=True)
class Number:
    """A value with its 95 % interval and what it was measured on; NaN where nothing was."""

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        if not self.n:
            return "not measured"
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"


NOTHING = Number(math.nan, math.nan, math.nan, 0)


def share(hits: int, count: int) -> Number:
    """A share with Wilson's interval."""
    from scipy.stats import binomtest

    if not count:
        return NOTHING
    interval = binomtest(hits, count).proportion_ci(0.95, method="wilson")
    return Number(hits / count, float(interval.low), float(interval.high), count)


def mean_over_cases(values: Sequence[float], seed: int = 0) -> Number:
    """A mean with a bootstrap interval over cases."""
    if not values:
        return NOTHING
    array = np.asarray(values, dtype=np.float64)
    rng = np.random.default_rng(seed)
    drawn = array[rng.integers(0, len(array), size=(RESAMPLES, len(array)))].mean(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Number(float(array.mean()), float(low), float(high), len(array))


def recall(values: Sequence[float]) -> Number:
    """Mean recall of a few cases: Wilson's interval where each case has one plant."""
    if all(value in (0.0, 1.0) for value in values):
        return share(int(sum(values)), len(values))
    return mean_over_cases(values)


def counted(results: Iterable[Result]) -> list[Result]:
    """Without cases whose plant did not take."""
    return [one for one in results if not one["note"].startswith(DID_NOT_TAKE)]


def findable(result: Result) -> list[int]:
    """The numbers of the plants that should be found."""
    return [
        at
        for at, plant in enumerate(result["plants"])
        if plant["strength"] != 0 and plant["kind"] != Kind.DECOY
    ]


def case_recall(result: Result, top: int = 10) -> float | None:
    """Share of a case's plants that the first `top` findings find; None without any."""
    wanted = findable(result)
    if not wanted:
        return None
    found = [any(one["found"][at] for one in result["findings"][:top]) for at in wanted]
    return float(np.mean(found))


def false_rate(results: Iterable[Result], top: int = 10, *, strict: bool = False) -> Number:
    """Share of findings that are false; strict: or true of the clean twin as well."""
    bad = ("false", "twin_too") if strict else ("false",)
    truths = [one["truth"] for result in results for one in result["findings"][:top]]
    return share(sum(truth in bad for truth in truths), len(truths))


def top_within_fdr(results: Sequence[Result], fdr: float = FDR) -> int:
    """How many findings per run may be looked at so that at most `fdr` of all are false."""
    for top in range(10, 0, -1):
        if not false_rate(results, top).value > fdr:
            return top
    return 0


def recall_curves(
    results: Iterable[Result], top: Mapping[int, int] | None = None
) -> dict[str, dict[int, float]]:
    """Case -> budget -> recall, of cases with something to find.

    Args:
        results: of one finder.
        top: how many findings count at each budget; None: all ten.
    """
    curves: dict[str, dict[int, float]] = defaultdict(dict)
    for result in results:
        recall = case_recall(result, 10 if top is None else top[result["budget"]])
        if recall is not None:
            curves[result["case"]][result["budget"]] = recall
    return dict(curves)


def aurc(curve: Mapping[int, float]) -> float:
    """Area under recall over log2(budget), divided by the width: 1 is all found everywhere."""
    budgets = sorted(curve)
    if len(budgets) == 1:
        return curve[budgets[0]]
    logs = [math.log2(budget) for budget in budgets]
    values = [curve[budget] for budget in budgets]
    return float(np.trapezoid(values, logs)) / (logs[-1] - logs[0])


def paired_difference(first: Mapping[str, float], second: Mapping[str, float]) -> Number:
    """Mean over the cases that both have of first - second, bootstrapped over cases."""
    both = sorted(set(first) & set(second))
    return mean_over_cases([first[name] - second[name] for name in both])


def checked(results: Iterable[Result], of: IntervalsOf) -> list[tuple[str, Mapping[str, Any]]]:
    """Case and interval of everything whose true effect is known.

    Args:
        results: of any finders.
        of: `findings`, or `sent`: all that finders sent to confirmation, where they tell it.
    """
    return [
        (result["case"], one)
        for result in results
        for one in result.get(of) or ()
        if one["covered"] is not None
    ]


def coverage(results: Iterable[Result], of: IntervalsOf = "findings") -> Number:
    """Share of stated intervals that hold the true effect.

    Intervals of one case are of the same answers and err together, so cases are what is resampled;
    Wilson's interval with the number of observations that this leaves.
    """
    from pyrite.analysis.resample import Clusters, share_estimate

    intervals = checked(results, of)
    held = np.array([one["covered"] for _, one in intervals], dtype=np.float64)
    names = sorted({case for case, _ in intervals})
    if len(names) < 2:
        return share(int(held.sum()), len(held))
    codes = np.array([names.index(case) for case, _ in intervals], dtype=np.int64)
    clusters = Clusters(codes, resamples=RESAMPLES, seed=0)
    rows = np.arange(len(held))
    totals = clusters.totals(clusters.sums(np.stack([held, np.ones(len(held))]), rows))
    found = share_estimate(
        float(held.mean()),
        totals[:, 0] / totals[:, 1],
        rows=len(held),
        groups=len(names),
        confidence=0.95,
    )
    return Number(found.value, found.low, found.high, len(held))


def truth_error(results: Iterable[Result], of: IntervalsOf = "findings") -> Number:
    """Mean over cases of the truth's standard error as a share of the interval's."""
    by_case: dict[str, list[float]] = defaultdict(list)
    for case, one in checked(results, of):
        width = one["high"] - one["low"]
        if width > 0:
            by_case[case].append(one["exact_error"] / (width / 2 / NORMAL))
    return mean_over_cases([float(np.mean(values)) for values in by_case.values()])


def mean_of(
    results: Iterable[Result], number: Callable[[Mapping[str, Any]], float | None]
) -> Number:
    """Mean over cases of the mean over findings of a number; findings without it are left out."""
    by_case: dict[str, list[float]] = defaultdict(list)
    for result in results:
        values = [value for one in result["findings"] if (value := number(one)) is not None]
        by_case[result["case"]] += values
    return mean_over_cases([float(np.mean(values)) for values in by_case.values() if values])


def best_over_plants(results: Iterable[Result], name: str) -> Number:
    """Mean over cases of the best `likeness` or `uplift` that any finding has on a plant."""
    best = []
    for result in results:
        for at in findable(result):
            values = [one[name][at] for one in result["findings"] if one[name][at] is not None]
            if values or name == "uplift" or result["plants"][at].get("library") is False:
                best.append(max(values, default=0.0))
    return mean_over_cases(best)
