"""Findings in plain sentences that say no more than the statistics carry."""

from __future__ import annotations

from collections.abc import Sequence

from pyrite.analysis.agreement import Agreement
from pyrite.analysis.association import Association, Corrected
from pyrite.analysis.measures import Measure
from pyrite.analysis.resample import Estimate, interval
from pyrite.analysis.surrogate import Surrogate

__all__ = ["findings"]

MAX_TOLD = 5
_PREFIXES = ("question", "response", "chosen", "rejected", "difference")


def findings(
    associations: Sequence[Association],
    surrogates: Sequence[Surrogate],
    measures: Sequence[Measure],
    agreements: Sequence[Agreement],
    *,
    confidence: float,
) -> list[str]:
    """All sentences: measures, surface shares, agreement, then associations by strength."""
    sentences = [_measure(measure) for measure in measures]
    sentences += [_surrogate(surrogate) for surrogate in surrogates]
    sentences += _agreement(agreements)
    return sentences + _associations(associations, confidence)


def size(estimate: Estimate) -> str:
    """`n = 3610 rows in 3610 prompts`."""
    return f"n = {estimate.rows} rows in {estimate.groups} prompts"


def named_feature(association: Association) -> str:
    """`num_words of the response (words)`."""
    unit = f" ({association.unit})" if association.unit else ""
    for prefix in _PREFIXES:
        if association.feature.startswith(f"{prefix}_"):
            bare = association.feature.removeprefix(f"{prefix}_")
            if prefix == "difference":
                return f"difference in {bare}{unit}"
            text = prefix if prefix in ("question", "response") else f"{prefix} text"
            return f"{bare} of the {text}{unit}"
    return f"{association.feature}{unit}"


def _associations(associations: Sequence[Association], confidence: float) -> list[str]:
    level = 1 - confidence
    tests = [x for a in associations for x in (a.spearman, a.within) if x is not None]
    sentences = []
    for query, target in dict.fromkeys((x.query, x.target) for x in associations):
        own = [x for x in associations if (x.query, x.target) == (query, target)]
        told = [x for x in own if _strength(x, level) > 0]
        told.sort(key=lambda x: -_strength(x, level))
        sentences += [_association(x, len(tests), level) for x in told[:MAX_TOLD]]
        if more := len(told) - MAX_TOLD:
            weaker = f"{more} more features go with {target}, more weakly"
            sentences += [f"{query}: {weaker}; they stand in the table."] if more > 0 else []
    quiet = [x for x in tests if x.q > level]
    if quiet:
        sentences.append(_quiet(quiet, len(tests), level))
    return sentences


def _strength(association: Association, level: float) -> float:
    tests = [x for x in (association.spearman, association.within) if x is not None]
    return max((abs(x.estimate.value) for x in tests if x.q <= level), default=0.0)


def _association(association: Association, tried: int, level: float) -> str:
    overall, within = association.spearman, association.within
    shown = overall if overall.q <= level or within is None else within
    direction = "higher" if shown.estimate.value > 0 else "lower"
    start = "" if shown is overall else "Within prompts, "
    told = (
        f"{association.query}: {start}{association.target} goes with a {direction} "
        f"{named_feature(association)}: Spearman {shown.estimate}{_wide(shown, tried)}, "
        f"{size(shown.estimate)}"
    )
    if shown is overall and within is not None:
        told += f"; within prompts {_brief(within, tried)}"
    elif within is not None:
        told += f"; over all rows {_brief(overall, tried)}"
    return f"{told}; an association, not an effect."


def _brief(test: Corrected, tried: int) -> str:
    return f"{test.estimate}{_wide(test, tried)}, {size(test.estimate)}"


def _wide(test: Corrected, tried: int) -> str:
    if tried == 1:
        return ""
    return f" ({interval(test.wide_low, test.wide_high)} allowing for all {tried} tried)"


def _quiet(quiet: Sequence[Corrected], tried: int, level: float) -> str:
    reach = max(max(abs(x.wide_low), abs(x.wide_high)) for x in quiet)
    return (
        f"{len(quiet)} of {tried} rank correlations tried could not be told from none "
        f"(q > {level:.2g}); allowing for all tried, the intervals of these reach up to "
        f"{reach:.2f} in size."
    )


def _surrogate(surrogate: Surrogate) -> str:
    columns = _columns(surrogate)
    if surrogate.purpose == "surface":
        start = f"All {columns} together account for {_share(surrogate.r2.value)}"
        reach = f"[{_share(surrogate.r2.low)}, {_share(surrogate.r2.high)}]"
        told = f"{start} {reach} of the variance of {surrogate.target} out of fold"
    else:
        told = f"{surrogate.target} is predicted from {columns} with R² {surrogate.r2} out of fold"
    return (
        f"{surrogate.query}: {told} ({surrogate.estimator}, {surrogate.folds} folds of whole "
        f"prompts); mean absolute error {_number(surrogate.error)}, of the mean alone "
        f"{_number(surrogate.baseline_error)}, {size(surrogate.r2)}."
    )


def _share(number: float) -> str:
    return f"{round(number, 3) + 0.0:.1%}"


def _columns(surrogate: Surrogate) -> str:
    if surrogate.purpose == "surface":
        return f"{len(surrogate.x)} features" if len(surrogate.x) > 1 else surrogate.x[0]
    return ", ".join(surrogate.x)


def _number(estimate: Estimate) -> str:
    return f"{estimate.value:.3g} [{estimate.low:.3g}, {estimate.high:.3g}]"


_MEASURES = {
    "accuracy": "{target} prefers the chosen text in {value} of pairs (ties half, chance {chance})",
    "auroc": "{target} puts a row with {against} = 1 above one with 0 in {value} of draws (AUROC, "
    "chance {chance})",
    "auroc within prompts": "Within prompts, {target} puts a row with {against} = 1 above one with "
    "0 in {value} of draws (AUROC, chance {chance})",
    "rank correlation with gold": "{target} goes with {against}: Spearman {value}",
    "overconfidence": "sigmoid(|{target}|) minus the accuracy is {value} (above 0: surer of its "
    "preferences than it is right)",
    "log loss": "-log sigmoid({target}) is {value} on average (always saying one half: {chance})",
}


def _measure(measure: Measure) -> str:
    if template := _MEASURES.get(measure.name):
        told = template.format(
            target=measure.target,
            against=measure.against,
            value=measure.estimate,
            chance="" if measure.chance is None else f"{measure.chance:.2f}",
        )
    else:
        learner = measure.name.removeprefix("surface accuracy (").removesuffix(")")
        told = (
            f"Differences of surface features alone pick the text that the model prefers in "
            f"{measure.estimate} of pairs out of fold ({learner}, chance 0.50)"
        )
    return f"{measure.query}: {told}, {size(measure.estimate)}."


def _agreement(agreements: Sequence[Agreement]) -> list[str]:
    if not agreements:
        return []
    ordered = sorted(agreements, key=lambda x: x.spearman.value)
    if len(ordered) == 1:
        only = ordered[0]
        told = f"{only.first} and {only.second} rank the rows alike with Spearman {only.spearman}"
        return [f"{told}, {size(only.spearman)}."]
    low, high = ordered[0], ordered[-1]
    return [
        f"Of {len(ordered)} pairs the least alike are {low.first} and {low.second} (Spearman "
        f"{low.spearman}), the most alike {high.first} and {high.second} ({high.spearman}), "
        f"{size(high.spearman)}."
    ]
