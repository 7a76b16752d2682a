"""What the columns beside the texts hold: scores, gold, subsets, steps; which option is better."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pyrite.data import Record
from pyrite.init.found import PairLabel, Roles
from pyrite.init.names import distinct, is_numeric, known, named, words
from pyrite.types import Json

__all__ = ["pair_label", "roles_of"]

_SCORE = {"score", "scores", "reward", "rewards", "rm", "logit", "logits"}
_GOLD = (
    "gold", "human", "correct", "correctness", "elo", "rating", "ratings", "label", "labels",
    "grade", "accuracy", "quality", "stars", "upvotes", "helpfulness", "annotator", "target",
)  # fmt: skip
_SUBSET = {"subset", "category", "domain", "task", "source", "dataset", "topic", "section", "type"}
_COUNTS = {"id", "ids", "idx", "index", "uid", "row", "nr", "no", "number", "seed", "unnamed"}
_STEP = {"step", "steps", "epoch", "epochs", "iteration", "checkpoint"}
_PREFERRED = (
    "label", "preferred", "preference", "winner", "better", "better_response_id", "choice",
    "chosen", "human_preference", "preferred_response", "preferred_answer", "gold", "annotation",
)  # fmt: skip
_MAX_SUBSETS = 40
_OPTION = re.compile(r"(?P<stem>.*?[^0-9])[ _.\-]?(?P<which>[012abAB])$")
_SECOND = {"1": "2", "0": "1", "a": "b", "A": "B"}


def roles_of(head: Sequence[Record], columns: Sequence[str], *, paired: bool) -> Roles:
    """The roles of columns that are no text, from their names and the kinds of their values."""
    values = {column: known(column, head) for column in columns}
    numbers = [column for column in columns if is_numeric(values[column])]
    steps = [x for x in numbers if _STEP & set(words(x)) and _whole(values[x])]
    gold = [x for x in numbers if x not in steps and set(_GOLD) & set(words(x))]
    left = [x for x in numbers if x not in steps and x not in gold]
    scores = [x for x in left if _SCORE & set(words(x))]
    pair_scores = _pair_scores(scores) if paired else None
    if pair_scores:
        scores = [x for x in scores if x not in pair_scores]
    return Roles(
        scores=tuple(scores),
        pair_scores=pair_scores,
        gold=tuple(sorted(gold, key=_gold_rank)),
        subsets={
            column: tuple(map(str, distinct(values[column])))
            for column in columns
            if column not in numbers and _is_subset(column, values[column])
        },
        steps={column: tuple(map(int, distinct(values[column]))) for column in steps},
        numbers=tuple(x for x in left if not (_SCORE | _COUNTS) & set(words(x))),
    )


def _whole(values: Sequence[Json]) -> bool:
    return all(float(value).is_integer() for value in values)


def _gold_rank(column: str) -> int:
    return min(_GOLD.index(word) for word in words(column) if word in _GOLD)


def _is_subset(column: str, values: Sequence[Json]) -> bool:
    if not _SUBSET & set(words(column)) or not all(isinstance(x, str) for x in values):
        return False
    return 2 <= len(set(values)) <= min(_MAX_SUBSETS, max(2, len(values) // 2))


def _pair_scores(scores: Sequence[str]) -> tuple[str, str] | None:
    for column in scores:
        parts = words(column)
        if "chosen" not in parts:
            continue
        other = tuple("rejected" if part == "chosen" else part for part in parts)
        for candidate in scores:
            if words(candidate) == other:
                return column, candidate
    return None


def pair_label(head: Sequence[Record], texts: Sequence[str]) -> PairLabel | None:
    """Two text columns that are called alike, and a label that tells which is better."""
    columns = list(dict.fromkeys(name for record in head for name in record))
    for first in texts:
        match = _OPTION.fullmatch(first)
        if match is None or match["which"] not in _SECOND:
            continue
        second = first[: -len(match["which"])] + _SECOND[match["which"]]
        if second not in texts:
            continue
        preferred = named([x for x in columns if x not in (first, second)], _PREFERRED)
        found = preferred and _label(head, preferred, (first, second))
        if found:
            return found
    return None


def _label(head: Sequence[Record], column: str, options: tuple[str, str]) -> PairLabel | None:
    values = distinct(known(column, head))
    sides = [next((x for x in values if _means(x, option)), None) for option in options]
    if sides[0] is not None and sides[1] is not None and sides[0] != sides[1]:
        return PairLabel(options, column, sides[0], sides[1])
    if {0, 1} == {x for x in values if isinstance(x, int)} and len(values) == 2:
        return PairLabel(options, column, 0, 1, sure=False)
    return None


def _means(value: Json, option: str) -> bool:
    """Whether a label's value names this option: `1`, `model_a`, `response_1`, its column."""
    if isinstance(value, bool | float):
        return False
    text = str(value).lower()
    which = option[-1].lower()
    return text in (option.lower(), which) or (words(text) or ("",))[-1] == which
