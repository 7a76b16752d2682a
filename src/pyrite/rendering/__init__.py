"""The contract of rendering: how a row becomes the text that is scored, one form per file.

A reward model was trained on one way of writing a conversation as text, and scored in another one
it is a different model. A `Rendering` is such a way; `message.unravel` in the query names it::

    default        what the scorer was made for (`Scorer.default_unravel`)
    qa, gating     bittensor's later form, and the form of its gating models
    hh             Human and Assistant turns
    chat_template  the tokenizer's own template
    pair           prompt and response as two segments, for encoders
    none           the text as it is

Rendering never cleans, cuts or escapes a text beyond what its form says.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast

from pyrite.component import Component, Family
from pyrite.errors import DataError
from pyrite.models import Rendered, Scorer
from pyrite.types import Item, Message

__all__ = ["DEFAULT_ROLES", "RENDERINGS", "Rendering", "Roles", "Turns", "rendering_for", "turns"]

RENDERINGS = Family("rendering", "pyrite.rendering", "Rendering")

Roles = Literal["default"] | Sequence[str]
"""`message.roles` of a query."""

DEFAULT_ROLES = ("system", "user")
"""What `roles: default` means: a system message, then the prompt as the user's turn."""


class Rendering(Component):
    """A way of writing a conversation as the text that a model scores."""

    @abstractmethod
    def render(
        self,
        item: Item,
        *,
        roles: Roles = "default",
        base_prompt: str | None = None,
        scorer: Scorer | None = None,
    ) -> Rendered:
        """Write one item as text.

        Args:
            item: a prompt, a response, both, or whole messages.
            roles: roles of the turns that are made from prompt and response, see `turns`.
            base_prompt: text of the system message; None: what the form itself puts there.
            scorer: the opened model, for the forms that ask it.

        Raises:
            DataError: the item has no text at all, or a turn that this form cannot write.
            ModelError: the form needs something of the scorer that it does not have.
        """


@dataclass(frozen=True, slots=True)
class Turns:
    """An item as turns: those before the response, and the response where there is one."""

    earlier: tuple[Message, ...]
    response: Message | None

    def all(self) -> tuple[Message, ...]:
        """Every turn, in order."""
        return self.earlier if self.response is None else (*self.earlier, self.response)


def turns(item: Item, *, roles: Roles = "default", base_prompt: str | None = None) -> Turns:
    """Split an item into the turns before its response and the response.

    A prompt and a response get the names in `roles` other than `system`, in that order, then
    `user` and `assistant`. Turns of `item.messages` keep their own roles and none is dropped;
    a last turn of the assistant is the response. Where `roles` has `system`, `base_prompt` is
    given and the conversation has no system message of its own, one is put first.

    Raises:
        DataError: the item has neither messages nor a prompt nor a response.
    """
    names = DEFAULT_ROLES if roles == "default" else tuple(roles)
    earlier, response = _messages(item) if item.messages else _named(item, names)
    if not earlier and response is None:
        raise DataError("a row has no text to score: no messages, no prompt and no response")
    has_system = any(turn.role == "system" for turn in earlier)
    if base_prompt is not None and "system" in names and not has_system:
        earlier = (Message("system", base_prompt), *earlier)
    return Turns(earlier, response)


def _messages(item: Item) -> tuple[tuple[Message, ...], Message | None]:
    *earlier, last = item.messages
    if last.role == "assistant":
        return tuple(earlier), last
    return item.messages, None


def _named(item: Item, names: Sequence[str]) -> tuple[tuple[Message, ...], Message | None]:
    given = [name for name in names if name != "system"]
    prompt_role = given[0] if given else "user"
    response_role = given[1] if len(given) > 1 else "assistant"
    earlier = () if item.prompt is None else (Message(prompt_role, item.prompt),)
    return earlier, None if item.response is None else Message(response_role, item.response)


def rendering_for(unravel: str, scorer: Scorer) -> Rendering:
    """The rendering that `message.unravel` names; `default` is what the scorer was made for.

    Raises:
        ComponentError: no rendering has this name.
    """
    name = scorer.default_unravel if unravel == "default" else unravel
    return cast(Rendering, RENDERINGS.get(name)())
