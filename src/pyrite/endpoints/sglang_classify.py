"""SGLang's route for reward models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from pyrite.endpoints import Ask, Form, Protocol, Value, field_of, list_of, numbers
from pyrite.models import Rendered
from pyrite.types import Json

__all__ = ["SglangClassify"]


class SglangClassify(Protocol):
    """SGLang, `POST /classify`: reward models, served with `--is-embedding`.

    Follows docs.sglang.io, "Native APIs", section "Classify (reward model)":
    `{"model", "text": [text, ...]}` with texts that are rendered already; answered by a list of
    `{"embedding": [score, ...], "meta_info"}` in the order sent. Its other route, `/v1/classify`,
    answers with probabilities and is not used.
    """

    ROUTE: ClassVar[str] = "/classify"
    INFO: ClassVar[tuple[str, ...]] = ("/get_model_info", "/v1/models")
    ADDS_SPECIAL: ClassVar[bool] = True
    CURE: ClassVar[str] = (
        "serve the reward model with --is-embedding, and ask /classify, not /v1/classify, which "
        "applies a softmax"
    )

    def takes(self) -> frozenset[Form]:
        """One text."""
        return frozenset({"text"})

    def body(self, texts: Sequence[Rendered], ask: Ask) -> Json:
        """The request."""
        return ask.named({"text": [text.text for text in texts]})

    def values(self, answer: Json, count: int) -> list[Value]:
        """The field `embedding` of every element."""
        rows = [answer] if isinstance(answer, Mapping) and count == 1 else answer
        return [numbers(field_of(row, "embedding")) for row in list_of(rows, count, "the answer")]
