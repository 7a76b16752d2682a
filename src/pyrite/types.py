"""Small frozen values that every layer shares (no torch, no numpy at import)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Item", "Json", "Location", "Message", "Mistake", "Pair"]

Json = Any
"""A value that JSON can hold: None, bool, int, float, str, list or str-keyed dict of these."""


@dataclass(frozen=True, slots=True)
class Location:
    """Where something stands in a file; `line` and `column` count from 1, 0 means unknown."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Mistake:
    """One problem in an experiment file: where, which key, what is wrong, and the likely cure."""

    location: Location
    path: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        where = f"{self.location}: " if self.location.file else ""
        key = f"{self.path}: " if self.path else ""
        cure = f" ({self.hint})" if self.hint else ""
        return f"  {where}{key}{self.message}{cure}"


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to score.

    Either a `prompt` with a `response`, or whole `messages` (the last one is then the response),
    or one of the two alone. `columns` holds the row's other values, for models that read recorded
    scores. `side` names which text of the row this is: `response`, `chosen` or `rejected`.
    """

    prompt: str | None = None
    response: str | None = None
    messages: tuple[Message, ...] = ()
    columns: Mapping[str, Json] = field(default_factory=dict)
    side: str = "response"

    def conversation(self) -> tuple[Message, ...]:
        """The item as messages: `messages` if given, else user and assistant turns."""
        if self.messages:
            return self.messages
        turns = []
        if self.prompt is not None:
            turns.append(Message("user", self.prompt))
        if self.response is not None:
            turns.append(Message("assistant", self.response))
        return tuple(turns)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two answers to one prompt, the first one preferred."""

    chosen: Item
    rejected: Item
