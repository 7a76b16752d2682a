"""Readability indices of the textstat library that need nothing but the text.

The indices that count syllables (Flesch reading ease, Flesch-Kincaid, SMOG, Gunning fog) are not
offered: textstat looks syllables up in a pronouncing dictionary that must be downloaded first, and
a result may not depend on whether that worked. All four were fitted to English (ARI,
Coleman-Liau), Swedish (LIX, RIX) or similar prose of 100 words and more; on short texts they are
noisy. Words and sentences are textstat's here, which differ a little from `num_words` and
`num_sentences`: a sentence of at most two words is not one. A text without a letter or digit has
no index: NaN.
"""

from __future__ import annotations

import math
import re
from functools import cache
from importlib.metadata import version
from typing import Any

from pyrite.features import Feature
from pyrite.types import Json

__all__ = ["AutomatedReadabilityIndex", "ColemanLiauIndex", "Lix", "Rix"]

_WORD = re.compile(r"\w")


@cache
def _library() -> Any:
    # Kept, because an import statement in `measure` would cost more than a short text.
    import textstat

    return textstat.textstat


class _Index(Feature):
    """An index of textstat, whose version is part of the identity."""

    def identity(self) -> dict[str, Json]:
        """The declared identity and the version of textstat, which decides words and sentences."""
        return {**super().identity(), "textstat": version("textstat")}


class AutomatedReadabilityIndex(_Index):
    """ARI: 4.71 characters/words + 0.5 words/sentences - 21.43 [US school grade].

    Smith and Senter, AMRL-TR-66-220 (1967).
    """

    unit = "US school grade"

    def measure(self, text: str) -> float:
        """NaN without a word."""
        return _library().automated_readability_index(text) if _WORD.search(text) else math.nan


class ColemanLiauIndex(_Index):
    """5.8 letters/words - 29.6 sentences/words - 15.8 [US school grade].

    Coleman and Liau, J. Applied Psychology 60 (1975).
    """

    unit = "US school grade"

    def measure(self, text: str) -> float:
        """NaN without a word."""
        return _library().coleman_liau_index(text) if _WORD.search(text) else math.nan


class Lix(_Index):
    """LIX: words/sentences + percentage of words above 6 letters [index, 20 easy to 60 hard].

    Björnsson, Läsbarhet (1968).
    """

    unit = "index, 20 easy to 60 hard"

    def measure(self, text: str) -> float:
        """NaN without a word."""
        return _library().lix(text) if _WORD.search(text) else math.nan


class Rix(_Index):
    """RIX: words above 6 letters / sentences [long words per sentence].

    Anderson, "Lix and Rix", J. of Reading 26 (1983).
    """

    unit = "long words per sentence"

    def measure(self, text: str) -> float:
        """NaN without a word."""
        return _library().rix(text) if _WORD.search(text) else math.nan
