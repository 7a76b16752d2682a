"""The chat template that the model's tokenizer brings along."""

from __future__ import annotations

from dataclasses import replace

from pyrite.errors import ModelError
from pyrite.models import Rendered, Scorer, TextScorer, TokenScorer
from pyrite.rendering import Rendering, Roles, turns
from pyrite.types import Item

__all__ = ["ChatTemplate"]


class ChatTemplate(Rendering):
    """The tokenizer's own chat template, as Hugging Face's `apply_chat_template` applies it.

    The text already holds every special token, so none is added when it is tokenised (a second
    beginning-of-sequence token changes scores). A system message is written only where the row has
    one or `base_prompt` is given.
    """

    def render(
        self,
        item: Item,
        *,
        roles: Roles = "default",
        base_prompt: str | None = None,
        scorer: Scorer | None = None,
    ) -> Rendered:
        """Let the scorer apply its template.

        Raises:
            ModelError: the model has no tokenizer or its tokenizer no chat template.
        """
        if not isinstance(scorer, TokenScorer | TextScorer):
            raise ModelError("chat_template needs a model with a tokenizer; write unravel: none")
        conversation = turns(item, roles=roles, base_prompt=base_prompt)
        return scorer.render_chat(replace(item, messages=conversation.all()))
