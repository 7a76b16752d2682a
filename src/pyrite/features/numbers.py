"""Digits and numbers."""

from __future__ import annotations

import re

from pyrite.features import Feature
from pyrite.features._text import ratio

__all__ = ["DigitShare", "NumDigits", "NumNumbers"]

_DIGITS = re.compile(r"\d+")
_NUMBER = re.compile(r"\d++(?:[.,]\d++)*+")


def count_digits(text: str) -> int:
    """Decimal digits of any script."""
    return sum(map(len, _DIGITS.findall(text)))


class NumDigits(Feature):
    """Number of digits [digits]."""

    unit = "digits"

    def measure(self, text: str) -> float:
        """Decimal digits of any script."""
        return count_digits(text)


class DigitShare(Feature):
    """Digits / characters, white space included [share of characters]."""

    unit = "share of characters"

    def measure(self, text: str) -> float:
        """NaN for the empty text."""
        return ratio(count_digits(text), len(text))


class NumNumbers(Feature):
    """Number of numbers; 1,250.5 is one, 3-4 are two [numbers]."""

    unit = "numbers"

    def measure(self, text: str) -> float:
        """Runs of digits, joined by single points or commas between digits."""
        return len(_NUMBER.findall(text))
