"""Which columns are texts: by well-known names, else by other names and by what they hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

from pyrite.config.sections import DataSection
from pyrite.data import Record
from pyrite.data.conversation import is_turns
from pyrite.data.notes import Notes
from pyrite.data.plan import make_plan
from pyrite.errors import DataError
from pyrite.init.names import known, named, texts_of
from pyrite.types import Json

__all__ = ["TextColumns", "text_columns"]

_HEAD = 100
_PROMPTS = (
    "prompt", "question", "instruction", "query", "problem", "input", "user input", "user",
    "user prompt", "user message", "prompt text", "context", "request", "post",
)  # fmt: skip
_ANSWERS = (
    "response", "answer", "completion", "output", "solution", "reply", "model response",
    "model output", "assistant", "assistant response", "generation", "generated text", "generated",
    "prediction", "candidate", "model answer", "summary", "content", "text",
)  # fmt: skip
_CHOSEN = ("chosen", "preferred", "better", "winner", "accepted", "chosen response", "positive")
_REJECTED = ("rejected", "dispreferred", "worse", "loser", "rejected response", "negative")
_MESSAGES = ("messages", "conversation", "conversations", "dialogue", "dialog", "chat", "turns")


@dataclass(frozen=True, slots=True)
class TextColumns:
    """The schema, where it must be said; `answers` tells whether any answer was found.

    `candidates` are the text columns in the order of the source.
    """

    schema: dict[str, str]
    answers: bool
    candidates: tuple[str, ...]
    unsure: tuple[str, ...] = ()


def text_columns(path: str, records: Sequence[Record], columns: Sequence[str]) -> TextColumns:
    """Columns of the prompt and of what answers it.

    Raises:
        DataError: there is no text column at all; says what every column holds.
    """
    texts = [column for column in columns if texts_of(column, records)]
    turns = [column for column in columns if is_turns(_first(column, records))]
    plan = make_plan(DataSection(path=path), records[:_HEAD], Notes())
    found = {field: column.text for field, column in plan.texts.items()}
    taken = set(found.values())
    unsure: list[str] = []
    if not _answered(found):
        free = [column for column in texts if column not in taken]
        found |= _by_name(found, free, turns)
    if not _answered(found) and (nested := _nested(records, columns, [*taken])):
        found["response"] = nested
        unsure.append(f"one row per element of the list {nested.split('[]')[0]!r}")
    if not _answered(found):
        guessed = _by_length(found, texts, records)
        unsure += [f"{field} was guessed: column {name!r}" for field, name in guessed.items()]
        found |= guessed
    if not found:
        raise DataError(_no_text(path, records, columns))
    candidates = tuple(column for column in texts if column not in (found.get("prompt"),))
    return TextColumns(found, _answered(found), candidates, tuple(unsure))


def _answered(found: dict[str, str]) -> bool:
    return bool({"response", "chosen", "messages"} & set(found))


def _first(column: str, records: Sequence[Record]) -> Json:
    return next((x[column] for x in records if x.get(column) is not None), None)


def _by_name(found: dict[str, str], texts: Sequence[str], turns: Sequence[str]) -> dict[str, str]:
    """Fields by further names, whatever their case."""
    more: dict[str, str] = {}
    chosen, rejected = (named([*texts, *turns], x) for x in (_CHOSEN, _REJECTED))
    if chosen and rejected:
        more = {"chosen": chosen, "rejected": rejected}
    elif (messages := named(turns, _MESSAGES)) is not None or len(turns) == 1:
        return {"messages": messages or turns[0]}
    left = [x for x in texts if x not in more.values()]
    if "prompt" not in found and (prompt := named(left, _PROMPTS)):
        more["prompt"] = prompt
        left.remove(prompt)
    if "chosen" not in more and (answer := named(left, _ANSWERS)):
        more["response"] = answer
    return more


def _nested(records: Sequence[Record], columns: Sequence[str], taken: Sequence[str]) -> str | None:
    """`candidates[].solution`: a text inside the elements of a list."""
    for column in columns:
        value = _first(column, records)
        if column in taken or not isinstance(value, list) or is_turns(value):
            continue
        if value and all(isinstance(x, dict) for x in value):
            keys = [key for key, inner in value[0].items() if isinstance(inner, str)]
            if answer := named(keys, _ANSWERS):
                return f"{column}[].{answer}"
    return None


def _by_length(
    found: dict[str, str], texts: Sequence[str], records: Sequence[Record]
) -> dict[str, str]:
    """The longest column of mostly different texts as the answer, another one as the prompt.

    Two columns that are called alike (`output_1`, `output_2`) are left for `pair_label`.
    """
    from pyrite.init.roles import pair_label

    free = [x for x in texts if x not in found.values()]
    if pair_label(records, free):
        return {}
    free = [x for x in free if _is_prose(texts_of(x, records))]
    free.sort(key=lambda column: mean(map(len, texts_of(column, records))), reverse=True)
    if not free:
        return {}
    guessed = {"response": free[0]}
    if "prompt" not in found and len(free) > 1:
        guessed["prompt"] = free[1]
    return guessed


def _is_prose(texts: Sequence[str]) -> bool:
    """Mostly different texts, with a space in some: no names of categories, no identifiers."""
    return 2 * len(set(texts)) > len(texts) and any(" " in text for text in texts)


def _no_text(path: str, records: Sequence[Record], columns: Sequence[str]) -> str:
    shown = ", ".join(f"{x!r} ({_kind(known(x, records))})" for x in columns[:12])
    return (
        f"{path}: no column holds the texts that are scored; it has {shown}. Name the columns "
        "`prompt` and `response` (or `chosen` and `rejected`, or `messages`)"
    )


def _kind(values: Sequence[Json]) -> str:
    if not values:
        return "empty"
    first = values[0]
    names: dict[type, str] = {str: "short texts", list: "lists", dict: "mappings"}
    return next((name for kind, name in names.items() if isinstance(first, kind)), "numbers")
