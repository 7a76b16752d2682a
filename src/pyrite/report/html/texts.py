"""Texts of data made safe to look at: what cannot be seen is spelled out, what is long is cut."""

from __future__ import annotations

import re

__all__ = ["clip", "first_line", "prose", "visible"]

_UNSEEN = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters but tab and line feed
    "\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0"  # soft hyphen, fillers
    "\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # zero width, bidi controls
    "\ufe00-\ufe0e\U000e0000-\U000e0fff"  # selectors and tags, in which texts can be hidden
    "\ud800-\udfff\ufffe\uffff"  # what UTF-8 cannot carry
    "]"
    # Joiners belong between letters of some scripts and inside emoji; anywhere else they hide.
    "|(?<![^\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f])"
)
_MINUS = re.compile(r"(?:(?<=[\s\[(=])|^)-(?=\d+\.\d)")
_STACKED = re.compile(
    "([\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]{4})"
    "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]+"
)


def visible(text: str) -> str:
    """The text with every character that cannot be seen, or turns others round, as `⟨U+202E⟩`.

    Line ends become line feeds, and marks stacked on one letter beyond four become `⟨marks⟩`.
    """
    if text.isascii() and text.isprintable():
        return text
    text = _UNSEEN.sub(_spelled, text.replace("\r\n", "\n"))
    return _STACKED.sub(lambda found: f"{found[1]}⟨marks⟩", text)


def _spelled(found: re.Match[str]) -> str:
    return f"⟨U+{ord(found[0]):04X}⟩"


def prose(text: str) -> str:
    """A sentence of the report's own with a true minus before its numbers, as in its tables."""
    return _MINUS.sub("\u2212", text)


def clip(text: str, limit: int) -> str:
    """The first `limit` characters, and a plain statement of how many were left out."""
    left = len(text) - limit
    return text if left <= 0 else f"{text[:limit]} … [{left:,} more characters are not shown]"


def first_line(text: str, limit: int = 90) -> str:
    """The beginning of a text on one line."""
    line = " ".join(text[: 4 * limit].split())
    return line if len(line) <= limit and len(text) <= 4 * limit else f"{line[:limit].rstrip()} …"
