"""Findings as short plain sentences that say no more than the statistics carry.

Each sentence keeps what was measured, the effect with its interval, n, and whether it survives the
correction for all that was tried; errors in score units and adjusted p-values stand in the tables.
The order of sentences is that of `story`.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyrite.analysis.agreement import Agreement
from pyrite.analysis.association import Association, Corrected
from pyrite.analysis.measures import Measure
from pyrite.analysis.resample import Estimate, interval
from pyrite.analysis.surrogate import Surrogate

__all__ = [
    "agreement",
    "association",
    "measure",
    "measure_of_many",
    "prediction",
    "size",
    "strength",
    "surface_accuracy",
    "surface_share",
    "surface_share_of_many",
    "tried",
]

MAX_NAMES = 2
_PREFIXES = ("question", "response", "chosen", "rejected", "difference")
_LEARNERS = {"HistGradientBoostingRegressor": "boosted trees", "Ridge": "ridge"}


def size(estimate: Estimate) -> str:
    """`n = 3,610 rows, 1,200 prompts`."""
    return f"n = {estimate.rows:,} rows, {estimate.groups:,} prompts"


def named_feature(found: Association) -> str:
    """`num_words of the response`."""
    for prefix in _PREFIXES:
        if found.feature.startswith(f"{prefix}_"):
            bare = found.feature.removeprefix(f"{prefix}_")
            if prefix == "difference":
                return f"the difference in {bare}"
            text = prefix if prefix in ("question", "response") else f"{prefix} text"
            return f"{bare} of the {text}"
    return found.feature


def strength(found: Association, level: float) -> float:
    """The larger of the rank correlations that survive the correction; 0 where none does."""
    tests = [x for x in (found.spearman, found.within) if x is not None]
    return max((abs(x.estimate.value) for x in tests if x.q <= level), default=0.0)


def association(found: Association, tried: int, level: float) -> str:
    """One association that survives, overall or within prompts."""
    overall, within = found.spearman, found.within
    shown = overall if overall.q <= level or within is None else within
    direction = "rises" if shown.estimate.value > 0 else "falls"
    start = "" if shown is overall else "within prompts "
    told = (
        f"{found.query}: {start}{found.target} {direction} with {named_feature(found)}: "
        f"Spearman {shown.estimate}{_wide(shown, tried)}"
    )
    if shown is overall and within is not None:
        told += f", within prompts {within.estimate}{_lost(within, level)}"
    elif within is not None:
        told += f", over all rows {overall.estimate}{_lost(overall, level)}"
    return f"{told}, {size(shown.estimate)} (association, not effect)"


def _wide(test: Corrected, tried: int) -> str:
    if tried == 1:
        return ""
    told = f", corrected {interval(test.wide_low, test.wide_high)}"
    # Benjamini and Hochberg's q lets pass what the interval for all at once may not.
    return f"{told} holds 0 but q = {test.q:.2g}" if test.wide_low <= 0 <= test.wide_high else told


def _lost(test: Corrected, level: float) -> str:
    return "" if test.q <= level else " (not told from none)"


def tried(tests: Sequence[Corrected], level: float) -> list[str]:
    """How many rank correlations were tried, and how many of them could be told from none."""
    if not tests:
        return []
    quiet = [x for x in tests if x.q > level]
    if not quiet:
        return [f"All {len(tests)} rank correlations tried were told from none (q <= {level:.2g})"]
    reach = max(max(abs(x.wide_low), abs(x.wide_high)) for x in quiet)
    return [
        f"{len(quiet)} of {len(tests)} rank correlations tried could not be told from none (q > "
        f"{level:.2g}); corrected, their intervals reach up to {reach:.2f} in size"
    ]


def surface_share(own: Sequence[Surrogate]) -> str:
    """The surface share of one score by all learners, in one sentence."""
    first = own[0]
    columns = f"{len(first.x)} surface features" if len(first.x) > 1 else first.x[0]
    ends = {_verdict(x.r2) for x in own}
    start = f"{first.query}: {columns} explain"
    learners = [_LEARNERS.get(x.estimator, x.estimator) for x in own]
    if ends == {"some"}:
        parts = [f"{_shares(x.r2)} ({name})" for x, name in zip(own, learners, strict=True)]
        told = f"{start} {' and '.join(parts)} of the variance of {first.target} out of fold"
    elif len(ends) == 1:
        parts = [f"{x.r2} ({name})" for x, name in zip(own, learners, strict=True)]
        told = f"{start} {_none(ends.pop(), first.target, ' and '.join(parts))}"
    else:
        parts = [
            f"{_shares(x.r2)} ({name})"
            if _verdict(x.r2) == "some"
            else f"{_NONE[_verdict(x.r2)]} ({name}: R² {x.r2})"
            for x, name in zip(own, learners, strict=True)
        ]
        told = f"{start} of the variance of {first.target} out of fold {', '.join(parts)}"
    return f"{told}, {size(first.r2)}"


_NONE = {"worse": "none", "unsure": "none that can be told"}


def _verdict(r2: Estimate) -> str:
    if r2.low > 0:
        return "some"
    return "worse" if r2.high < 0 else "unsure"


def _none(verdict: str, target: str, numbers: str) -> str:
    if verdict == "worse":
        return f"none of the variance of {target} out of fold: R² {numbers}, worse than the mean"
    return (
        f"no share of the variance of {target} out of fold that can be told from none: R² {numbers}"
    )


def _shares(r2: Estimate) -> str:
    return f"{_share(r2.value)} [{_share(r2.low)}, {_share(r2.high)}]"


def _share(number: float) -> str:
    return f"{round(number, 3) + 0.0:.1%}"


def prediction(found: Surrogate) -> str:
    """A prediction that the experiment names."""
    names, columns = ", ".join(found.x), found.estimator
    if len(found.x) > MAX_NAMES:
        names = f"{found.x[0]} and {len(found.x) - 1} more columns"
    start = f"{found.query}: {names}"
    explain = "explains" if len(found.x) == 1 else "explain"
    if found.by_construction:
        because = "by construction: the score is a linear function of these vectors"
        told = f"{start} {explain} {found.target}, R² {found.r2} out of fold ({columns})"
        return f"{told}, {because}, {size(found.r2)}"
    verdict = _verdict(found.r2)
    if verdict == "some":
        told = f"{explain} {_shares(found.r2)} of the variance of {found.target} out of fold"
    else:
        told = f"{explain} {_none(verdict, found.target, str(found.r2))}"
    return f"{start} {told} ({columns}), {size(found.r2)}"


_MEASURES = {
    "accuracy": "{target} prefers the chosen text in {value} of pairs (ties half, chance {chance})",
    "auroc": "{target} puts {against} = 1 above {against} = 0 with AUROC {value} (chance {chance})",
    "auroc within prompts": "within prompts {target} puts {against} = 1 above {against} = 0 with "
    "AUROC {value} (chance {chance})",
    "rank correlation with gold": "{target} rises with {against}: Spearman {value}",
    "overconfidence": "sigmoid(|{target}|) minus the accuracy is {value} (above 0: surer than "
    "right)",
    "log loss": "-log sigmoid({target}) is {value} on average (always one half: {chance})",
}


def measure(found: Measure) -> str:
    """Accuracy, agreement with gold or calibration."""
    template = _MEASURES[found.name]
    if found.name == "rank correlation with gold" and found.estimate.value < 0:
        template = template.replace("rises", "falls")
    if found.name == "rank correlation with gold" and found.estimate.low <= 0 <= (
        found.estimate.high
    ):
        template = "{target} and {against} show no rank correlation that can be told from none: "
        template += "Spearman {value}"
    told = template.format(
        target=found.target,
        against=found.against,
        value=found.estimate,
        chance="" if found.chance is None else f"{found.chance:.2f}",
    )
    return f"{found.query}: {told}, {size(found.estimate)}"


_OF_MANY = {
    "accuracy": "The accuracy on pairs is highest in {best}, lowest in {least}",
    "auroc": "The AUROC of {target} for {against} is highest in {best}, lowest in {least}",
    "auroc within prompts": "Within prompts the AUROC of {target} for {against} is highest in "
    "{best}, lowest in {least}",
    "rank correlation with gold": "{target} goes with {against} most in {best}, least in {least} "
    "(Spearman)",
}


def measure_of_many(found: Sequence[Measure]) -> str:
    """One measure of many models: the highest and the lowest."""
    ordered = sorted(found, key=lambda x: -x.estimate.value)
    best, least = (f"{name_of(x)} {x.estimate}" for x in (ordered[0], ordered[-1]))
    told = _OF_MANY[found[0].name].format(
        target=found[0].target, against=found[0].against, best=best, least=least
    )
    return f"{told}, {len(found)} models, {size(ordered[-1].estimate)}"


def surface_share_of_many(found: Sequence[Sequence[Surrogate]]) -> str:
    """The surface shares of many models: the largest and the smallest by the first learner."""
    ordered = sorted(found, key=lambda own: -own[0].r2.value)
    best, least = ordered[0], ordered[-1]
    learners = ", ".join(_LEARNERS.get(x.estimator, x.estimator) for x in best)
    parts = [f"{name_of(own[0])} {', '.join(str(x.r2) for x in own)}" for own in (best, least)]
    return (
        f"Surface features explain {best[0].target} most in {parts[0]}, least in {parts[1]} "
        f"(R² out of fold; {learners}), {len(found)} models, {size(least[0].r2)}"
    )


def name_of(found: Measure | Surrogate) -> str:
    """The model's name without its owner, or the query's where it has none."""
    return found.model.rstrip("/").rpartition("/")[2] or found.query


def surface_accuracy(own: Sequence[Measure]) -> str:
    """How often surface features pick the preferred text, by all learners, in one sentence."""
    parts = [
        f"{x.estimate} ({x.name.removeprefix('surface accuracy (').removesuffix(')')})" for x in own
    ]
    return (
        f"{own[0].query}: surface features alone pick the preferred text in {' and '.join(parts)} "
        f"of pairs out of fold (chance 0.50), {size(own[0].estimate)}"
    )


def agreement(agreements: Sequence[Agreement]) -> list[str]:
    """The pair of models that is least alike and the one that is most; gold is no model."""
    pairs = [x for x in agreements if not x.second.startswith("gold: ")]
    if not pairs:
        return []
    ordered = sorted(pairs, key=lambda x: x.spearman.value)
    if len(ordered) == 1:
        only = ordered[0]
        told = f"{only.first} and {only.second} rank the rows alike with Spearman {only.spearman}"
        return [f"{told}, {size(only.spearman)}"]
    low, high = ordered[0], ordered[-1]
    return [
        f"Of {len(ordered)} pairs of models {low.first} and {low.second} agree least (Spearman "
        f"{low.spearman}), {high.first} and {high.second} most ({high.spearman}), "
        f"{size(high.spearman)}"
    ]
