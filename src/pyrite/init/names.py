"""Words of column names, and what a column's values are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from pyrite.data import Record, Untyped
from pyrite.data.values import number_of
from pyrite.types import Json

__all__ = ["distinct", "identifier", "is_numeric", "known", "named", "texts_of", "words"]

_WORD = re.compile(r"[a-z]+|[0-9]+")


def words(name: str) -> tuple[str, ...]:
    """`humanScore_2` -> `human`, `score`, `2`."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return tuple(_WORD.findall(apart.lower()))


def named(columns: Iterable[str], wanted: Iterable[str]) -> str | None:
    """The first column that is called like one of the wanted names, whatever its case."""
    by_words = {words(column): column for column in reversed(list(columns))}
    return next((by_words[key] for key in map(words, wanted) if key in by_words), None)


def known(column: str, head: Sequence[Record]) -> list[Json]:
    """The values of a column that are not missing; an untyped number is a number."""
    values = [record.get(column) for record in head]
    return [_typed(value) for value in values if value is not None and value != ""]


def _typed(value: Json) -> Json:
    if not isinstance(value, Untyped):
        return value
    number = number_of(value)
    return str(value) if number is None else number


def is_numeric(values: Sequence[Json]) -> bool:
    """Whether there are values and all of them are numbers or truth values."""
    return bool(values) and all(isinstance(value, int | float) for value in values)


def texts_of(column: str, head: Sequence[Record]) -> list[str]:
    """The texts of a column; empty where it holds something else or numbers."""
    values = known(column, head)
    return values if values and all(isinstance(value, str) for value in values) else []


def distinct(values: Iterable[Json]) -> list[Json]:
    """Different values, in order of appearance."""
    return list(dict.fromkeys(value for value in values if isinstance(value, str | int | float)))


def identifier(text: str, *, fallback: str) -> str:
    """A text as the name of a section."""
    return re.sub(r"[^A-Za-z0-9_.\-]+", "_", text).lstrip("_.-")[:60].rstrip("_.-") or fallback
