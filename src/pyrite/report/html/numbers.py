"""Numbers as people read them: `0.42 [0.31, 0.53]`, aligned decimals, a true minus."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from pyrite.types import Json

__all__ = [
    "MISSING",
    "as_number",
    "count",
    "decimals",
    "ends",
    "interval",
    "number",
    "prompts",
    "share",
]

MISSING = "–"
MOST_DECIMALS = 6


def as_number(value: Json) -> float | None:
    """A finite number, or None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def decimals(values: Iterable[float | None]) -> int:
    """Decimals that show three digits of the largest value, two at least below a thousand."""
    largest = max((abs(x) for x in values if x is not None), default=0.0)
    if largest == 0.0:
        return 2
    if largest >= 1000:
        return 0
    return min(MOST_DECIMALS, max(2, 2 - math.floor(math.log10(largest))))


def number(value: Json, places: int = 2) -> str:
    """`-0.30` with a true minus; a value that would round to nothing in scientific notation."""
    x = as_number(value)
    if x is None:
        return MISSING
    shown = f"{x:.{places}f}"
    if x and not float(shown):
        shown = f"{x:.1e}"
    if abs(x) >= 1e15:
        shown = f"{x:.3g}"
    return _minus(shown)


def count(value: Json) -> str:
    """`12,345`."""
    x = as_number(value)
    return MISSING if x is None else _minus(f"{x:,.0f}")


def share(value: Json) -> str:
    """`38.6%` of a share in 0..1."""
    x = as_number(value)
    return MISSING if x is None else _minus(f"{x:.1%}")


def interval(value: Json, places: int = 2) -> str:
    """`0.42 [0.31, 0.53]` of `[value, low, high]`; says so where the interval is missing."""
    if not isinstance(value, list | tuple) or len(value) != 3:
        return MISSING
    middle, low, high = (as_number(x) for x in value)
    if middle is None:
        return MISSING
    if low is None or high is None:
        return f"{_fixed(middle, places)} (no interval)"
    return f"{_fixed(middle, places)} [{_fixed(low, places)}, {_fixed(high, places)}]"


def ends(estimate: Json) -> Json:
    """`[value, low, high]` of an estimate on a card; None of anything else."""
    if not isinstance(estimate, Mapping):
        return None
    return [estimate.get(end) for end in ("value", "low", "high")]


def prompts(estimate: Json) -> str:
    """`1,234` prompts of an estimate on a card; "" where it does not say."""
    n = estimate.get("prompts", estimate.get("n")) if isinstance(estimate, Mapping) else None
    return "" if n is None else count(n)


def _fixed(value: float, places: int) -> str:
    return _minus(f"{round(value, places) + 0.0:.{places}f}")


def _minus(shown: str) -> str:
    return (
        shown.replace("-", "\u2212", 1) if shown.startswith("-") else shown.replace("e-", "e\u2212")
    )
