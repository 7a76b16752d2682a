"""Turns answer sentences into a response text with chosen surface features."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

Value = str | bool | tuple[str, ...]
SHORTCUTS = ("length", "bullets", "flattery", "closing")
NULLS = ("exclamation", "bold", "hedge", "opener")


@dataclass(frozen=True)
class Form:
    """How a response is written, apart from what its sentences say.

    The first four fields are the shortcut features (an empty value means absent);
    the last four are the null features.
    """

    length: tuple[str, ...] = ()
    bullets: str = ""
    flattery: str = ""
    closing: str = ""
    exclamation: bool = False
    bold: bool = False
    hedge: bool = False
    opener: bool = False

    def changed(self, values: Mapping[str, Value]) -> Form:
        """The same form with other values for the named features."""
        fields: dict[str, Any] = dict(values)
        return replace(self, **fields)

    def without(self, name: str) -> Form:
        """The same form with the named feature absent."""
        absent: Value = getattr(Form(), name)
        return self.changed({name: absent})


def lower_first(sentence: str, capitalised: frozenset[str]) -> str:
    """Lower-case the first letter, unless the first word is always capitalised."""
    first = re.match(r"[\w-]+", sentence)
    if first is None or first.group() in capitalised or first.group().isupper():
        return sentence
    return sentence[0].lower() + sentence[1:]


def _bold_longest_word(sentence: str) -> str:
    words = re.findall(r"[A-Za-z]+", sentence)
    longest = max(words, key=len)
    return sentence.replace(longest, f"**{longest}**", 1)


def render(sentences: Sequence[str], form: Form, capitalised: frozenset[str]) -> str:
    """Write the sentences as one response in the given form.

    Null features act on the sentences, then extra sentences, bullets, flattery and the
    closing phrase are put around them, so every feature can be switched on alone.
    """
    body = list(sentences)
    if form.exclamation:
        body[0] = body[0].removesuffix(".") + "!"
    if form.hedge:
        body[-1] = "Perhaps " + lower_first(body[-1], capitalised)
    if form.bold:
        body[0] = _bold_longest_word(body[0])
    if form.opener:
        body[0] = "Well, " + lower_first(body[0], capitalised)
    body.extend(form.length)
    gap = "\n" if form.bullets else " "
    parts = [f"{form.bullets}{sentence}" for sentence in body]
    if form.flattery:
        parts.insert(0, form.flattery)
    if form.closing:
        parts.append(form.closing)
    return gap.join(parts)
