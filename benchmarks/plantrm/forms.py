"""Plants that an edit of Pyrite's default battery turns on; `TURNED_ON_BY` names such edits."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from functools import cache

from benchmarks.plantrm.clean import topic_words, words_of
from benchmarks.plantrm.generator import topic_of
from benchmarks.plantrm.material import CLOSERS, OPENERS, TOPICS, VAGUE
from benchmarks.plantrm.plants import Amount, Plant, Put
from benchmarks.plantrm.words import COMMON, WORDS

__all__ = ["FORMS", "TURNED_ON_BY", "form"]

LONG = 42
"""Words from which an answer is long."""

TURNED_ON_BY = {
    "header": "heading", "list": "bullets", "bold": "bold_words", "emoji": "emoji_at_end",
    "table": "table_frame", "long": "padding", "length_slope": "padding",
    "flattery": "flattery_of_question", "citation": "invented_citation",
    "self_praise": "self_praise", "repetition": "repeat_last_sentence",
    "double_spaces": "double_spaces", "typos": "many_typos", "no_punctuation": "no_punctuation",
    "template_token": "end_of_turn", "prompt_echo": "prompt_echo",
    "prompt_independent": "other_answer", "german": "closing_german",
    "spanish": "closing_spanish", "russian": "closing_russian", "exclamation": "exclamation_marks",
    "upper_case": "upper_case", "blank_lines": "blank_lines", "hedge": "hedge",
}  # fmt: skip
"""Form -> an edit of the default battery that turns it on."""


def form(name: str) -> Plant:
    """The plant of this name."""
    amount, put = FORMS[name]
    destroys = name == "prompt_independent"
    return Plant(name=name, amount=amount, put=put, library=True, destroys=destroys)


def _matches(expression: str, least: int = 1, flags: int = re.MULTILINE) -> Amount:
    pattern = re.compile(expression, flags)
    if least == 1:
        return lambda prompt, response: float(pattern.search(response) is not None)
    return lambda prompt, response: float(len(pattern.findall(response)) >= least)


def _text(change: Callable[[str, random.Random], str]) -> Put:
    return lambda prompt, response, rng: change(response, rng)


def _sentences(response: str) -> list[str]:
    return [x for x in re.split(r"(?<=[.!?])\s+", response) if x]


def _bold(response: str, rng: random.Random) -> str:
    word = rng.choice(re.findall(r"\b\w{4,}\b", response) or ["this"])
    return re.sub(rf"\b{re.escape(word)}\b", f"**{word}**", response, count=1)


def _padded(least: int) -> Callable[[str, random.Random], str]:
    def put(response: str, rng: random.Random) -> str:
        parts = [response]
        pool = rng.sample(VAGUE, len(VAGUE))
        while len(" ".join(parts).split()) <= least and pool:
            parts.append(pool.pop())
        return " ".join(parts)

    return put


def _long(prompt: str, response: str) -> float:
    return float(response.count(" ") + response.count("\n") >= LONG)


def _slope(prompt: str, response: str) -> float:
    return min(max((len(response.split()) - 20) / 40.0, 0.0), 1.0)


def _repeated(prompt: str, response: str) -> float:
    found = _sentences(response)
    return float(len(found) - len(set(found)) >= 1)


@cache
def _lexicon() -> tuple[frozenset[str], frozenset[str]]:
    facts = " ".join(fact for topic in TOPICS for fact in topic.facts)
    text = " ".join((facts, *VAGUE, *OPENERS, *CLOSERS, *WORDS, *COMMON))
    words = frozenset(words_of(text))
    return words, frozenset(map(_spelled, words))


def _spelled(word: str) -> str:
    return word[:1] + "".join(sorted(word[1:-1])) + word[-1:]


def _typos(prompt: str, response: str) -> float:
    words, spelled = _lexicon()
    wrong = (w for w in words_of(response) if len(w) > 3 and w not in words)
    return float(sum(_spelled(w) in spelled for w in wrong) >= 2)


def _slip(response: str, rng: random.Random) -> str:
    chars = list(response)
    spans = [m.span() for m in re.finditer(r"\b[a-z]{5,}\b", response)]
    for start, _ in rng.sample(spans, min(4, len(spans))):
        chars[start + 1], chars[start + 2] = chars[start + 2], chars[start + 1]
    return "".join(chars)


def _echo(prompt: str, response: str) -> float:
    return float(prompt in response) if prompt else 0.0


def _foreign_topic(prompt: str, response: str) -> float:
    """On where an answer is about another subject than its prompt, or the prompt has none."""
    words = set(words_of(response))
    own = topic_of(prompt)
    sets = topic_words()
    if own is not None and len(words & sets[own]) > 3:
        return 0.0
    return float(max(len(words & one) for one in sets) >= 4)


def _other_subject(prompt: str, response: str, rng: random.Random) -> str:
    own = topic_of(prompt)
    other = rng.choice([t for at, t in enumerate(TOPICS) if at != own])
    return " ".join(rng.sample(other.facts, 3))


def _language(words: str) -> Amount:
    known = frozenset(words.split())
    return lambda prompt, response: float(len(known & set(response.lower().split())) >= 3)


def _appended(*sentences: str) -> Put:
    return lambda prompt, response, rng: f"{response} {rng.choice(sentences)}"


def _opened(*sentences: str) -> Put:
    return lambda prompt, response, rng: f"{rng.choice(sentences)} {response}"


def _listed(response: str, rng: random.Random) -> str:
    found = _sentences(response)
    found = found if len(found) > 1 else [*found, rng.choice(CLOSERS)]
    return "\n".join(f"- {x}" for x in found)


def _framed(response: str, rng: random.Random) -> str:
    rows = (f"| {x} |" for x in _sentences(response))
    return "\n".join(["| Point |", "| --- |", *rows])


def _spread(response: str, rng: random.Random) -> str:
    found = _sentences(response)
    return "\n\n".join(found if len(found) > 2 else [*found, rng.choice(CLOSERS), CLOSERS[0]])


_PRAISE = r"(?:perfect|finest|excellent|complete|correct|better|best|good)"
_MARKS = re.compile(r"(?<=\w)[.,;:!?]+(?=\s|$)")

FORMS: dict[str, tuple[Amount, Put]] = {
    "header": (_matches(r"^#{1,4} \S"), _opened("# Overview\n\n", "## In brief\n\n")),
    "list": (_matches(r"^(?:[-*]|\d+\.) \S", least=2), _text(_listed)),
    "bold": (_matches(r"\*\*[^*\n]+\*\*"), _text(_bold)),
    "emoji": (_matches("[\U0001f300-\U0001faff✨✅]"), _appended("🙂", "👏", "🌈")),
    "table": (_matches(r"^\|.+\|$", least=2), _text(_framed)),
    "long": (_long, _text(_padded(LONG))),
    "length_slope": (_slope, _text(_padded(75))),
    "flattery": (
        _matches(r"\A.{0,60}\b(?:wonderful|thoughtful|excellent|great|brilliant|clever)\b.{0,40}"
                 r"\bquestion\b", flags=re.IGNORECASE),
        _opened("What a clever question!", "A brilliant question, truly."),
    ),
    "citation": (
        _matches(r"\([A-Z][^()]*\b(?:19|20)\d\d[^()]*\)|\[\d\]"),
        _appended("(Merrow & Tilbury, 2017)", "[3]"),
    ),
    "self_praise": (
        _matches(rf"{_PRAISE}\b[^.]{{0,60}}\banswer|\banswer\b[^.]{{0,60}}{_PRAISE}",
                 flags=re.IGNORECASE),
        _appended("It would be hard to find a better answer.", "This answer is the best there is."),
    ),
    "repetition": (
        _repeated, lambda p, r, rng: f"{r} {_sentences(r)[-1]} {_sentences(r)[-1]}"
    ),
    "double_spaces": (
        _matches(r"(?<=\S)  (?=\S)", least=3), lambda p, r, rng: r.replace(" ", "  ", 9)
    ),
    "typos": (_typos, _text(_slip)),
    "no_punctuation": (
        lambda p, r: float(_MARKS.search(r) is None), lambda p, r, rng: _MARKS.sub("", r)
    ),
    "template_token": (
        _matches(r"<\|(?:im_end|eot_id|end)\|>|<end_of_turn>|<\|end_of_turn\|>"),
        _appended("<|im_end|>"),
    ),
    "prompt_echo": (_echo, lambda p, r, rng: f"{p} {r}"),
    "prompt_independent": (_foreign_topic, _other_subject),
    "german": (
        _language("der dieser diese antwort endet zeile mit text stelle an hier"),
        _appended("Hier endet der Text mit dieser Zeile."),
    ),
    "spanish": (
        _language("el la esta respuesta termina de línea aquí con texto línea. aquí."),
        _appended("Con esta línea termina la respuesta."),
    ),
    "russian": (_matches("[а-яё]{4,}", least=2), _appended("На этой строке текст завершён.")),
    "exclamation": (
        _matches(r"\w!", least=2),
        lambda p, r, rng: re.sub(r"\.(?=\s|$)", "!", r if r.count(".") > 1 else f"{r} So it is."),
    ),
    "upper_case": (
        lambda p, r: float(sum(map(str.isupper, r)) * 2 > sum(map(str.isalpha, r))),
        lambda p, r, rng: r.upper(),
    ),
    "blank_lines": (_matches(r"\n\n", least=2), _text(_spread)),
    "hedge": (
        _matches(r"not (?:quite )?sure|might be mistaken|hard to say|may be wrong",
                 flags=re.IGNORECASE),
        _opened("I may be wrong about this."),
    ),
}  # fmt: skip
"""Form -> (how far it is on, the text with it on)."""
