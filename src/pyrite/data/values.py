"""Single values: when two are the same, and what a value of any format is as plain JSON."""

from __future__ import annotations

import datetime
import decimal
import json
import re
from collections.abc import Mapping

from pyrite.data import Untyped
from pyrite.types import Json

__all__ = ["as_text", "join_key", "number_of", "plain", "same_value"]

_INT = re.compile(r"-?(0|[1-9][0-9]*)")
_INT_DIGITS = 18
_FLOAT = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?|[-+]?(inf|nan)", re.I)


def number_of(text: str) -> int | float | bool | None:
    """The number or truth value that an untyped text means, None where it means neither.

    `007` and numbers of more than 18 digits are texts: they would not read the same again.
    """
    if _INT.fullmatch(text):
        return int(text) if len(text) <= _INT_DIGITS else None
    if _FLOAT.fullmatch(text) and not re.match(r"[-+]?0[0-9]", text):
        return float(text)
    return {"true": True, "false": False}.get(text.lower())


def same_value(value: Json, wanted: Json) -> bool:
    """Whether a value of the source is the one that an experiment names."""
    if isinstance(value, Untyped):
        if isinstance(wanted, str) or wanted is None:
            return str(value) == (wanted or "")
        return bool(number_of(value) == wanted)
    return bool(value == wanted)


def join_key(value: Json) -> Json:
    """A value as it is compared between two tables: an untyped `7` is the number 7."""
    if isinstance(value, Untyped):
        number = number_of(value)
        value = str(value) if number is None else number
    if isinstance(value, list | dict):
        return as_text(value)
    return value


def plain(value: Json) -> Json:
    """A value of parquet or a hub data set as JSON has it: dates and bytes become texts."""
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if isinstance(value, Mapping | list | tuple):
        return value
    return str(value)


def as_text(value: Json) -> str:
    """A value as text: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=plain)
