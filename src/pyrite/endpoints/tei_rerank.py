"""Text Embeddings Inference: classifiers with one label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pyrite.endpoints import EMPTY_SEGMENT, Ask, Form, Protocol, Value, by_index, field_of, number
from pyrite.models import Rendered
from pyrite.types import Json

__all__ = ["TeiRerank"]


class TeiRerank(Protocol):
    """Text Embeddings Inference, `POST /rerank`: classifiers with one label.

    Follows the API documentation of huggingface/text-embeddings-inference (`router/src/http`):
    `{"query": prompt, "texts": [response], "raw_scores": true}`; answered by a list of
    `{"index", "score"}`. One text per request, because every prompt is a query of its own. One
    text without a second segment is sent with an empty one: an encoder then reads one separator
    more than it would read of the text alone.
    """

    ROUTE: ClassVar[str] = "/rerank"
    INFO: ClassVar[tuple[str, ...]] = ("/info",)
    DEFAULT: ClassVar[str] = "pair"
    ADDS_SPECIAL: ClassVar[bool] = True
    CURE: ClassVar[str] = "the server ignored `raw_scores: true`; use a newer version of it"
    NOTE: ClassVar[str] = EMPTY_SEGMENT

    def takes(self) -> frozenset[Form]:
        """Prompt and response apart, or one text."""
        return frozenset({"pair", "text"})

    def batched(self) -> frozenset[Form]:
        """None: a request has one query."""
        return frozenset()

    def body(self, texts: Sequence[Rendered], ask: Ask) -> Json:
        """The request."""
        (text,) = texts
        return {"query": text.text, "texts": [text.text_pair or ""], "raw_scores": ask.raw}

    def values(self, answer: Json, count: int) -> list[Value]:
        """The field `score` of the only element."""
        return [number(field_of(row, "score")) for row in by_index(answer, count, "the answer")]
