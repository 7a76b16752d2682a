"""vLLM's score route."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pyrite.endpoints import Ask, Form, Protocol, Value, by_index, field_of, number
from pyrite.models import Rendered
from pyrite.types import Json

__all__ = ["VllmScore"]


class VllmScore(Protocol):
    """vLLM, `POST /score`: cross-encoders, which read prompt and response as two segments.

    Follows docs.vllm.ai, "Score API", and vLLM's `entrypoints/pooling/scoring/protocol.py`:
    `{"model", "text_1": [prompt, ...], "text_2": [response, ...], "use_activation": false}`;
    answered by `{"data": [{"index", "score"}]}`.
    """

    ROUTE: ClassVar[str] = "/score"
    INFO: ClassVar[tuple[str, ...]] = ("/v1/models", "/version")
    DEFAULT: ClassVar[str] = "pair"
    CURE: ClassVar[str] = (
        "vLLM ignored `use_activation: false`; serve the model with --pooler-config "
        "'{\"use_activation\": false}' (vLLM 0.11 and older: '{\"activation\": false}')"
    )

    def takes(self) -> frozenset[Form]:
        """Prompt and response apart."""
        return frozenset({"pair"})

    def body(self, texts: Sequence[Rendered], ask: Ask) -> Json:
        """The request."""
        prompts = [text.text for text in texts]
        responses = [text.text_pair for text in texts]
        return ask.named({"text_1": prompts, "text_2": responses, "use_activation": not ask.raw})

    def values(self, answer: Json, count: int) -> list[Value]:
        """The field `score` of every element of `data`."""
        rows = by_index(field_of(answer, "data"), count, "data")
        return [number(field_of(row, "score")) for row in rows]
