"""vLLM's pooling route."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pyrite.endpoints import Ask, Form, Protocol, Value, by_index, field_of, numbers
from pyrite.endpoints._vllm import CURE, INFO, written
from pyrite.models import Rendered
from pyrite.types import Json

__all__ = ["VllmPooling"]


class VllmPooling(Protocol):
    """vLLM, `POST /pooling`: models whose architecture is a reward model's.

    Follows docs.vllm.ai, "Pooling Models", and vLLM's `entrypoints/pooling/pooling/protocol.py`:
    `{"model", "input": [text, ...]}` or `{"model", "messages": [...]}`, with
    `use_activation: false` for raw scores; answered by `{"data": [{"index", "data": [...]}]}`. A
    model that pools nothing answers with scores for every token; that is refused, because which
    one is the text's score cannot be seen.
    """

    ROUTE: ClassVar[str] = "/pooling"
    INFO: ClassVar[tuple[str, ...]] = INFO
    DEFAULT: ClassVar[str] = "chat_template"
    CURE: ClassVar[str] = CURE

    def takes(self) -> frozenset[Form]:
        """One text, or messages."""
        return frozenset({"text", "messages"})

    def batched(self) -> frozenset[Form]:
        """Texts only: a chat request holds one conversation."""
        return frozenset({"text"})

    def body(self, texts: Sequence[Rendered], ask: Ask) -> Json:
        """The request."""
        return written(texts, ask)

    def values(self, answer: Json, count: int) -> list[Value]:
        """The field `data` of every element of `data`."""
        rows = by_index(field_of(answer, "data"), count, "data")
        return [numbers(field_of(row, "data")) for row in rows]
