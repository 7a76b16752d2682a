"""The order in which findings are told, so that the first dozen lines hold what matters most.

Accuracy or agreement with gold, then what the surface explains, how models agree, the strongest
associations of the main score (of several models in turns, so that each appears early), then
predictions, calibration and all the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import zip_longest
from typing import TypeVar

from pyrite.analysis import wording
from pyrite.analysis.agreement import Agreement
from pyrite.analysis.association import Association
from pyrite.analysis.measures import Measure
from pyrite.analysis.surrogate import Surrogate
from pyrite.analysis.targets import main_target

__all__ = ["findings"]

MAX_TOLD = 5
MANY = 3
_FIRST = ("accuracy", "auroc", "auroc within prompts", "rank correlation with gold")
_Item = TypeVar("_Item")
_Result = TypeVar("_Result", Measure, Surrogate)


def findings(
    associations: Sequence[Association],
    surrogates: Sequence[Surrogate],
    measures: Sequence[Measure],
    agreements: Sequence[Agreement],
    *,
    confidence: float,
) -> list[str]:
    """All sentences in the order to tell them."""
    level = 1 - confidence
    gold = [x for x in measures if x.name in _FIRST]
    surface = [x for x in measures if x.name.startswith("surface accuracy")]
    calibration = [x for x in measures if x not in gold and x not in surface]
    shares = [x for x in surrogates if x.purpose == "surface"]
    head, later = _first(gold, shares)
    sentences = [*head, *(wording.surface_accuracy(own) for own in _by_query(surface))]
    sentences += wording.agreement(agreements)
    main, others, weaker = _associations(associations, level)
    sentences += main
    sentences += [wording.prediction(x) for x in surrogates if x.purpose == "named"]
    sentences += [*later, *(wording.measure(x) for x in calibration), *others, *weaker]
    tests = [x for a in associations for x in (a.spearman, a.within) if x is not None]
    return sentences + wording.tried(tests, level)


def _first(gold: Sequence[Measure], shares: Sequence[Surrogate]) -> tuple[list[str], list[str]]:
    """Gold and surface shares: all at once, or of many models their ends first, all later."""
    told = [wording.measure(x) for x in gold]
    told_shares = [wording.surface_share(own) for own in _by_query(shares)]
    queries = {x.query for x in gold} | {x.query for x in shares}
    if len(queries) <= MANY:
        return told + told_shares, []
    head = [wording.measure_of_many(own) for own in _by_measure(gold) if len(own) > 1]
    head += [
        wording.surface_share_of_many(own)
        for own in _grouped(_by_query(shares), lambda own: own[0].target)
        if len(own) > 1
    ]
    return head, told + told_shares


def _by_measure(items: Sequence[Measure]) -> list[list[Measure]]:
    return _grouped(items, lambda x: (x.name, x.target, x.against))


def _by_query(items: Sequence[_Result]) -> list[list[_Result]]:
    return _grouped(items, lambda x: (x.query, x.target))


def _grouped(items: Iterable[_Item], key: Callable[[_Item], object]) -> list[list[_Item]]:
    groups: dict[object, list[_Item]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return list(groups.values())


def _associations(
    associations: Sequence[Association], level: float
) -> tuple[list[str], list[str], list[str]]:
    """Sentences about main scores, about other scores, and about what is told in the table only."""
    tests = [x for a in associations for x in (a.spearman, a.within) if x is not None]
    main: list[list[Association]] = []
    others: list[str] = []
    weaker: list[str] = []
    for query in dict.fromkeys(x.query for x in associations):
        targets = dict.fromkeys(x.target for x in associations if x.query == query)
        first = main_target(targets)
        for target in targets:
            own = [x for x in associations if (x.query, x.target) == (query, target)]
            told = [x for x in own if wording.strength(x, level) > 0]
            told.sort(key=lambda x: -wording.strength(x, level))
            if target == first:
                main.append(told[:MAX_TOLD])
            else:
                others += [wording.association(x, len(tests), level) for x in told[:MAX_TOLD]]
            if (more := len(told) - MAX_TOLD) > 0:
                weaker.append(
                    f"{query}: {more} more {'feature goes' if more == 1 else 'features go'} with "
                    f"{target}, more weakly (see the table)"
                )
    turns = zip_longest(*main)
    ordered = [x for turn in turns for x in _strongest_first(turn, level)]
    return [wording.association(x, len(tests), level) for x in ordered], others, weaker


def _strongest_first(turn: Iterable[Association | None], level: float) -> list[Association]:
    return sorted((x for x in turn if x is not None), key=lambda x: -wording.strength(x, level))
