"""What a word is, and division that knows when it is not defined.

Two notions of a word are used. A *word* is what stands between white space (`str.split`); every
count of words and every rate per 100 words means these. A *bare word* is such a word in lower case
without the punctuation around it; the features of vocabulary use these. In languages written
without spaces neither is a word of the language.
"""

from __future__ import annotations

import math
import re

__all__ = ["BARE_WORD", "bare_words", "ratio"]

BARE_WORD = re.compile(r"[^\W_](?:\S*[^\W_])?")
"""From the first to the last letter or digit between white space; linear: one match per word."""


def bare_words(text: str) -> list[str]:
    """The words in lower case, trimmed to their first and last letter or digit."""
    return BARE_WORD.findall(text.lower())


def ratio(part: float, whole: float) -> float:
    """`part / whole`, NaN where there is nothing to divide by."""
    return part / whole if whole else math.nan
