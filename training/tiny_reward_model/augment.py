"""Pairs with exchanged words, which teach the model to look back at the prompt.

A true sentence often takes up a content word of its prompt. Here that word is exchanged
for a random other word, in the prompt and in the chosen sentence alike; the rejected
sentence is the same but has another random word there. Only a model that compares the
answer with the prompt can tell the two apart, and the words are too many to learn by
heart. Without these pairs the model does not learn to notice answers on another topic
when the topic is new to it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence

from .generate import Pair
from .material import Item

SEED = 20242
INVENTED_SHARE = 0.4
STEM_LENGTH = 5
WORD = re.compile(r"[A-Za-z]{4,}")
FUNCTION_WORDS = """
about always also because does each from good have here into less like make many more most
much must need often only other should some than that their them then there these they this
used using very want what when where which while will with would your
"""
NOT_CONTENT = frozenset(FUNCTION_WORDS.split())
ONSETS = ("b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "br", "st", "pl")
VOWELS = ("a", "e", "i", "o", "u")
ENDINGS = ("", "n", "r", "s", "t")


def _stem(word: str) -> str:
    return word.lower()[:STEM_LENGTH]


def _content_words(text: str) -> list[str]:
    return [w.lower() for w in WORD.findall(text) if w.lower() not in NOT_CONTENT]


def shared_stems(prompt: str, answer: str) -> list[str]:
    """Stems of the content words that stand in both texts, sorted."""
    in_prompt = {_stem(w) for w in _content_words(prompt)}
    return sorted({_stem(w) for w in _content_words(answer)} & in_prompt)


def _exchange(text: str, new_words: Mapping[str, str]) -> str:
    """Exchange all words with the given stems; capitals at the start are kept."""

    def new(match: re.Match[str]) -> str:
        old = match.group()
        word = new_words.get(_stem(old), old)
        return word.capitalize() if old[0].isupper() else word

    return WORD.sub(new, text)


def _new_word(pool: Sequence[str], rng: random.Random) -> str:
    """A word of the material or an invented one."""
    if rng.random() >= INVENTED_SHARE:
        return rng.choice(pool)
    syllables = (rng.choice(ONSETS) + rng.choice(VOWELS) for _ in range(rng.randint(2, 3)))
    return "".join(syllables) + rng.choice(ENDINGS)


def exchanged_pairs(items: Sequence[Item], count: int, seed: int = SEED) -> list[Pair]:
    """Draw `count` pairs that differ only in words which the prompt has or has not."""
    rng = random.Random(seed)
    texts = [text for item in items for text in (item.prompt, *item.true)]
    pool = sorted({word for text in texts for word in _content_words(text)})
    usable = [(item, s) for item in items for s in item.true if shared_stems(item.prompt, s)]
    pairs: list[Pair] = []
    while len(pairs) < count:
        item, sentence = rng.choice(usable)
        stems = shared_stems(item.prompt, sentence)
        right = {stem: _new_word(pool, rng) for stem in stems}
        other = {stem: _new_word(pool, rng) for stem in stems}
        prompt, chosen = _exchange(item.prompt, right), _exchange(sentence, right)
        rejected = _exchange(sentence, other)
        if chosen != rejected:
            pairs.append(Pair(prompt, chosen, rejected, item.topic, "exchanged"))
    return pairs
