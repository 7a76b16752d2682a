"""Text Embeddings Inference: sequence classifiers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pyrite.endpoints import (
    AnswerError,
    Ask,
    Form,
    Protocol,
    Value,
    field_of,
    form_of,
    list_of,
    number,
)
from pyrite.models import Rendered
from pyrite.types import Json

__all__ = ["Tei"]


class Tei(Protocol):
    """Text Embeddings Inference, `POST /predict`: sequence classifiers.

    Follows the API documentation of huggingface/text-embeddings-inference (`router/src/http`):
    `{"inputs": [[text] or [prompt, response], ...], "raw_scores": true}`; answered by a list per
    input of `{"score", "label"}`, best first, so outputs are told apart by label. A model with one
    label is a re-ranker there: use `tei_rerank`. A text over the limit is an error of the server
    unless `options: {truncate: true}` is written.
    """

    ROUTE: ClassVar[str] = "/predict"
    INFO: ClassVar[tuple[str, ...]] = ("/info",)
    ADDS_SPECIAL: ClassVar[bool] = True
    CURE: ClassVar[str] = "the server ignored `raw_scores: true`; use a newer version of it"

    def takes(self) -> frozenset[Form]:
        """One text, or prompt and response apart."""
        return frozenset({"text", "pair"})

    def body(self, texts: Sequence[Rendered], ask: Ask) -> Json:
        """The request."""
        return {"inputs": [_segments(text) for text in texts], "raw_scores": ask.raw}

    def values(self, answer: Json, count: int) -> list[Value]:
        """Every label's `score`, by label."""
        return [_by_label(row) for row in list_of(answer, count, "the answer")]


def _segments(text: Rendered) -> list[str]:
    assert text.text_pair is not None or form_of(text) == "text"
    return [text.text, text.text_pair or ""] if form_of(text) == "pair" else [text.text]


def _by_label(row: Json) -> Value:
    if not isinstance(row, list) or not row:
        raise AnswerError("a text has no list of labels")
    found = {str(field_of(one, "label")): number(field_of(one, "score")) for one in row}
    if len(found) != len(row):
        raise AnswerError("a text has one label twice")
    return next(iter(found.values())) if len(found) == 1 else found
