"""Values as YAML on one line, so that any name of a column or file reads back as it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from textwrap import wrap

from pyrite.config.environment import escape
from pyrite.escape import shortened
from pyrite.types import Json

__all__ = ["comment", "comments", "flow"]

_PLAIN = re.compile(r"(\.{0,2}/)?[A-Za-z_][A-Za-z0-9_./\-]*(?<![.:])")
_WORDS = {"null", "true", "false", "yes", "no", "on", "off", "none", "default", "y", "n"}
_SHOWN = 90


def flow(value: Json) -> str:
    """A text, number, list or mapping in flow style."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{flow(key)}: {flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else _scalar(str(value))


def _scalar(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return '"' + "".join(map(_escaped, escape(text))) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\U{code:08x}" if code > 0xFFFF else f"\\u{code:04x}"


def comment(text: str) -> str:
    """Any text as one line of a comment of bounded length."""
    return shortened(text, _SHOWN)


def comments(text: str) -> list[str]:
    """Any text as comment lines of bounded length."""
    return [f"# {line}" for line in wrap(shortened(text), _SHOWN)]
