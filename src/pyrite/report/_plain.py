"""What a report may hold: values that JSON and UTF-8 can carry."""

from __future__ import annotations

import math
from collections.abc import Mapping

from pyrite.types import Json

__all__ = ["plain"]


def plain(value: Json) -> Json:
    """The value with lone surrogates as U+FFFD and without NaN and infinities (None).

    Nothing else of a text is changed: whoever renders a report escapes it.
    """
    if isinstance(value, str):
        return (
            value
            if value.isascii()
            else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        )
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {plain(str(key)): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value
