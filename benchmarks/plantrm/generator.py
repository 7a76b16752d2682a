"""Prompts and answers from a seed: answers of different quality, and style that has no worth.

Quality is how many of its topic's sentences an answer says (0 to 5), and whether the rest is vague
or about another topic. Style (openers, closers, layout) is drawn without regard to quality.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.plantrm.material import ASKING, CLOSERS, OPENERS, SITUATIONS, TOPICS, VAGUE, Topic

__all__ = ["Prompt", "answers_to", "capital", "prompts", "topic_of"]


@dataclass(frozen=True, slots=True)
class Prompt:
    """A question, and the number of its topic in `TOPICS`."""

    text: str
    topic: int


def capital(text: str) -> str:
    """The first letter large, the others as they are."""
    return text[:1].upper() + text[1:]


def prompts(count: int, seed: int) -> list[Prompt]:
    """`count` different prompts; topics take turns, so every part of the list holds them all.

    Raises:
        ValueError: more than there are.
    """
    rng = random.Random(f"prompts {seed}")
    pools = [_every_prompt(number, topic) for number, topic in enumerate(TOPICS)]
    if count > sum(map(len, pools)):
        raise ValueError(f"{count} prompts; there are {sum(map(len, pools))}")
    for pool in pools:
        rng.shuffle(pool)
    return [pools[at % len(pools)][at // len(pools)] for at in range(count)]


def _every_prompt(number: int, topic: Topic) -> list[Prompt]:
    return [
        Prompt(form.format(thing=thing, situation=situation), number)
        for form in ASKING
        for thing in topic.things
        for situation in SITUATIONS
    ]


def topic_of(prompt: str) -> int | None:
    """The topic that a prompt names, None where it names none."""
    for number, topic in enumerate(TOPICS):
        if any(thing in prompt for thing in topic.things):
            return number
    return None


def answers_to(prompt: Prompt, count: int, seed: int, *, short: bool = False) -> list[str]:
    """`count` answers to a prompt, from bad to good in no order; the same seed gives the same.

    Short ones say two to four things, for models that are trained here.
    """
    rng = random.Random(f"answers {seed} {prompt.text}")
    return [_answer(prompt.topic, rng, short) for _ in range(count)]


def _answer(topic: int, rng: random.Random, short: bool) -> str:
    good = rng.choices((0, 1, 2, 3, 4, 5), (1, 2, 4, 5, 4, 2))[0]
    if short:
        good = rng.choices((0, 1, 2, 3), (2, 3, 3, 2))[0]
        # Length says little of quality, or a small model would learn nothing else.
        total = max(good, rng.randint(2, 4))
        return _laid_out(_sentences(topic, good, total - good, rng), rng)
    rest = rng.choices((0, 1, 2, 3), (4, 4, 2, 1))[0] if good else rng.randint(2, 4)
    return _laid_out(_sentences(topic, good, rest, rng), rng)


def _sentences(topic: int, good: int, rest: int, rng: random.Random) -> list[str]:
    sentences = rng.sample(TOPICS[topic].facts, good)
    for _ in range(rest):
        if rng.random() < 0.3:
            other = TOPICS[(topic + rng.randint(1, len(TOPICS) - 1)) % len(TOPICS)]
            sentences.append(rng.choice(other.facts))
        else:
            sentences.append(rng.choice([x for x in VAGUE if x not in sentences]))
    rng.shuffle(sentences)
    return sentences


def _laid_out(sentences: Sequence[str], rng: random.Random) -> str:
    parts = _in_order(sentences) if len(sentences) > 1 and rng.random() < 0.6 else list(sentences)
    if rng.random() < 0.15:
        parts.insert(0, rng.choice(OPENERS))
    if rng.random() < 0.15:
        parts.append(rng.choice(CLOSERS))
    if len(parts) > 3 and rng.random() < 0.12:
        middle = len(parts) // 2
        return " ".join(parts[:middle]) + "\n\n" + " ".join(parts[middle:])
    return " ".join(parts)


def _in_order(sentences: Sequence[str]) -> list[str]:
    """The sentences with words that say which comes first and which last."""
    last = len(sentences) - 1
    starts = ["First"] + ["Then"] * (last - 1) + ["Finally"]
    return [f"{start}, {x[:1].lower()}{x[1:]}" for start, x in zip(starts, sentences, strict=True)]
