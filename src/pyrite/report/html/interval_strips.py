"""An interval as a small drawing beside its number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyrite.report.html import numbers
from pyrite.types import Json

__all__ = ["WIDTH", "Scale", "Strip"]

WIDTH = 150
"""Of the drawing, in its own units."""
_EDGE = 5


@dataclass(frozen=True, slots=True)
class Strip:
    """Places of zero, the interval's ends and the value, in units of the drawing."""

    zero: float
    low: float
    high: float
    value: float


@dataclass(frozen=True, slots=True)
class Scale:
    """The axis of several strips; holds zero."""

    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Scale:
        """From the smallest to the largest value, zero in between."""
        return cls(min([0.0, *values]), max([0.0, *values]))

    def strip(self, three: Json) -> Strip | None:
        """None where a number is missing or there is no width."""
        if not isinstance(three, list) or self.high <= self.low:
            return None
        known = [x for x in map(numbers.as_number, three) if x is not None]
        if len(known) != 3:
            return None
        value, low, high = (self._place(x) for x in known)
        return Strip(zero=self._place(0.0), low=low, high=high, value=value)

    def _place(self, x: float) -> float:
        return round(_EDGE + (WIDTH - 2 * _EDGE) * (x - self.low) / (self.high - self.low), 1)
