"""The text as it is."""

from __future__ import annotations

from pyrite.models import Rendered, Scorer
from pyrite.rendering import Rendering, Roles, turns
from pyrite.types import Item

__all__ = ["None_"]


class None_(Rendering):  # noqa: N801 - the component's name is `none`
    """The text as it is: prompt and response put together with nothing between.

    From opentensor/validators v1.0 (openvalidators), which scored `prompt + completion`. Of whole
    messages the contents are put together the same way; a system message only where the row has
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
        """Put the texts of the item together."""
        conversation = turns(item, roles=roles, base_prompt=base_prompt)
        return Rendered("".join(turn.content for turn in conversation.all()))
