"""Texts of data inside what Pyrite prints and writes: hostile until they are spelled out.

One function for each place that a text goes to. All of them keep what can be read and change what
could be understood as something else than text.
"""

from __future__ import annotations

import html
import re

__all__ = [
    "github_message",
    "github_property",
    "lines",
    "markdown",
    "one_line",
    "shortened",
    "xml_text",
]

_MARKS = frozenset("|`*_[]#~\\!$@")
_INTERVAL = re.compile(r"&#91;([-+0-9., ]+)&#93;(?![(\[:]|&#)")
"""`[0.27, 0.35]` is no link unless one of these follows, and is read in plain Markdown too."""
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def one_line(text: str) -> str:
    """A text in one line of a terminal: control and direction characters are spelled out."""
    return "".join(char if char.isprintable() else _spelled(char) for char in text)


def lines(text: str) -> str:
    """A message of several lines on a terminal: as `one_line`, but line ends and tabs stay."""
    return "".join(c if c.isprintable() or c in "\n\t" else _spelled(c) for c in text)


def shortened(text: str, most: int | None = None) -> str:
    """A text as one line, of at most `most` characters; what cannot be printed is a space."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if most is None or len(line) <= most else f"{line[: most - 1]}…"


def markdown(text: str) -> str:
    """A text inside a line or a cell of Markdown: no character of it means anything there."""
    safe = html.escape(one_line(text), quote=False)
    safe = "".join(f"&#{ord(char)};" if char in _MARKS else char for char in safe)
    safe = safe.replace("://", ":&#47;&#47;")  # else addresses become links
    return _INTERVAL.sub(r"[\1]", safe)


def xml_text(text: str) -> str:
    """A text without the characters that XML 1.0 does not have, not even escaped; each is U+FFFD.

    Escaping `<`, `&` and quotes is left to whoever writes the XML.
    """
    return _NOT_XML.sub("\ufffd", text)


def github_message(text: str) -> str:
    """The message of a GitHub workflow command (`::error::MESSAGE`)."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def github_property(text: str) -> str:
    """The value of a property of a workflow command (`::error title=VALUE::`)."""
    return github_message(text).replace(":", "%3A").replace(",", "%2C")


def _spelled(char: str) -> str:
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")
