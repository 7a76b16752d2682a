"""One raw record in, canonical rows out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pyrite.config.sections import PairSpec
from pyrite.data import Record
from pyrite.data.conversation import (
    HH_START,
    hh_turns,
    is_turns,
    messages_json,
    read_turns,
    shared_turns,
    split_hh,
)
from pyrite.data.notes import Notes
from pyrite.data.plan import Plan
from pyrite.data.streams import shorten
from pyrite.data.values import same_value
from pyrite.errors import DataError
from pyrite.types import Json, Message

__all__ = ["Mapper", "Row", "Texts"]


@dataclass(frozen=True, slots=True)
class Texts:
    """The canonical texts of one row."""

    prompt: str | None = None
    response: str | None = None
    chosen: str | None = None
    rejected: str | None = None
    messages: str | None = None

    def sides(self) -> tuple[str, ...]:
        """Names of the texts that are there, but for `messages`, which only long ones have."""
        names = ("prompt", "response", "chosen", "rejected")
        return tuple(name for name in names if getattr(self, name) is not None)


@dataclass(frozen=True, slots=True)
class Row:
    """A canonical row without its number; `group` None means that the row is its own group."""

    texts: Texts
    group: str | None
    extras: Mapping[str, Json]
    index: int | None
    """Which element of the expanded list it is."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a value stands, for messages."""

    where: str
    column: str


class Mapper:
    """Turns records into rows as a plan says, and notes what it had to decide.

    Attributes:
        sides: texts that the rows have; set by the first row, and then required of every one.
        empty_sides: those of them that were empty in all rows so far.
    """

    def __init__(self, plan: Plan, pair: PairSpec | None, notes: Notes) -> None:
        self._plan = plan
        self._pair = pair
        self._notes = notes
        self.sides: tuple[str, ...] | None = None
        self.empty_sides: frozenset[str] = frozenset()

    def rows(self, where: str, record: Record) -> Iterator[Row]:
        """The rows of one record: one, or one per element of the expanded list.

        Raises:
            DataError: a text is null, not a text, or missing where other rows have it.
        """
        kept = {name: value for name, value in record.items() if name not in self._plan.dropped}
        for index in self._indices(where, record):
            texts = self._texts(where, record, index)
            if texts is None:
                continue
            self._check_sides(where, texts)
            extras = kept | {
                name: path.value(record, index) for name, path in self._plan.extras.items()
            }
            self._keep_list(record, extras)
            yield Row(texts, self._group(where, record, index, texts), extras, index)

    def _indices(self, where: str, record: Record) -> Iterator[int | None]:
        expand = self._plan.expand
        if expand is None:
            yield None
            return
        elements = expand.elements(record)
        if elements is not None and not isinstance(elements, list):
            raise DataError(
                f"{where}: column {expand.list_text!r} is not a list: {shorten(elements)}"
            )
        if not elements:
            self._notes.count(f"{expand.list_text!r} is empty; the record gives no row")
            return
        yield from range(len(elements))

    def _check_sides(self, where: str, texts: Texts) -> None:
        sides = texts.sides()
        if self.sides is None:
            self.sides = sides
            self.empty_sides = frozenset(sides)
        elif sides != self.sides:
            listed = " and ".join(self.sides) or "no text"
            raise DataError(
                f"{where}: this row has {' and '.join(sides) or 'no text'}, the rows before it "
                f"{listed}; choose the rows with where, or name the columns in schema"
            )
        if self.empty_sides:
            self.empty_sides = frozenset(x for x in self.empty_sides if not getattr(texts, x))

    def _keep_list(self, record: Record, extras: dict[str, Json]) -> None:
        path = self._plan.texts.get("response")
        if path is not None and not path.steps and path.to_list is None:
            value = record.get(path.root)
            if isinstance(value, list) and not is_turns(value) and path.root != "response":
                extras.setdefault(path.root, value)

    def _group(self, where: str, record: Record, index: int | None, texts: Texts) -> str | None:
        path = self._plan.group
        if path is None:
            dialogue = texts.prompt is not None and texts.prompt.startswith(HH_START)
            return texts.prompt if dialogue else texts.messages or texts.prompt
        value = path.value(record, index)
        if value is None or value == "":
            raise DataError(
                f"{where}: the group column {path.text!r} is empty; every row needs a group"
            )
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

    def _texts(self, where: str, record: Record, index: int | None) -> Texts | None:
        raw = {field: path.value(record, index) for field, path in self._plan.texts.items()}
        if self._plan.options is not None:
            pair = self._preferred(where, record, index)
            if pair is None:
                return None
            raw["chosen"], raw["rejected"] = pair
        before = self._conversation(where, raw)
        prompt = self._prompt(where, record, raw) if before is None else None
        if "system" in raw and raw["system"] not in (None, ""):
            system = Message("system", self._text(raw["system"], "system", where))
            asked = [Message("user", prompt)] if prompt is not None else []
            before = [system, *(before or asked)]
        if "chosen" in raw:
            return self._pair_texts(where, raw, before, prompt)
        if "response" in raw:
            answer = self._answer(where, raw["response"])
            return _finish(before, prompt, response=answer)
        if before and before[-1].role == "assistant":
            return _finish(before[:-1], prompt, response=before[-1].content)
        return _finish(before, prompt)

    def _preferred(self, where: str, record: Record, index: int | None) -> tuple[Json, Json] | None:
        assert self._plan.options is not None
        assert self._pair is not None
        first, second, label = (path.value(record, index) for path in self._plan.options)
        if same_value(label, self._pair.first):
            return first, second
        if same_value(label, self._pair.second):
            return second, first
        self._notes.count(
            f"left out: {self._pair.preferred!r} is neither {self._pair.first!r} nor "
            f"{self._pair.second!r} (it is {shorten(label)})"
        )
        return None

    def _conversation(self, where: str, raw: Mapping[str, Json]) -> list[Message] | None:
        if "messages" in raw:
            return read_turns(raw["messages"], where=where, column=self._column("messages"))
        if is_turns(raw.get("prompt")):
            return read_turns(raw["prompt"], where=where, column=self._column("prompt"))
        return None

    def _prompt(self, where: str, record: Record, raw: Mapping[str, Json]) -> str | None:
        if "prompt" not in raw:
            return None
        prompt = self._text(raw["prompt"], "prompt", where)
        second = self._plan.second_prompt
        if second is not None and (more := record.get(second)):
            prompt = f"{prompt}\n\n{self._plain(more, _Place(where, second), explicit=False)}"
        return prompt

    def _answer(self, where: str, value: Json) -> str:
        if is_turns(value):
            return read_turns(value, where=where, column=self._column("response"))[-1].content
        if isinstance(value, list) and value:
            self._notes.say(
                f"column {self._column('response')!r} holds lists; the first element is taken"
            )
            value = value[0]
        return self._text(value, "response", where)

    def _pair_texts(
        self, where: str, raw: Mapping[str, Json], before: list[Message] | None, prompt: str | None
    ) -> Texts | None:
        chosen, rejected = raw["chosen"], raw["rejected"]
        if is_turns(chosen) and is_turns(rejected):
            return self._pair_of_turns(where, chosen, rejected, before, prompt)
        chosen = self._text(chosen, "chosen", where)
        rejected = self._text(rejected, "rejected", where)
        if prompt is None and before is None and chosen.startswith(HH_START):
            return self._hh_pair(where, chosen, rejected)
        if before and before[-1].role == "assistant" and before[-1].content in (chosen, rejected):
            before = before[:-1]
        return _finish(before, prompt, chosen=chosen, rejected=rejected)

    def _pair_of_turns(
        self,
        where: str,
        chosen: Json,
        rejected: Json,
        before: list[Message] | None,
        prompt: str | None,
    ) -> Texts | None:
        first = read_turns(chosen, where=where, column=self._column("chosen"))
        second = read_turns(rejected, where=where, column=self._column("rejected"))
        if len(first) == len(second) == 1:
            return _finish(before, prompt, chosen=first[0].content, rejected=second[0].content)
        shared = shared_turns(first, second)
        if not shared or len(first) != len(shared) + 1 or len(second) != len(shared) + 1:
            self._notes.count("left out: the two conversations differ before their last turn")
            return None
        self._notes.say("the prompt is what the chosen and the rejected conversation share")
        if before and before[0].role == "system" and shared[0].role != "system":
            shared = [before[0], *shared]
        return _finish(shared, None, chosen=first[-1].content, rejected=second[-1].content)

    def _hh_pair(self, where: str, chosen: str, rejected: str) -> Texts:
        parts = split_hh(chosen, rejected)
        if parts is None:
            raise DataError(
                f"{where}: chosen and rejected share no prompt that ends in '\\n\\nAssistant:'"
            )
        self._notes.say(
            "the prompt is what the chosen and the rejected dialogue share, up to the last "
            "'\\n\\nAssistant:' (HH style)"
        )
        prompt, chosen, rejected = parts
        if HH_START in chosen or HH_START in rejected:
            self._notes.count(
                "the dialogues part before the last turn; an answer has further turns"
            )
        return _finish(None, prompt, chosen=chosen, rejected=rejected)

    def _column(self, field: str) -> str:
        path = self._plan.texts.get(field)
        if path is None and self._plan.options is not None:
            return " or ".join(option.text for option in self._plan.options[:2])
        return path.text if path is not None else field

    def _text(self, value: Json, field: str, where: str) -> str:
        explicit = field in self._plan.explicit or self._plan.options is not None
        text = self._plain(value, _Place(where, self._column(field)), explicit=explicit)
        if not text and field in ("response", "chosen", "rejected"):
            self._notes.count(f"the {field} is empty text")
        return text

    def _plain(self, value: Json, place: _Place, *, explicit: bool) -> str:
        if isinstance(value, str):
            return value
        if explicit and isinstance(value, int | float):
            self._notes.count(
                f"column {place.column!r} holds a number or truth value; taken as the text it is "
                "written as",
                thing="value",
            )
            return json.dumps(value)
        if value is None:
            raise DataError(
                f"{place.where}: column {place.column!r} is null; a text is needed "
                "(leave such rows out with where, or name another column in schema)"
            )
        raise DataError(f"{place.where}: column {place.column!r} is not a text: {shorten(value)}")


def _finish(
    before: list[Message] | None,
    prompt: str | None,
    *,
    response: str | None = None,
    chosen: str | None = None,
    rejected: str | None = None,
) -> Texts:
    messages = None
    if before is None and prompt is not None and prompt.startswith(HH_START):
        messages = messages_json(hh_turns(prompt))
    elif before:
        if prompt is None:
            asked = [turn.content for turn in before if turn.role == "user"]
            prompt = asked[-1] if asked else None
        if len(before) > 1 or before[0].role != "user":
            messages = messages_json(before)
    return Texts(prompt, response, chosen, rejected, messages)
