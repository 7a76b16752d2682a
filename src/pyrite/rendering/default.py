"""The form that bittensor's reward model was given in April 2023."""

from __future__ import annotations

from pyrite.models import Rendered, Scorer
from pyrite.rendering import Rendering, Roles, turns
from pyrite.types import Item

__all__ = ["Default"]


class Default(Rendering):
    """Turns but the system's, each stripped and closed by a blank line, then the response.

    From opentensor/bittensor, `neurons/text/prompting/validators/core`, 20 April to 8 May 2023:
    `content.strip() + "\\n\\n"` for every message whose role is not `system`, then
    `completion.strip()`. A prompt alone is scored as it stands, as `reward([question])` did.
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
        if conversation.response is None:
            *said, last = said or [""]
            last = last.strip() if said else last
        else:
            last = conversation.response.content.strip()
        return Rendered("".join(text.strip() + "\n\n" for text in said) + last)
