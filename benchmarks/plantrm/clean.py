"""The clean reward model of tier 0: analytic, deterministic, cheap, and with reasons to be good.

It reads words only (no marks, no layout) and rewards, in rough score units:

    +0.9 per true sentence's worth of its topic's own words (different ones, up to 24 words)
    +0.3 per right number of its topic, up to 3
    +    a gentle rise with the logarithm of the length, up to 90 words
    -    words that do not follow each other as in English of this world, beyond a free part
    -    words after an end token that take all before them back
    -    a "not" inside a true sentence; "first", "then" and "finally" in another order
    +-   noise that only depends on the text

`quality` is the same without the noise: it is what gold says.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import pairwise, product

import numpy as np
from benchmarks.plantrm.generator import topic_of
from benchmarks.plantrm.material import CLOSERS, OPENERS, TOPICS, VAGUE

__all__ = ["NOISE", "CleanModel", "topic_words", "words_of"]

NOISE = 0.25
"""SD of the noise, in score units."""
_WORD = re.compile(r"[a-z']+|\d+")
_MOST_WORDS = 24
_PER_WORD = 0.9 / 6
_FREE = 0.45
"""Share of pairs of words that may be unusual without a loss: an insertion is no mistake."""
_ENDS = re.compile(r"<\|endoftext\|>|</s>|<\|im_end\|>|<\|eot_id\|>")
"""What follows the end of a text is read for one thing only: whether it takes the text back."""
_TAKES_BACK = frozenset({"not", "none", "wrong", "ignore", "forget", "refuse", "cannot"})
_ORDER = ("first", "then", "finally")


def words_of(text: str) -> list[str]:
    """Words and numbers in small letters."""
    return _WORD.findall(text.lower())


@cache
def topic_words() -> tuple[frozenset[str], ...]:
    """Of each topic the words that stand in the sentences of it and of at most one other."""
    sets = [set(words_of(" ".join(topic.facts))) for topic in TOPICS]
    counts: dict[str, int] = {}
    for words in sets:
        for word in words:
            counts[word] = counts.get(word, 0) + 1
    vague = set(words_of(" ".join((*VAGUE, *OPENERS, *CLOSERS))))
    return tuple(
        frozenset(w for w in words if counts[w] <= 2 and w not in vague and len(w) > 2)
        for words in sets
    )


@cache
def _numbers() -> tuple[frozenset[str], ...]:
    return tuple(
        frozenset(w for w in words_of(" ".join(topic.facts)) if w.isdigit()) for topic in TOPICS
    )


@cache
def _follows() -> frozenset[tuple[str, str]]:
    """Pairs of words that follow each other in a sentence, or where two sentences meet."""
    sentences = [*VAGUE, *OPENERS, *CLOSERS, *(fact for topic in TOPICS for fact in topic.facts)]
    split = [words_of(sentence) for sentence in sentences]
    inside = {pair for words in split for pair in pairwise(words)}
    starts, ends = {s[0] for s in split}, {s[-1] for s in split}
    return frozenset(inside | set(product(ends | set(_ORDER), starts | set(_ORDER))))


def _in_order(words: Sequence[str]) -> bool:
    places = [words.index(word) for word in _ORDER if word in words]
    return len(places) < 2 or places == sorted(places)


class CleanModel:
    """Scores of (prompt, response); about 20 microseconds each."""

    def __init__(self, seed: int) -> None:
        self._key = hashlib.blake2b(f"clean {seed}".encode(), digest_size=16).digest()
        self._topics: dict[str, int | None] = {}
        self._words, self._right, self._pairs = topic_words(), _numbers(), _follows()

    def scores(self, texts: Sequence[tuple[str, str]]) -> np.ndarray:
        """float64 [texts], with the noise."""
        found = [self._quality(*text) + self._noise(*text) for text in texts]
        return np.array(found, dtype=np.float64)

    def quality(self, texts: Iterable[tuple[str, str]]) -> np.ndarray:
        """float64 [texts], without the noise."""
        return np.array([self._quality(*text) for text in texts], dtype=np.float64)

    def _quality(self, prompt: str, response: str) -> float:
        taken_back = False
        if "<" in response:
            response, *rest = _ENDS.split(response, maxsplit=1)
            taken_back = bool(rest) and not _TAKES_BACK.isdisjoint(words_of(rest[0]))
        words = _WORD.findall(response.lower())
        count = len(words)
        if count < 3:
            return -3.0
        topic = self._topic(prompt)
        distinct = set(words)
        value = 0.3 * math.log(min(count, 90))
        if topic is not None:
            own = len(distinct & self._words[topic])
            value += _PER_WORD * (own if own < _MOST_WORDS else _MOST_WORDS)
            value += 0.3 * min(len(distinct & self._right[topic]), 3)
        usual = sum(map(self._pairs.__contains__, pairwise(words))) / (count - 1)
        if usual < 1.0 - _FREE:
            value -= 3.0 * (1.0 - _FREE - usual)
        if "not" in distinct and self._turned(words):
            value -= 1.0
        if "finally" in distinct and not _in_order(words):
            value -= 1.0
        if len(distinct) * 3 < count:
            value -= 1.5
        if taken_back:
            value -= 1.5
        return value

    def _turned(self, words: Sequence[str]) -> bool:
        """Whether a "not" stands between two words that usually follow each other."""
        around = zip(words, words[1:], words[2:], strict=False)
        return any(word == "not" and (a, b) in self._pairs for a, word, b in around)

    def _topic(self, prompt: str) -> int | None:
        if prompt not in self._topics:
            self._topics[prompt] = topic_of(prompt)
        return self._topics[prompt]

    def _noise(self, prompt: str, response: str) -> float:
        content = f"{prompt}\x00{response}".encode("utf-8", "surrogatepass")
        drawn = hashlib.blake2b(content, digest_size=8, key=self._key).digest()
        # Four uniform numbers, near enough to a normal one: mean 2, variance 4 / 12.
        total = sum(int.from_bytes(drawn[at : at + 2], "little") for at in (0, 2, 4, 6)) / 65536.0
        return NOISE * (total - 2.0) * 1.7320508
