"""Prompt and response as two segments."""

from __future__ import annotations

from pyrite.models import Rendered, Scorer
from pyrite.rendering import Rendering, Roles, turns
from pyrite.types import Item

__all__ = ["Pair"]


class Pair(Rendering):
    """Prompt and response as the two segments of an encoder: `tokenizer(prompt, response)`.

    The form of the OpenAssistant DeBERTa reward models (see `openvalidators/reward/open_assistant`
    in opentensor/validators). Several turns before the response, the system's included, are joined
    by blank lines into the first segment; that form has no source of its own. A prompt or a
    response alone is one segment.
    """

    def render(
        self,
        item: Item,
        *,
        roles: Roles = "default",
        base_prompt: str | None = None,
        scorer: Scorer | None = None,
    ) -> Rendered:
        """Write the item as one or two segments."""
        conversation = turns(item, roles=roles, base_prompt=base_prompt)
        prompt = "\n\n".join(turn.content for turn in conversation.earlier)
        if conversation.response is None:
            return Rendered(prompt)
        if not conversation.earlier:
            return Rendered(conversation.response.content)
        return Rendered(prompt, text_pair=conversation.response.content)
