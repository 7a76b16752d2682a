"""The words of a text: how long, how varied, how often repeated, and which comes first."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise
from typing import Any

from pydantic import Field, field_validator, model_validator

from pyrite.features import Feature
from pyrite.features._text import BARE_WORD, bare_words, ratio

__all__ = [
    "AvgWordLength",
    "DoubledWordShare",
    "FirstWord",
    "LongWordShare",
    "MeanWordLength",
    "MedianWordLength",
    "MovingTypeTokenRatio",
    "RepeatedBigramShare",
    "RepeatedTrigramShare",
    "StartsWithQuestionWord",
    "TypeTokenRatio",
]

QUESTION_WORDS = frozenset({
    "how", "what", "what's", "when", "where", "where's", "which", "who", "who's", "whom", "whose",
    "why",
})  # fmt: skip


def first_word(text: str) -> str:
    """The first bare word in lower case, with a straight apostrophe; empty where there is none."""
    found = BARE_WORD.search(text)
    return found.group().lower().replace("’", "'") if found else ""


def repeated_share(words: list[str], size: int) -> float:
    """Share of n-grams of `size` words that stood before in the text; NaN without an n-gram."""
    grams = list(zip(*(words[start:] for start in range(size)), strict=False))
    return ratio(len(grams) - len(set(grams)), len(grams))


def moving_ratio(words: list[str], window: int) -> float:
    """Mean share of distinct words over all windows of `window` words, in one pass."""
    if len(words) <= window:
        return ratio(len(set(words)), len(words))
    counts = Counter(words[:window])
    distinct = total = len(counts)
    for leaving, entering in zip(words, words[window:], strict=False):
        counts[leaving] -= 1
        distinct -= counts[leaving] == 0
        distinct += counts[entering] == 0
        counts[entering] += 1
        total += distinct
    return total / (window * (len(words) - window + 1))


class AvgWordLength(Feature):
    """All characters, spaces included, per word: num_chars / num_words [characters per word]."""

    unit = "characters per word"

    def measure(self, text: str) -> float:
        """NaN without a word. One space per word makes it about one more than the mean length."""
        return ratio(len(text), len(text.split()))


class MeanWordLength(Feature):
    """Mean length of the words without the punctuation around them [characters]."""

    unit = "characters"

    def measure(self, text: str) -> float:
        """NaN without a letter or digit."""
        words = BARE_WORD.findall(text)
        return ratio(sum(map(len, words)), len(words))


class MedianWordLength(Feature):
    """Median length of the words, the punctuation attached to them included [characters]."""

    unit = "characters"

    def measure(self, text: str) -> float:
        """NaN without a word; the mean of the two middle lengths for an even number."""
        lengths = sorted(map(len, text.split()))
        if not lengths:
            return math.nan
        middle = len(lengths) // 2
        return lengths[middle] if len(lengths) % 2 else (lengths[middle - 1] + lengths[middle]) / 2


class LongWordShare(Feature):
    """Share of words with at least `min_length` (7) characters, bare [share of words]."""

    unit = "share of words"

    min_length: int = Field(default=7, ge=1)

    def measure(self, text: str) -> float:
        """NaN without a letter or digit. Seven is the long word of LIX (Björnsson 1968)."""
        words = BARE_WORD.findall(text)
        return ratio(sum(len(word) >= self.min_length for word in words), len(words))


class TypeTokenRatio(Feature):
    """Distinct words / words, case and punctuation ignored; falls with length [share of words]."""

    unit = "share of words"

    def measure(self, text: str) -> float:
        """NaN without a word; 1 minus this is the share of repeated words."""
        words = bare_words(text)
        return ratio(len(set(words)), len(words))


class MovingTypeTokenRatio(Feature):
    """Mean type-token ratio over windows of `window` (50) words: free of length [share of words].

    MATTR of Covington and McFall, "Cutting the Gordian knot", J. Quant. Linguistics 17 (2010).
    """

    unit = "share of words"

    window: int = Field(default=50, ge=1)

    def measure(self, text: str) -> float:
        """The plain ratio for texts that fit in one window; NaN without a word."""
        return moving_ratio(bare_words(text), self.window)


class DoubledWordShare(Feature):
    """Share of words that equal the word right before them ("the the") [share of words]."""

    unit = "share of words"

    def measure(self, text: str) -> float:
        """Case and punctuation ignored; NaN without a word."""
        words = bare_words(text)
        same = sum(left == right for left, right in pairwise(words))
        return ratio(same, len(words))


class RepeatedBigramShare(Feature):
    """Share of word pairs that stood earlier in the text [share of pairs]."""

    unit = "share of pairs"

    def measure(self, text: str) -> float:
        """1 minus distinct / all bigrams of bare words; NaN below two words."""
        return repeated_share(bare_words(text), 2)


class RepeatedTrigramShare(Feature):
    """Share of word triples that stood earlier in the text [share of triples]."""

    unit = "share of triples"

    def measure(self, text: str) -> float:
        """1 minus distinct / all trigrams of bare words; NaN below three words."""
        return repeated_share(bare_words(text), 3)


class StartsWithQuestionWord(Feature):
    """Whether the first word is how, what, when, where, which, who, whom, whose or why [0 or 1]."""

    unit = "0 or 1"

    def measure(self, text: str) -> float:
        """0 for a text without a word: it starts with none."""
        return first_word(text) in QUESTION_WORDS


class FirstWord(Feature):
    """Whether the first word is one of `among`, which must be given [0 or 1].

    The first word itself is a category. It has no order and no number, so it can only be asked for
    by membership.
    """

    unit = "0 or 1"

    among: tuple[str, ...] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _says_which(cls, given: Any) -> Any:
        if isinstance(given, dict) and "among" not in given:
            raise ValueError(
                "the first word is a category, not a number: say which words count as 1, "
                "args: {among: [what, who]}, or use starts_with_question_word"
            )
        return given

    @field_validator("among")
    @classmethod
    def _bare(cls, among: tuple[str, ...]) -> tuple[str, ...]:
        for word in among:
            if not word or first_word(word) != word.lower().replace("’", "'"):
                raise ValueError(f"{word!r} is not one word without punctuation around it")
        return tuple(sorted({first_word(word) for word in among}))

    def measure(self, text: str) -> float:
        """Case and punctuation ignored; 0 for a text without a word."""
        return first_word(text) in self.among
