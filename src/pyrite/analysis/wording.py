"""Findings in plain sentences that say no more than the statistics carry."""

from __future__ import annotations

from collections.abc import Sequence

from pyrite.analysis.agreement import Agreement
from pyrite.analysis.association import Association, Tested
from pyrite.analysis.measures import Measure
from pyrite.analysis.resample import Estimate
from pyrite.analysis.surrogate import Surrogate

__all__ = ["findings"]

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
            return f"{bare} of the {prefix}{unit}"
    return f"{association.feature}{unit}"


def _associations(associations: Sequence[Association], confidence: float) -> list[str]:
    level = 1 - confidence
    told: list[tuple[float, str]] = []
    quiet: list[Tested] = []
    tests = [x for a in associations for x in (a.spearman, a.within) if x is not None]
    for association in associations:
        for test, inside in ((association.spearman, False), (association.within, True)):
            if test is None:
                continue
            if test.q > level:
                quiet.append(test)
                continue
            sentence = _association(association, test, len(tests), inside=inside)
            told.append((abs(test.estimate.value), sentence))
    told.sort(key=lambda pair: -pair[0])
    sentences = [sentence for _, sentence in told]
    if quiet:
        sentences.append(_quiet(quiet, len(tests), level))
    return sentences


def _association(association: Association, test: Tested, tried: int, *, inside: bool) -> str:
    direction = "higher" if test.estimate.value > 0 else "lower"
    where = "Within prompts, " if inside else ""
    wide = f"[{test.wide_low:.2f}, {test.wide_high:.2f}] allowing for all {tried} tried, "
    return (
        f"{association.query}: {where}{association.target} goes with a {direction} "
        f"{named_feature(association)}: Spearman {test.estimate}, "
        f"{wide if tried > 1 else ''}{size(test.estimate)}; an association, not an effect."
    )


def _quiet(quiet: Sequence[Tested], tried: int, level: float) -> str:
    reach = max(max(abs(x.wide_low), abs(x.wide_high)) for x in quiet)
    return (
        f"{len(quiet)} of {tried} rank correlations tried could not be told from none "
        f"(q > {level:.2g}); allowing for all tried, the intervals of these reach up to "
        f"{reach:.2f} in size."
    )


def _surrogate(surrogate: Surrogate) -> str:
    columns = _columns(surrogate)
    if surrogate.purpose == "surface":
        start = f"All {columns} together account for {surrogate.r2.value:.1%}"
        interval = f"[{surrogate.r2.low:.1%}, {surrogate.r2.high:.1%}]"
        told = f"{start} {interval} of the variance of {surrogate.target} out of fold"
    else:
        told = f"{surrogate.target} is predicted from {columns} with R² {surrogate.r2} out of fold"
    return (
        f"{surrogate.query}: {told} ({surrogate.estimator}, {surrogate.folds} folds of whole "
        f"prompts); mean absolute error {_number(surrogate.error)}, of the mean alone "
        f"{_number(surrogate.baseline_error)}, {size(surrogate.r2)}."
    )


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
        told = (
            f"Differences of surface features alone pick the text that the model prefers in "
            f"{measure.estimate} of pairs out of fold ({measure.name}, chance 0.50)"
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
