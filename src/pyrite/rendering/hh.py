"""The form of Anthropic's HH dialogues."""

from __future__ import annotations

from pyrite.errors import DataError
from pyrite.models import Rendered, Scorer
from pyrite.rendering import Rendering, Roles, turns
from pyrite.types import Item, Message

__all__ = ["Hh"]

_LABELS = {"user": "Human", "human": "Human", "assistant": "Assistant"}


class Hh(Rendering):
    """Human and Assistant turns: `\\n\\nHuman: ...\\n\\nAssistant: ...`.

    The form of anthropics/hh-rlhf and of Dahoas/rm-static, on which the GPT-J reward models of
    2023 were trained. Turns alternate the same way; a system message, for which the form has no
    label, comes first as plain text; without a response the text ends in an open
    `\\n\\nAssistant:`, as the `prompt` column of rm-static does.
    """

    def render(
        self,
        item: Item,
        *,
        roles: Roles = "default",
        base_prompt: str | None = None,
        scorer: Scorer | None = None,
    ) -> Rendered:
        """Write the item as a dialogue.

        Raises:
            DataError: a turn has a role that is none of system, user and assistant.
        """
        conversation = turns(item, roles=roles, base_prompt=base_prompt)
        text = "".join(_written(turn) for turn in conversation.all())
        return Rendered(text if conversation.response else text + "\n\nAssistant:")


def _written(turn: Message) -> str:
    if turn.role == "system":
        return turn.content
    if turn.role not in _LABELS:
        raise DataError(
            f"the hh form has no label for a turn of role {turn.role!r}; "
            "write another form in message.unravel, or rename the role in the data"
        )
    return f"\n\n{_LABELS[turn.role]}: {turn.content}"
