"""vLLM's classification route."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pyrite.endpoints import Ask, Form, Protocol, Value, by_index, field_of, numbers
from pyrite.endpoints._vllm import CURE, INFO, written
from pyrite.models import Rendered
from pyrite.types import Json

__all__ = ["VllmClassify"]


class VllmClassify(Protocol):
    """vLLM, `POST /classify`: any sequence classifier, texts in batches, messages one by one.

    Follows docs.vllm.ai, "Classification Usages", and vLLM's
    `entrypoints/pooling/classify/protocol.py`: `{"model", "input": [text, ...]}` or
    `{"model", "messages": [...]}`, with `use_activation: false` for raw scores; answered by
    `{"data": [{"index", "label", "probs": [...], "num_classes"}]}`. Texts that were rendered by a
    chat template are sent with `add_special_tokens: false`.
    """

    ROUTE: ClassVar[str] = "/classify"
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
        """The field `probs` of every element of `data`, which are logits without activation."""
        rows = by_index(field_of(answer, "data"), count, "data")
        return [numbers(field_of(row, "probs")) for row in rows]
