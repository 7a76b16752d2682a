"""OpenRLHF's remote reward models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pyrite.endpoints import (
    Ask,
    Form,
    Protocol,
    Value,
    field_of,
    form_of,
    list_of,
    numbers,
    whole_text,
)
from pyrite.models import Rendered
from pyrite.types import Json

__all__ = ["Openrlhf"]


class Openrlhf(Protocol):
    """OpenRLHF, `POST /get_reward`: what `--remote_rm_url` asks.

    Follows OpenRLHF's documentation, "Remote Reward Model", and `openrlhf/cli/serve_rm.py`:
    `{"query": [prompt and response in one text, ...], "prompts": [prompt, ...]}`, answered by
    `{"rewards": [...]}`. `prompts` is sent only where prompt and response are known apart, that
    is with `unravel: pair`; `serve_rm` itself reads `query` alone.
    """

    ROUTE: ClassVar[str] = "/get_reward"
    ADDS_SPECIAL: ClassVar[bool] = True
    CURE: ClassVar[str] = "let the server return the output of its value head as it is"

    def takes(self) -> frozenset[Form]:
        """One text, or prompt and response apart."""
        return frozenset({"text", "pair"})

    def body(self, texts: Sequence[Rendered], ask: Ask) -> Json:
        """The request."""
        written: dict[str, Json] = {"query": [whole_text(text) for text in texts]}
        if form_of(texts[0]) == "pair":
            written["prompts"] = [text.text for text in texts]
        return ask.named(written)

    def values(self, answer: Json, count: int) -> list[Value]:
        """The field `rewards`."""
        return [numbers(row) for row in list_of(field_of(answer, "rewards"), count, "rewards")]
