"""Marks, capitals, spaces and characters beyond ASCII."""

from __future__ import annotations

import re

from pyrite.features import Feature
from pyrite.features._text import BARE_WORD, ratio

__all__ = [
    "CapitalShare",
    "NonAsciiShare",
    "NumColons",
    "NumCommas",
    "NumDashes",
    "NumDoubleSpaces",
    "NumEllipses",
    "NumEmoji",
    "NumExclamationMarks",
    "NumQuestionMarks",
    "NumUppercaseWords",
    "PunctuationShare",
]

_ELLIPSIS = re.compile(r"\.{3,}|…+")
# The possessive run may only start after a character that is no white space.
_DOUBLE_SPACE = re.compile(r"(?<=\S) {2,}+(?=\S)")
_NON_ASCII = re.compile(r"[^\x00-\x7f]+")
_NO_PUNCTUATION = re.compile(r"[\w\s]+")

_PICTURE = (
    "[\u231a\u231b\u23e9-\u23f3\u23f8-\u23fa\u25fd\u25fe\u2600-\u27bf\u2b1b\u2b1c\u2b50\u2b55"
    "\U0001f004\U0001f0cf\U0001f18e\U0001f191-\U0001f19a\U0001f201\U0001f21a\U0001f22f"
    "\U0001f232-\U0001f236\U0001f238-\U0001f23a\U0001f250\U0001f251"
    "\U0001f300-\U0001f64f\U0001f680-\U0001f6ff\U0001f7e0-\U0001f7f0"
    "\U0001f90c-\U0001faff]"
)
_LOOK = "[\ufe0f\U0001f3fb-\U0001f3ff]*+"
_EMOJI = re.compile(
    f"{_PICTURE}{_LOOK}(?:\u200d{_PICTURE}{_LOOK})*+"
    "|[\U0001f1e6-\U0001f1ff]{2}"  # a flag is two regional letters
    "|[0-9#*]\ufe0f\u20e3"  # a keycap
)


class NumQuestionMarks(Feature):
    """Number of question marks, full-width ones included [marks]."""

    unit = "marks"

    def measure(self, text: str) -> float:
        """Counts `?` and `？`."""
        return text.count("?") + text.count("？")


class NumExclamationMarks(Feature):
    """Number of exclamation marks, full-width ones included [marks]."""

    unit = "marks"

    def measure(self, text: str) -> float:
        """Counts `!` and `！`."""
        return text.count("!") + text.count("！")


class NumCommas(Feature):
    """Number of commas, full-width ones included [marks]."""

    unit = "marks"

    def measure(self, text: str) -> float:
        """Counts `,`, `，` and `、`."""
        return text.count(",") + text.count("，") + text.count("、")


class NumColons(Feature):
    """Number of colons, full-width ones included [marks]."""

    unit = "marks"

    def measure(self, text: str) -> float:
        """Counts `:` and `：`."""
        return text.count(":") + text.count("：")


class NumDashes(Feature):
    """Number of en and em dashes; hyphens are none [marks]."""

    unit = "marks"

    def measure(self, text: str) -> float:
        """Counts `–` and `—`."""
        return text.count("–") + text.count("—")


class NumEllipses(Feature):
    """Number of ellipses: three or more dots in a row, or … [marks]."""

    unit = "marks"

    def measure(self, text: str) -> float:
        """A run of dots of any length is one."""
        return len(_ELLIPSIS.findall(text))


class NumDoubleSpaces(Feature):
    """Number of places inside a line with two or more spaces in a row [places]."""

    unit = "places"

    def measure(self, text: str) -> float:
        """Indentation and spaces at the end of a line do not count."""
        return len(_DOUBLE_SPACE.findall(text))


class NumEmoji(Feature):
    """Number of emoji, dingbats such as ✓ included; a joined sequence is one [emoji]."""

    unit = "emoji"

    def measure(self, text: str) -> float:
        """Flags, keycaps, skin tones and zero-width joined sequences count once."""
        return 0 if text.isascii() else len(_EMOJI.findall(text))


class CapitalShare(Feature):
    """Capital letters / letters of scripts that have them; undefined without [share of letters]."""

    unit = "share of letters"

    def measure(self, text: str) -> float:
        """NaN for a text without a cased letter."""
        upper = sum(map(str.isupper, text))
        return ratio(upper, upper + sum(map(str.islower, text)))


class NumUppercaseWords(Feature):
    """Number of words of two or more characters all in capitals: NASA, COVID-19 [words]."""

    unit = "words"

    def measure(self, text: str) -> float:
        """Bare words; digits and marks inside do not matter."""
        words: list[str] = BARE_WORD.findall(text)
        return sum(len(word) > 1 and word.isupper() for word in words)


class PunctuationShare(Feature):
    """Characters that are no letter, digit, underscore or white space [share of characters]."""

    unit = "share of characters"

    def measure(self, text: str) -> float:
        """Symbols and emoji count as well; NaN for the empty text."""
        return ratio(len(text) - sum(map(len, _NO_PUNCTUATION.findall(text))), len(text))


class NonAsciiShare(Feature):
    """Characters beyond ASCII / characters [share of characters]."""

    unit = "share of characters"

    def measure(self, text: str) -> float:
        """NaN for the empty text."""
        beyond = 0 if text.isascii() else sum(map(len, _NON_ASCII.findall(text)))
        return ratio(beyond, len(text))
