"""Infinity's re-ranking route."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pyrite.endpoints import EMPTY_SEGMENT, Ask, Form, Protocol, Value, by_index, field_of, number
from pyrite.models import Rendered
from pyrite.types import Json

__all__ = ["Infinity"]


class Infinity(Protocol):
    """Infinity (infinity-emb), `POST /rerank`: classifiers with one label.

    Follows michaelfeil/infinity, `fastapi_schemas/pymodels.py`:
    `{"model", "query": prompt, "documents": [response], "raw_scores": true}`; answered by
    `{"results": [{"index", "relevance_score"}]}` (`data` in early versions). One text per
    request, because every prompt is a query of its own; one text alone is sent as the query, with
    an empty document, which may change its score. The server strips white space at both ends of a
    text, and refuses texts of more than 122,880 characters.
    """

    ROUTE: ClassVar[str] = "/rerank"
    INFO: ClassVar[tuple[str, ...]] = ("/models", "/v1/models")
    DEFAULT: ClassVar[str] = "pair"
    ADDS_SPECIAL: ClassVar[bool] = True
    CURE: ClassVar[str] = (
        "the server ignored `raw_scores: true`; use a newer infinity-emb, and a model with one "
        "label"
    )
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
        documents = [text.text_pair or ""]
        return ask.named({"query": text.text, "documents": documents, "raw_scores": ask.raw})

    def values(self, answer: Json, count: int) -> list[Value]:
        """The field `relevance_score` of the only result."""
        rows = by_index(field_of(answer, "results", "data"), count, "results")
        return [number(field_of(row, "relevance_score")) for row in rows]
