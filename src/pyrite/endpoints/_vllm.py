"""What vLLM's classification and pooling routes have in common."""

from __future__ import annotations

from collections.abc import Sequence

from pyrite.endpoints import Ask, form_of, turns_of
from pyrite.models import Rendered
from pyrite.types import Json

__all__ = ["CURE", "INFO", "written"]

INFO = ("/v1/models", "/version")
CURE = (
    "vLLM ignored `use_activation: false`; serve the model with --pooler-config "
    "'{\"use_activation\": false}' (vLLM 0.11 and older: '{\"activation\": false}', before "
    "that --override-pooler-config '{\"softmax\": false}')"
)


def written(texts: Sequence[Rendered], ask: Ask) -> Json:
    """The request: one conversation as messages, or texts, without a second start token."""
    body: dict[str, Json] = {"use_activation": not ask.raw}
    if form_of(texts[0]) == "messages":
        return ask.named({"messages": turns_of(texts[0]), **body})
    if not texts[0].special_tokens:
        body["add_special_tokens"] = False
    return ask.named({"input": [text.text for text in texts], **body})
