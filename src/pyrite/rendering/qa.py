"""The form that bittensor's reward model was given from May 2023 (v5)."""

from __future__ import annotations

from pyrite.models import Rendered, Scorer
from pyrite.rendering import Rendering, Roles, turns
from pyrite.types import Item

__all__ = ["Qa"]


class Qa(Rendering):
    """`Question: ...`, a new line, `Answer: ...`; the response alone goes beside it.

    From opentensor/bittensor, `neurons/text/prompting/validators/core`, v5.0.0 to v5.2.1:
    `"Question: "`, then `content.strip() + "\\n"` for every message whose role is not `system`,
    then `"Answer: "` and `completion.strip()`. That version scored the difference between this
    text and the stripped response alone, which is why the response is kept in `text_pair`.
    """

    def render(
        self,
        item: Item,
        *,
        roles: Roles = "default",
        base_prompt: str | None = None,
        scorer: Scorer | None = None,
    ) -> Rendered:
        """Write the item; the system message is dropped, as the original did."""
        conversation = turns(item, roles=roles, base_prompt=base_prompt)
        said = [turn.content for turn in conversation.earlier if turn.role != "system"]
        question = "Question: " + "".join(text.strip() + "\n" for text in said) + "Answer: "
        if conversation.response is None:
            return Rendered(question)
        answer = conversation.response.content.strip()
        return Rendered(question + answer, text_pair=answer, pair_is="alone")
