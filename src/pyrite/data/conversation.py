"""Conversations in the forms that public data has them, and what they become.

Understood are message lists (`role`/`content`, and ShareGPT's `from`/`value`), the same as JSON
text, and the strings of Anthropic's HH data ("\\n\\nHuman: ...\\n\\nAssistant: ...").
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence

from pyrite.data.streams import shorten
from pyrite.errors import DataError
from pyrite.types import Json, Message

__all__ = [
    "HH_START",
    "hh_turns",
    "is_turns",
    "messages_json",
    "read_turns",
    "shared_turns",
    "split_hh",
]

HH_START = "\n\nHuman:"
_HH_ANSWER = "\n\nAssistant:"
_HH_TURN = re.compile(r"\n\n(Human|Assistant):")
_ROLES = {
    "human": "user",
    "prompter": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bot": "assistant",
    "model": "assistant",
    "function_call": "assistant",
    "observation": "tool",
    "function": "tool",
}


def is_turns(value: Json) -> bool:
    """Whether a value is a message list in one of the two forms."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(
            isinstance(turn, dict)
            and (("role" in turn and "content" in turn) or ("from" in turn and "value" in turn))
            for turn in value
        )
    )


def read_turns(value: Json, *, where: str, column: str) -> list[Message]:
    """A message list, or its JSON text, as messages.

    Raises:
        DataError: it is neither, or a turn has no text.
    """
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except (json.JSONDecodeError, RecursionError) as error:
            raise DataError(f"{where}: column {column!r} is not JSON: {shorten(value)}") from error
    if not is_turns(value):
        raise DataError(
            f"{where}: column {column!r} is not a conversation (a list of turns with role and "
            f"content, or from and value): {shorten(value)}"
        )
    return [_message(turn, where, f"{column}[{index}]") for index, turn in enumerate(value)]


def _message(turn: dict[str, Json], where: str, column: str) -> Message:
    role = turn.get("role", turn.get("from"))
    content = turn["content"] if "role" in turn and "content" in turn else turn.get("value")
    if isinstance(content, list) and all(
        isinstance(part, dict) and isinstance(part.get("text"), str) for part in content
    ):
        content = "".join(part["text"] for part in content)
    if not isinstance(role, str) or not isinstance(content, str):
        raise DataError(f"{where}: column {column!r} is a turn without text: {shorten(turn)}")
    return Message(_ROLES.get(role.lower(), role.lower()), content)


def messages_json(turns: Sequence[Message]) -> str:
    """Messages as the JSON text that the canonical column holds."""
    rows = [{"role": turn.role, "content": turn.content} for turn in turns]
    return json.dumps(rows, ensure_ascii=False)


def shared_turns(first: Sequence[Message], second: Sequence[Message]) -> list[Message]:
    """The turns that two conversations have in common, up to the last turn of either."""
    shared = []
    for one, other in zip(first[:-1], second[:-1], strict=False):
        if one != other:
            break
        shared.append(one)
    return shared


def hh_turns(text: str) -> list[Message]:
    """An HH-style text as messages; an empty last turn (the answer to come) is left out."""
    parts = _HH_TURN.split(text)
    roles = {"Human": "user", "Assistant": "assistant"}
    turns = [
        Message(roles[role], content.strip())
        for role, content in zip(parts[1::2], parts[2::2], strict=True)
    ]
    if turns and turns[-1] == Message("assistant", ""):
        turns.pop()
    return turns


def split_hh(chosen: str, rejected: str) -> tuple[str, str, str] | None:
    """Two HH-style dialogues as (prompt, chosen, rejected); None where they share no prompt.

    The prompt is what both share up to their last common "\\n\\nAssistant:", with the blanks after
    it, so that prompt + answer is the text as it was.
    """
    shared = os.path.commonprefix([chosen, rejected])  # noqa: RUF071 - characters are meant
    start = shared.rfind(_HH_ANSWER)
    if start < 0:
        return None
    end = start + len(_HH_ANSWER)
    while end < len(shared) and shared[end].isspace():
        end += 1
    return shared[:end], chosen[end:], rejected[end:]
