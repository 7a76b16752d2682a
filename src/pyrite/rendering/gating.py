"""The form that bittensor's gating models were given."""

from __future__ import annotations

from pyrite.models import Rendered, Scorer
from pyrite.rendering import Rendering, Roles, turns
from pyrite.types import Item

__all__ = ["BASE_PROMPT", "Gating"]

BASE_PROMPT = (
    "\nYou are designed to assist with a wide range of tasks, from answering simple questions to "
    "providing in-depth explanations and discussions on a wide range of topics.\n"
)
"""The validators' own default for the system message."""

_ROLES = ("system", "assistant", "user")


class Gating(Rendering):
    """One line `role: content` per turn, the system message first.

    From opentensor/bittensor, `neurons/text/prompting/validators/core` (all versions from 17 April
    2023): `f"{role}: {content}\\n"` for every message whose role is `system`, `assistant` or
    `user`; turns in other roles are left out. Without a `base_prompt` the system message is the
    validators' default; `roles` without `system` leaves it away.
    """

    def render(
        self,
        item: Item,
        *,
        roles: Roles = "default",
        base_prompt: str | None = None,
        scorer: Scorer | None = None,
    ) -> Rendered:
        """Write the item, one line per turn."""
        system = BASE_PROMPT if base_prompt is None else base_prompt
        written = turns(item, roles=roles, base_prompt=system).all()
        lines = [f"{turn.role}: {turn.content}\n" for turn in written if turn.role in _ROLES]
        return Rendered("".join(lines))
