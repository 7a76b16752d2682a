"""How much text there is, and how it is divided."""

from __future__ import annotations

import re

from pyrite.features import Feature
from pyrite.features._text import ratio

__all__ = [
    "AvgSentenceLength",
    "NumChars",
    "NumLines",
    "NumParagraphs",
    "NumSentences",
    "NumWords",
    "QuestionLength",
]

# Each alternative may only start at the first mark of a run, so that a megabyte of dots that ends
# no sentence is read once and not once per dot.
_SENTENCE_END = re.compile(
    r"(?<![.!?…])[.!?…]++[\"'”’»)\]*_]*+(?=\s|\Z)|[。！？]++|\n++",
)
_LETTER = re.compile(r"[^\W\d_]")
_LETTER_OR_DIGIT = re.compile(r"[^\W_]")


def count_sentences(text: str) -> int:
    """Pieces with a letter in them, cut at `.!?…` before white space, at `。！？` and line ends.

    An abbreviation before a space ends a sentence too. Text without a letter but with a digit
    ("42.") is one sentence.
    """
    pieces = _SENTENCE_END.split(text)
    found = sum(1 for piece in pieces if _LETTER.search(piece))
    return found or int(_LETTER_OR_DIGIT.search(text) is not None)


class QuestionLength(Feature):
    """Length of the text it is measured on, by default the question [characters]."""

    unit = "characters"

    def measure(self, text: str) -> float:
        """Unicode code points, white space included."""
        return len(text)


class NumChars(Feature):
    """Length of the text, white space included [characters]."""

    unit = "characters"

    def measure(self, text: str) -> float:
        """Unicode code points."""
        return len(text)


class NumWords(Feature):
    """Number of words, that is of runs without white space [words]."""

    unit = "words"

    def measure(self, text: str) -> float:
        """Words as `str.split` sees them."""
        return len(text.split())


class NumSentences(Feature):
    """Number of sentences: cut at . ! ? … before white space and at line ends [sentences]."""

    unit = "sentences"

    def measure(self, text: str) -> float:
        """See `count_sentences`."""
        return count_sentences(text)


class NumLines(Feature):
    r"""Number of lines, blank ones included; a last \\n starts no line [lines]."""

    unit = "lines"

    def measure(self, text: str) -> float:
        r"""Lines end at `\n`; the empty text has none."""
        return text.count("\n") + (text != "" and not text.endswith("\n"))


class NumParagraphs(Feature):
    """Number of blocks of lines that blank lines separate [paragraphs]."""

    unit = "paragraphs"

    def measure(self, text: str) -> float:
        """A line of white space only is blank."""
        count, after_blank = 0, True
        for line in text.split("\n"):
            blank = not line or line.isspace()
            count += after_blank and not blank
            after_blank = blank
        return count


class AvgSentenceLength(Feature):
    """Words per sentence, num_words / num_sentences; undefined without a sentence [words]."""

    unit = "words"

    def measure(self, text: str) -> float:
        """NaN for a text without a letter or digit."""
        return ratio(len(text.split()), count_sentences(text))
