"""Manners of speech, by phrase lists written for this project (English, in `_phrases.py`).

What every text does more or less of is a rate per 100 words (`hedges`), so that long texts do not
lead; what is an event is a count (`num_refusals`). The lists match words and not meanings: "I may"
hedges, and so does the month of May at the start of a sentence. Matching is linear in the text.
"""

from __future__ import annotations

import re
from typing import ClassVar

from pyrite.features import Feature, _phrases
from pyrite.features._phrases import anywhere, at_start, normal
from pyrite.features._text import ratio

__all__ = [
    "Authority",
    "Certainty",
    "ClosesWithOffer",
    "Connectives",
    "FirstPerson",
    "Hedges",
    "NumAiMentions",
    "NumApologies",
    "NumCitations",
    "NumEmpathy",
    "NumExamples",
    "NumFlattery",
    "NumRefusals",
    "NumSelfPraise",
    "NumWarnings",
    "OpensWithFiller",
    "OpensWithFlattery",
    "Politeness",
    "SecondPerson",
    "VagueWords",
]

CLOSING = 200
"""How many of the last characters of a text count as its closing."""

_CITATION = re.compile(
    # [3] or [3, 5-7] after a word or a mark: not an index, a list of numbers or a link.
    r"(?:(?<=[\w.,;:)\"'”] )|(?<=[.,;\])\"”]))"
    r"\[[1-9]\d{0,2}+(?: ?[,–-] ?[1-9]\d{0,2}+){0,20}+\](?!\()"
    r"|\([^\W\d_a-z][^()\d]{0,80}, (?:1[5-9]|20)\d\d[a-z]?\)"  # (Smith et al., 2020)
    r"|(?i:(?<!\w)et al\b|(?<!\w)doi: ?10\.|doi\.org/10\.|(?<!\w)arxiv: ?\d|(?<!\w)isbn[ :-])"
)


class _Rate(Feature):
    """Phrases per 100 words; NaN without a word."""

    unit = "per 100 words"
    PHRASES: ClassVar[re.Pattern[str]]

    def measure(self, text: str) -> float:
        """100 times the matches of the list, divided by `num_words`."""
        return ratio(100 * len(self.PHRASES.findall(normal(text))), len(text.split()))


class _Count(Feature):
    """Number of phrases; 0 for a text without any."""

    unit = "phrases"
    PHRASES: ClassVar[re.Pattern[str]]

    def measure(self, text: str) -> float:
        """Matches of the list that do not overlap."""
        return len(self.PHRASES.findall(normal(text)))


class _Opening(Feature):
    """Whether the text starts with a phrase, after marks and white space."""

    unit = "0 or 1"
    PHRASES: ClassVar[re.Pattern[str]]

    def measure(self, text: str) -> float:
        """0 for the empty text."""
        return self.PHRASES.match(normal(text)) is not None


class Hedges(_Rate):
    """Words and phrases that weaken a claim: perhaps, might, I think [per 100 words]."""

    PHRASES = anywhere(_phrases.HEDGES)


class Certainty(_Rate):
    """Words and phrases that strengthen a claim: certainly, always, no doubt [per 100 words]."""

    PHRASES = anywhere(_phrases.CERTAINTY)


class FirstPerson(_Rate):
    """I, me, my, we, our, ...; not "us", which may be the country [per 100 words]."""

    # Not the i of "i.e.", nor a numeral "I." of a list.
    PHRASES = re.compile(rf"(?!i\.){anywhere(_phrases.FIRST_PERSON).pattern}")


class SecondPerson(_Rate):
    """You, your, yours, yourself, yourselves [per 100 words]."""

    PHRASES = anywhere(_phrases.SECOND_PERSON)


class Connectives(_Rate):
    """Words that join sentences: however, therefore, first, in summary [per 100 words]."""

    PHRASES = anywhere(_phrases.CONNECTIVES)


class VagueWords(_Rate):
    """Words that leave the matter open: various, things, some, a number of [per 100 words]."""

    PHRASES = anywhere(_phrases.VAGUE)


class Politeness(_Rate):
    """Please, thank you, feel free, happy to help, ... [per 100 words]."""

    PHRASES = anywhere(_phrases.POLITENESS)


class Authority(_Rate):
    """Appeals to a source without naming it: studies show, experts agree [per 100 words]."""

    PHRASES = anywhere(_phrases.AUTHORITY)


class NumFlattery(_Count):
    """Praise of the reader: great question, you're absolutely right [phrases]."""

    PHRASES = anywhere(_phrases.FLATTERY)


class NumApologies(_Count):
    """Apologies: sorry, I apologize, I'm afraid [phrases]."""

    PHRASES = anywhere(_phrases.APOLOGIES)


class NumRefusals(_Count):
    """Refusals to do what was asked: I can't help, I'm unable to provide [phrases]."""

    PHRASES = anywhere(_phrases.REFUSALS)


class NumSelfPraise(_Count):
    """Praise of the answer itself: best possible answer, this answer is correct [phrases]."""

    PHRASES = anywhere(_phrases.SELF_PRAISE)


class NumAiMentions(_Count):
    """Mentions of being a machine: as an AI, language model [phrases]."""

    PHRASES = anywhere(_phrases.AI_MENTIONS)


class NumEmpathy(_Count):
    """Sympathy: I understand, sorry to hear, you are not alone [phrases]."""

    PHRASES = anywhere(_phrases.EMPATHY)


class NumExamples(_Count):
    """Announced examples: for example, for instance, such as [phrases]."""

    PHRASES = anywhere(_phrases.EXAMPLES)


class NumWarnings(_Count):
    """Warnings and disclaimers: please consult, keep in mind, not legal advice [phrases]."""

    PHRASES = anywhere(_phrases.WARNINGS)


class NumCitations(Feature):
    """What looks like a citation: [3], (Smith, 2020), et al., doi:, arXiv:, ISBN [citations].

    Whether the source exists is not checked.
    """

    unit = "citations"

    def measure(self, text: str) -> float:
        """ "(Smith et al., 2020)" is one; 0 for a text without any."""
        return len(_CITATION.findall(" ".join(text.split())))


class OpensWithFiller(_Opening):
    """Whether the text opens with Sure, Certainly, Of course, Here is, Thank you for [0 or 1]."""

    PHRASES = at_start(_phrases.FILLER_OPENINGS)


class OpensWithFlattery(_Opening):
    """Whether the text opens with praise of the reader: Great question [0 or 1]."""

    PHRASES = re.compile(
        r"[\W_]*+(?:(?:that's|that is|this is|it's|wow)\W++)?+(?:an? (?:really |very )?+)?+"
        + anywhere(_phrases.FLATTERY).pattern
    )


class ClosesWithOffer(Feature):
    """Whether the last 200 characters offer more help: I hope this helps, let me know [0 or 1]."""

    unit = "0 or 1"
    PHRASES: ClassVar[re.Pattern[str]] = anywhere(_phrases.OFFER_CLOSINGS)

    def measure(self, text: str) -> float:
        """Counted after white space is reduced to single spaces."""
        return self.PHRASES.search(normal(text)[-CLOSING:]) is not None
