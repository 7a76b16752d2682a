"""The contract of endpoints: how one kind of server is asked for scores, one protocol per file.

A `Protocol` says which route is asked, what is sent for some texts and where the scores stand in
the answer. It does no input or output: retries, limits and secrets are the caller's work
(`pyrite.models.endpoint`), so a protocol is two pure functions and a few facts. A new kind of
server is a new file here; a user's own is `./file.py:Name`.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from pyrite.component import Component, Family
from pyrite.models import Rendered
from pyrite.types import Json

__all__ = [
    "EMPTY_SEGMENT",
    "ENDPOINTS",
    "AnswerError",
    "Ask",
    "Form",
    "Protocol",
    "Value",
    "by_index",
    "field_of",
    "form_of",
    "list_of",
    "number",
    "numbers",
    "turns_of",
    "whole_text",
]

ENDPOINTS = Family("endpoints", "pyrite.endpoints", "Protocol")

Form = Literal["text", "pair", "messages"]
"""What a rendered text can be: one text, prompt and response apart, or the turns themselves."""

Value = float | list[float] | dict[str, float]
"""What a server says of one text: one number, several, or several with their names."""


class AnswerError(ValueError):
    """An answer that is not what the protocol promises; the caller adds which server and why."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What every request is made with.

    Attributes:
        model: the name sent to servers that serve several models; None sends no name.
        raw: ask for raw scores, not for probabilities.
    """

    model: str | None = None
    raw: bool = True

    def named(self, body: dict[str, Json]) -> dict[str, Json]:
        """The body with the model's name, where there is one."""
        return body if self.model is None else {"model": self.model, **body}


class Protocol(Component):
    """How one kind of server is asked, and how its answer is read.

    Attributes:
        ROUTE: path of the route below the server's address.
        INFO: routes at which the server says what it serves (asked with GET).
        DEFAULT: the form of rendering for `message.unravel: default`.
        ADDS_SPECIAL: whether the server always adds special tokens of its own to a text.
        CURE: what to do where the answers turn out to be probabilities.
        NOTE: what a user has to know of every result; "" for nothing.
    """

    ROUTE: ClassVar[str] = ""
    INFO: ClassVar[tuple[str, ...]] = ()
    DEFAULT: ClassVar[str] = "none"
    ADDS_SPECIAL: ClassVar[bool] = False
    CURE: ClassVar[str] = ""
    NOTE: ClassVar[str] = ""

    @abstractmethod
    def takes(self) -> frozenset[Form]:
        """The forms that can be sent."""

    def batched(self) -> frozenset[Form]:
        """The forms of which one request can carry several texts."""
        return self.takes()

    def default_form(self) -> str:
        """The rendering that `message.unravel: default` means for this server."""
        return self.DEFAULT

    @abstractmethod
    def body(self, texts: Sequence[Rendered], ask: Ask) -> Json:
        """What is sent for texts of one form; more than one only where `batched` says so."""

    @abstractmethod
    def values(self, answer: Json, count: int) -> list[Value]:
        """What the answer says of each of `count` texts, in the order they were sent.

        Raises:
            AnswerError: the answer has another shape, or a wrong number of scores.
        """


EMPTY_SEGMENT = (
    "a text that is rendered as one (any form but pair) is sent with an empty second segment; "
    "where the tokenizer writes tokens around that one, as those of BERT and Llama do, the score "
    "is not that of the text alone"
)
"""The note of re-ranking routes, which know pairs only."""


def form_of(text: Rendered) -> Form:
    """The form that a rendered text has; a response kept alone beside the text is not sent."""
    if text.messages:
        return "messages"
    segments = text.text_pair is not None and text.pair_is == "segment"
    return "pair" if segments else "text"


def whole_text(text: Rendered) -> str:
    """The text, with the second segment after it where there is one."""
    return text.text + (text.text_pair or "") if form_of(text) == "pair" else text.text


def turns_of(text: Rendered) -> list[Json]:
    """The turns as the messages of a chat request."""
    return [{"role": turn.role, "content": turn.content} for turn in text.messages]


def field_of(answer: Json, *names: str) -> Json:
    """The value below the first of `names` that a mapping has.

    Raises:
        AnswerError: it is no mapping, or has none of them.
    """
    if isinstance(answer, Mapping):
        for name in names:
            if name in answer:
                return answer[name]
    raise AnswerError(f"no field {' or '.join(map(repr, names))} in {_kind(answer)}")


def list_of(answer: Json, count: int, what: str) -> list[Json]:
    """A list with one element per text.

    Raises:
        AnswerError: it is no list, or has another length.
    """
    if not isinstance(answer, list):
        raise AnswerError(f"{what}: {_kind(answer)}, expected a list")
    if len(answer) != count:
        raise AnswerError(f"{what}: {len(answer)} scores for {count} texts")
    return answer


def by_index(answer: Json, count: int, what: str) -> list[Json]:
    """The elements of a list in the order of their `index`.

    Raises:
        AnswerError: an index is missing, given twice or out of range.
    """
    rows = list_of(answer, count, what)
    places = [field_of(row, "index") for row in rows]
    found = {at: row for at, row in zip(places, rows, strict=True) if type(at) is int}
    if sorted(found) != list(range(count)):
        raise AnswerError(f"{what}: the indices are {places!r:.80}, expected 0 to {count - 1}")
    return [found[at] for at in range(count)]


def number(value: Json) -> float:
    """A finite number.

    Raises:
        AnswerError: it is something else, or not finite.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise AnswerError(f"a score is {value!r:.80} (a {type(value).__name__}), no number")
    try:
        found = float(value)
    except OverflowError:
        found = math.inf
    if not math.isfinite(found):
        raise AnswerError(f"a score is {value!r:.80}, which is not finite")
    return found


def numbers(value: Json) -> Value:
    """A number; of a list of one its only number; of a longer list or a mapping all of them.

    Raises:
        AnswerError: there is none, or one is not finite.
    """
    if isinstance(value, Mapping) and value:
        return {str(name): number(inner) for name, inner in value.items()}
    if not isinstance(value, list):
        return number(value)
    found = list(_flat(value))
    if not found:
        raise AnswerError("a text has an empty list of scores")
    return found[0] if len(found) == 1 else found


def _flat(value: list[Json]) -> Iterator[float]:
    # [[x]] is one score; a list of several lists says something of every token, not of the text.
    if len(value) == 1 and isinstance(value[0], list):
        yield from _flat(value[0])
        return
    if len(value) > 1 and any(isinstance(inner, list) for inner in value):
        raise AnswerError(
            f"a text has {len(value)} lists of scores, one per token: let the server pool them "
            '(vLLM: --pooler-config \'{"pooling_type": "LAST"}\')'
        )
    for inner in value:
        yield number(inner)


def _kind(value: Json) -> str:
    if isinstance(value, Mapping):
        return f"a mapping with {', '.join(map(repr, list(value)[:6])) or 'nothing'!s:.120}"
    return "null" if value is None else f"a {type(value).__name__}"
