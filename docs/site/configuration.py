"""Writes docs/configuration.md from the types: `python docs/site/configuration.py`.

Nothing in that page is written by hand; a test compares it with what this gives.
"""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from pyrite.component import Family
from pyrite.config import sections
from pyrite.executors import EXECUTORS
from pyrite.models import MODELS
from pyrite.trackers import TRACKERS

PAGE = Path(__file__).parents[1] / "configuration.md"

HEAD = """# Configuration

<!-- Written by docs/site/configuration.py from the types; do not edit. -->

Every key of an experiment file, from the types that read it. `pyrite schema` prints the same as a
JSON Schema for your editor. A section may be one mapping or a list of them; the order of sections
does not matter. Texts may hold `${NAME}` and `${NAME:-default}` from the environment.
"""

PARTS = (
    ("data", sections.DataSection, "Rows, and which columns mean what."),
    ("query", sections.QuerySection, "A model asked for the scores of data."),
    ("analyze", sections.AnalyzeSection, "What goes with the scores of one or several queries."),
    ("exploit", sections.ExploitSection, "Edits and searches, proved on held-out prompts."),
)
FAMILIES = (
    ("track", TRACKERS, "Where a run is shown beside its folder: a name, or a list of them."),
    ("engine", EXECUTORS, "Where rows are scored; no score depends on it."),
)
COMMON = {
    "id": "name of the section; others refer to it",
    "requires": "names of the sections that it works on",
    "seed": "of every random choice",
    "device": "`auto`, `cpu`, `cuda`, `cuda:1`, ...",
    "dtype": "precision that is kept",
    "sha256": "what the file's checksum must be",
    "message": "how a row becomes the text that is scored",
    "tokenizer": "truncation, as the query asks for it",
    "entrypoint": "kind of model, as in the model section; not needed",
    "job_type": "shown by trackers",
}
"""Keys that mean the same everywhere, for fields that say nothing themselves."""


def page() -> str:
    """The whole page."""
    pieces = [HEAD, "## The file itself\n", table(sections.Settings), "\n## model\n"]
    pieces.append(
        "\n`entrypoint` says which kind of model it is (`./file.py:Name` for one of your own); "
        "every kind has its own keys. Without it, it is a `RewardModel`.\n"
    )
    pieces += list(family(MODELS))
    for name, cls, said in PARTS:
        pieces.append(f"\n## {name}\n\n{said}\n\n{table(cls)}")
        pieces += [f"\n### {name}: {inner.__name__}\n\n{summary(inner)}\n\n{table(inner)}"
                   for inner in inside(cls)]  # fmt: skip
    for name, components, said in FAMILIES:
        pieces += [f"\n## {name}\n\n{said}\n", *family(components)]
    return "\n".join(re.sub(r"\n{3,}", "\n\n", piece).strip("\n") + "\n" for piece in pieces)


def family(components: Family) -> Iterator[str]:
    """All components of a family, each with its keys."""
    for listing in components.listings():
        cls = components.get(listing.name)
        yield f"\n### {listing.name}\n\n{summary(cls)}\n\n{table(cls)}"


def summary(cls: type[BaseModel]) -> str:
    """The first paragraph of a class's docstring."""
    text = (inspect.getdoc(cls) or "").split("\n\n")[0]
    return " ".join(text.split()).replace("::", ":").rstrip(":")


def table(cls: type[BaseModel]) -> str:
    """Keys, types, defaults and meanings; a sentence where there is nothing to set."""
    rows = [row(name, field, attributes(cls)) for name, field in cls.model_fields.items()]
    rows = [one for one in rows if not one.startswith("| `entrypoint` |")]
    if not rows:
        return "No keys.\n"
    return "\n".join(["| key | value | default | |", "|---|---|---|---|", *rows]) + "\n"


def row(name: str, field: FieldInfo, said: dict[str, str]) -> str:
    """One key."""
    meaning = field.description or said.get(name) or COMMON.get(name, "")
    cells = [f"`{field.alias or name}`", kind(field.annotation), default(field), meaning]
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def default(field: FieldInfo) -> str:
    """The default as YAML would have it; `required` where there is none."""
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    return "" if value is PydanticUndefined else f"`{plain(value)}`"


def plain(value: Any) -> str:
    """A default value on one line."""
    if isinstance(value, BaseModel):
        changed = value.model_dump(exclude_defaults=True)
        return plain(changed) if changed else "{}"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {plain(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(plain, value)) + "]"
    if isinstance(value, Enum):
        return str(value.value)
    return {None: "null", True: "true", False: "false"}.get(value, str(value)) if (
        value is None or isinstance(value, bool)) else str(value)  # fmt: skip


def kind(annotation: Any) -> str:
    """A type in words."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is typing.Annotated:
        return kind(arguments[0])
    if origin is Literal:
        return ", ".join(f"`{plain(value)}`" for value in arguments)
    if origin in (Union, types.UnionType):
        named = [kind(x) for x in arguments if x is not type(None)]
        return " or ".join(dict.fromkeys([*named, *(["null"] if type(None) in arguments else [])]))
    if origin in (list, tuple, frozenset, set):
        inner = [kind(x) for x in arguments if x is not Ellipsis]
        return f"list of {inner[0] if len(set(inner)) == 1 else ', '.join(inner)}"
    if origin is dict or annotation is dict:
        return f"mapping to {kind(arguments[1])}" if arguments else "mapping"
    if isinstance(annotation, typing.ForwardRef):
        annotation = getattr(sections, annotation.__forward_arg__)
    words = {str: "text", int: "whole number", float: "number", bool: "true or false", Any: "any"}
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"mapping ({annotation.__name__})"
    return words.get(annotation, str(getattr(annotation, "__name__", annotation)))


def inside(cls: type[BaseModel]) -> list[type[BaseModel]]:
    """The sections that a section's keys hold, each once, in order of appearance."""
    found: dict[type[BaseModel], None] = {}

    def look(annotation: Any) -> None:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            if annotation not in found:
                found[annotation] = None
                for field in annotation.model_fields.values():
                    look(field.annotation)
            return
        for argument in get_args(annotation):
            look(argument)

    for field in cls.model_fields.values():
        look(field.annotation)
    return list(found)


def attributes(cls: type[BaseModel]) -> dict[str, str]:
    """What the `Attributes:` part of a docstring says of each field."""
    _, _, text = (inspect.getdoc(cls) or "").partition("Attributes:\n")
    found = re.findall(r"^    (\w+): ((?:.|\n        )*)", text, re.MULTILINE)
    return {name: " ".join(said.split()).rstrip(".") for name, said in found}


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
