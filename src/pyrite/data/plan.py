"""Which column of a source means what: from the schema, else from well-known names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyrite.config.sections import DataSection
from pyrite.data import CANONICAL, Record
from pyrite.data.conversation import HH_START, is_turns, read_turns
from pyrite.data.notes import Notes
from pyrite.data.paths import ColumnPath, parse_path
from pyrite.errors import DataError
from pyrite.types import Json

__all__ = ["Plan", "columns_of", "make_plan"]

LOGICAL = {
    "prompt": "prompt",
    "question": "prompt",
    "response": "response",
    "answer": "response",
    "completion": "response",
    "chosen": "chosen",
    "rejected": "rejected",
    "messages": "messages",
    "system": "system",
}
"""Logical field of a schema -> what it is here."""

_PROMPTS = ("prompt", "question", "instruction", "query", "problem", "input", "user_input")
_ANSWERS = ("response", "answer", "completion", "output", "answers", "solution", "text")
_PAIRS = (
    ("chosen", "rejected"),
    ("chosen_response", "rejected_response"),
    ("response_chosen", "response_rejected"),
    ("winner", "loser"),
)
_CONVERSATIONS = ("messages", "conversations", "conversation")
_SYSTEMS = ("system", "system_prompt")


@dataclass(frozen=True, slots=True)
class Plan:
    """How a record becomes rows.

    Attributes:
        texts: `prompt`, `response`, `chosen`, `rejected`, `messages`, `system` -> path.
        extras: named extra column -> path.
        group: path of the unit of resampling; None: the prompt.
        explicit: the texts that the schema names (the others were detected).
        expand: a path of the list that becomes one row per element.
        second_prompt: column appended to the prompt (the `input` of instruction data).
        dropped: source columns that do not become an extra column.
        options: paths of a pair's two answers, and of the label that says which is better.
    """

    texts: Mapping[str, ColumnPath]
    extras: Mapping[str, ColumnPath]
    group: ColumnPath | None
    explicit: frozenset[str]
    expand: ColumnPath | None
    second_prompt: str | None
    dropped: frozenset[str]
    options: tuple[ColumnPath, ColumnPath, ColumnPath] | None


def columns_of(head: Sequence[Record]) -> list[str]:
    """The columns that the first records have, in order of appearance."""
    return list(dict.fromkeys(name for record in head for name in record))


def make_plan(section: DataSection, head: Sequence[Record], notes: Notes) -> Plan:
    """Decide what each column means, from the schema and the first records.

    Raises:
        DataError: the schema names a column that does not exist, or one field twice.
    """
    known = columns_of(head)
    texts, extras, group = _from_schema(section, head, known)
    explicit = frozenset(texts)
    options = _options(section, head, known)
    taken = {path.root for path in (*texts.values(), *(options or ()))}
    found = _detect(head, [x for x in known if x not in taken], texts, pairs=options is not None)
    texts |= {field: ColumnPath(text=name, root=name) for field, name in found.items()}
    second = _second_prompt(found, head, known)
    expand = _expanded([*texts.values(), *extras.values(), *([group] if group else [])])
    used = {
        path.root
        for path in (*texts.values(), *extras.values(), *(options or ())[:2])
        if path.to_list is not None or not path.steps
    }
    used |= {second} if second else set()
    dropped = frozenset({*used, *CANONICAL, *extras})
    _tell(notes, texts, extras, explicit, options, second)
    _tell_left_out(notes, known, used, extras, expand, head)
    return Plan(texts, extras, group, explicit, expand, second, dropped, options)


def _from_schema(
    section: DataSection, head: Sequence[Record], known: Sequence[str]
) -> tuple[dict[str, ColumnPath], dict[str, ColumnPath], ColumnPath | None]:
    texts: dict[str, ColumnPath] = {}
    extras: dict[str, ColumnPath] = {}
    group = section.group
    for logical, text in section.columns.items():
        key = f"schema.{logical}"
        if logical == "row_id":
            raise DataError(f"{key}: rows are numbered by the program; choose another name")
        if logical == "group":
            group = group or text
            continue
        path = _existing(parse_path(text, known, key=key), head, key)
        field = LOGICAL.get(logical)
        if field is None:
            extras[logical] = path
        elif field in texts:
            raise DataError(f"{key}: the schema already names a {field} ({texts[field].text!r})")
        else:
            texts[field] = path
    for one, other in (("chosen", "rejected"), ("rejected", "chosen")):
        if one in texts and other not in texts:
            raise DataError(f"schema.{one}: a pair needs schema.{other} too")
    if group is None or group in extras:
        return texts, extras, extras.get(group) if group else None
    named = texts.get(LOGICAL.get(group, "")) if group not in known else None
    return texts, extras, named or _existing(parse_path(group, known, key="group"), head, "group")


def _existing(path: ColumnPath, head: Sequence[Record], key: str) -> ColumnPath:
    if not path.exists(head):
        keys = _keys_below(path, head)
        shown = f"; below {path.root!r} are: {', '.join(keys[:10])}" if keys else ""
        raise DataError(f"{key}: no row has {path.text!r}{shown}")
    return path


def _keys_below(path: ColumnPath, head: Sequence[Record]) -> list[str]:
    below: Json = path.elements(head[0]) if path.to_list is not None else head[0].get(path.root)
    if isinstance(below, list) and below:
        below = below[0]
    return sorted(map(str, below)) if isinstance(below, dict) else []


def _options(
    section: DataSection, head: Sequence[Record], known: Sequence[str]
) -> tuple[ColumnPath, ColumnPath, ColumnPath] | None:
    if section.pair is None:
        return None
    names = (*section.pair.options, section.pair.preferred)
    keys = ("pair.options", "pair.options", "pair.preferred")
    first, second, label = (
        _existing(parse_path(name, known, key=key), head, key)
        for name, key in zip(names, keys, strict=True)
    )
    return first, second, label


def _expanded(paths: Sequence[ColumnPath]) -> ColumnPath | None:
    lists = {path.list_text: path for path in paths if path.to_list is not None}
    if len(lists) > 1:
        raise DataError(f"schema: only one list can be expanded into rows, not {sorted(lists)}")
    return next(iter(lists.values()), None)


def _detect(
    head: Sequence[Record], free: list[str], texts: Mapping[str, ColumnPath], *, pairs: bool
) -> dict[str, str]:
    """Text field -> column, for the sides (asking, answering) that the schema does not name."""
    found: dict[str, str] = {}
    text = [name for name in free if _is_text(name, head)]
    turns = [name for name in free if is_turns(_first(name, head))]
    if not pairs and not {"response", "chosen"} & set(texts):
        usable = {*text, *turns}
        pair = next((x for x in _PAIRS if usable.issuperset(x)), None)
        if pair:
            found |= {"chosen": pair[0], "rejected": pair[1]}
    if not {"prompt", "messages"} & set(texts):
        candidates = [x for x in text if x not in found.values()]
        name = next((x for x in _CONVERSATIONS if x in turns), None)
        whole = "chosen" in found and _is_whole(_first(found["chosen"], head))
        if name and not whole:
            found["messages"] = name
        else:
            name = next((x for x in _PROMPTS if x in candidates or x in turns), None)
            if name:
                found["prompt"] = name
    if "system" not in texts and {"prompt", "messages"} & {*texts, *found}:
        name = next((x for x in _SYSTEMS if x in text), None)
        if name:
            found["system"] = name
    if not pairs and not {"response", "chosen"} & {*texts, *found}:
        name = next(
            (x for x in _ANSWERS if x not in found.values() and (x in text or _is_list(x, head))),
            None,
        )
        if name and not _ends_in_answer(_conversation(head, texts, found)):
            found["response"] = name
    return found


def _conversation(
    head: Sequence[Record], texts: Mapping[str, ColumnPath], found: Mapping[str, str]
) -> Json:
    path = texts.get("messages") or texts.get("prompt")
    if path is not None:
        return path.value(head[0], 0)
    name = found.get("messages") or found.get("prompt")
    return _first(name, head) if name else None


def _ends_in_answer(value: Json) -> bool:
    """Whether a conversation brings its own answer."""
    if not is_turns(value):
        return False
    return read_turns(value[-1:], where="", column="")[0].role == "assistant"


def _first(name: str, head: Sequence[Record]) -> Json:
    return next((record[name] for record in head if record.get(name) is not None), None)


def _is_text(name: str, head: Sequence[Record]) -> bool:
    return isinstance(_first(name, head), str)


def _is_list(name: str, head: Sequence[Record]) -> bool:
    value = _first(name, head)
    return is_turns(value) or (
        isinstance(value, list) and bool(value) and isinstance(value[0], str)
    )


def _is_whole(chosen: Json) -> bool:
    """Whether an answer column holds the whole conversation, the prompt included."""
    if isinstance(chosen, str):
        return chosen.startswith(HH_START)
    return isinstance(chosen, list) and len(chosen) > 1


def _second_prompt(
    found: Mapping[str, str], head: Sequence[Record], known: Sequence[str]
) -> str | None:
    instructed = found.get("prompt") == "instruction" and "input" in known
    return "input" if instructed and _is_text("input", head) else None


def _tell(
    notes: Notes,
    texts: Mapping[str, ColumnPath],
    extras: Mapping[str, ColumnPath],
    explicit: frozenset[str],
    options: tuple[ColumnPath, ColumnPath, ColumnPath] | None,
    second: str | None,
) -> None:
    for field, path in texts.items():
        how = "" if field in explicit else " (detected; the schema does not name it)"
        notes.say(f"{field} is column {path.text!r}{how}")
    if second:
        notes.say(
            f"column {second!r} is appended to the prompt after a blank line, where it has text"
        )
    if options:
        first, other, label = (path.text for path in options)
        notes.say(f"chosen and rejected are columns {first!r} and {other!r}, decided by {label!r}")
    for name, path in extras.items():
        notes.say(f"column {name!r} is {path.text!r}")
    if not texts and not options:
        notes.say("no text column was found: the rows hold only the source's own columns")


def _tell_left_out(
    notes: Notes,
    known: Sequence[str],
    used: set[str],
    extras: Mapping[str, ColumnPath],
    expand: ColumnPath | None,
    head: Sequence[Record],
) -> None:
    for name in known:
        if name not in used and (name in CANONICAL or name in extras):
            notes.say(f"the source's own column {name!r} is left out: the name is taken")
    if expand is None:
        return
    others = [x for x in _keys_below(expand, head) if x not in _leaves(extras)]
    shown = f"; of its elements only what the schema names is kept ({', '.join(others)} may be)"
    notes.say(f"one row per element of {expand.list_text!r}{shown if others else ''}")


def _leaves(extras: Mapping[str, ColumnPath]) -> set[str]:
    return {str(path.steps[-1]) for path in extras.values() if path.steps}
