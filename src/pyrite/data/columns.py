"""Columns of values whose type is only known at the end: chunks as read, then one type for all.

A column's type is decided over all rows, whatever the size of the chunks::

    true and false only          bool
    whole numbers only           int64
    numbers                      double (but text, where a whole number above 2**53 would change)
    anything else, or a mixture  string; a value that is not a text stands as JSON
    no value at all              string, all null

Untyped values (CSV) count as what they look like, an empty one as null; a column that becomes
text keeps them as they were written.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import pyarrow as pa

from pyrite.data import Untyped
from pyrite.data.values import as_text, number_of, plain
from pyrite.types import Json

__all__ = ["Chunk", "Kind", "column_type", "decode", "encode", "text_array", "without_surrogates"]

_EXACT = 2**53
_WIDEST = 2**63


class Kind(Enum):
    """What a value is, as far as its column's type goes."""

    BOOL = auto()
    INT = auto()
    WIDE_INT = auto()  # not exact as a double
    FLOAT = auto()
    TEXT = auto()
    NESTED = auto()


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some values of one column: an array, how it is to be read again, and the kinds in it.

    `form` is `native` (values as they are), `untyped` (texts that may mean numbers) or `json`.
    """

    array: Any
    form: str
    kinds: frozenset[Kind]


def _kind(value: Json) -> Kind:
    if isinstance(value, bool):
        return Kind.BOOL
    if isinstance(value, int):
        if -_EXACT <= value <= _EXACT:
            return Kind.INT
        return Kind.WIDE_INT if -_WIDEST <= value < _WIDEST else Kind.TEXT
    if isinstance(value, float):
        return Kind.FLOAT
    return Kind.TEXT if isinstance(value, str) else Kind.NESTED


def _untyped_kind(text: str) -> Kind:
    number = number_of(text)
    return Kind.TEXT if number is None else _kind(number)


def column_type(kinds: frozenset[Kind]) -> Any:
    """The arrow type of a column with these kinds of values."""
    if not kinds:
        return pa.string()
    if kinds == {Kind.BOOL}:
        return pa.bool_()
    if kinds <= {Kind.INT, Kind.WIDE_INT}:
        return pa.int64()
    if kinds <= {Kind.INT, Kind.FLOAT}:
        return pa.float64()
    return pa.string()


def encode(values: Sequence[Json], replaced: Callable[[int], None]) -> Chunk:
    """Values of one column as a chunk.

    Args:
        values: as read; null is None.
        replaced: told how many texts held lone surrogates.
    """
    if any(isinstance(value, Untyped) for value in values):
        texts = [None if value is None or value == "" else as_text(value) for value in values]
        kinds = frozenset({_untyped_kind(text) for text in texts if text is not None})
        return Chunk(text_array(texts, replaced), "untyped", kinds)
    known = [x if x is None or isinstance(x, str | int | float) else plain(x) for x in values]
    kinds = frozenset({_kind(value) for value in known if value is not None})
    wanted = column_type(kinds)
    if wanted != pa.string():
        return Chunk(pa.array(known, wanted), "native", kinds)
    if kinds <= {Kind.TEXT} or kinds == {Kind.NESTED}:
        texts = [None if value is None else as_text(value) for value in known]
        return Chunk(text_array(texts, replaced), "native", kinds)
    coded = [
        None if value is None else json.dumps(value, ensure_ascii=False, default=plain)
        for value in known
    ]
    return Chunk(text_array(coded, replaced), "json", kinds)


def decode(array: Any, form: str, wanted: Any) -> Any:
    """A stored chunk as an array of the column's final type."""
    if form == "native":
        if array.type == wanted:
            return array
        if wanted != pa.string():
            return array.cast(wanted)
        return pa.array([None if x is None else as_text(x) for x in array.to_pylist()], wanted)
    if form == "json":
        values = [None if x is None else json.loads(x) for x in array.to_pylist()]
        if wanted == pa.string():
            values = [None if value is None else as_text(value) for value in values]
        return pa.array(values, wanted)
    if wanted == pa.string():
        return array
    return pa.array([None if x is None else number_of(x) for x in array.to_pylist()], wanted)


def text_array(texts: Sequence[str | None], replaced: Callable[[int], None]) -> Any:
    """Texts as an arrow array; lone surrogates, which UTF-8 cannot hold, become U+FFFD."""
    try:
        return pa.array(texts, pa.string())
    except UnicodeEncodeError:
        clean = [None if text is None else without_surrogates(text) for text in texts]
        replaced(sum(one != other for one, other in zip(clean, texts, strict=True)))
        return pa.array(clean, pa.string())


def without_surrogates(text: str) -> str:
    """A text in which lone surrogates are replaced by U+FFFD."""
    return "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in text)
