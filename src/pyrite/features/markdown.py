"""Markdown: what a reader would see as lists, headings, bold, code, links and tables.

Lines inside fenced code are code, whatever they look like, and count for nothing else. Read after
CommonMark 0.31 where it is said; every pattern is tried once per line and never backtracks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pyrite.features import Feature
from pyrite.features._text import ratio

__all__ = [
    "HasList",
    "MarkdownShare",
    "NumBold",
    "NumCodeBlocks",
    "NumHeadings",
    "NumInlineCode",
    "NumLinks",
    "NumListItems",
    "NumTableRows",
    "NumUrls",
]

_FENCE = re.compile(r" {0,3}+(`{3,}+|~{3,}+)")
_LIST_ITEM = re.compile(r"[ \t>]*+(?:[-*+•]|\d{1,9}+[.)])[ \t]++\S")
_RULE = re.compile(r"[ \t]*+([-*_])(?:[ \t]*+\1){2,}+[ \t]*+\Z")
_HEADING = re.compile(r" {0,3}+#{1,6}+[ \t]++\S")
_QUOTE = re.compile(r" {0,3}+>")
_TABLE_RULE = re.compile(r"[|:\- \t]*+\Z")
_BOLD = re.compile(r"\*\*(?=[^\s*])(?:[^*\n]|\*(?!\*))++(?<=\S)\*\*")
_INLINE_CODE = re.compile(r"(?<!`)`(?!`)[^`\n]++`(?!`)")
_LINK = re.compile(r"(?<!!)\[[^\[\]\n]*+\]\((?=[^\s)])")
_URL = re.compile(r"(?<![a-z])https?://[^\s/]|(?<![\w./])www\.\w", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Parts:
    """A text by lines: `prose` outside of fenced code, and how much code there is."""

    prose: list[str]
    code_blocks: int = 0
    code_lines: int = 0


def split_code(text: str) -> Parts:
    """Take fenced code out; a fence that is never closed runs to the end (CommonMark 4.5)."""
    lines = text.split("\n")
    if "```" not in text and "~~~" not in text:
        return Parts(lines)
    prose: list[str] = []
    blocks = code_lines = 0
    fence = ""
    for line in lines:
        if fence:
            code_lines += bool(line.strip())
            bare = line.strip()
            if bare.startswith(fence) and not bare.strip(fence[0]):
                fence = ""
            continue
        opening = _FENCE.match(line)
        # A backtick after backticks makes them inline code, not a fence.
        if opening and not (opening[1][0] == "`" and "`" in line[opening.end() :]):
            fence = opening[1]
            blocks += 1
            code_lines += 1
        else:
            prose.append(line)
    return Parts(prose, blocks, code_lines)


def is_list_item(line: str) -> bool:
    """A bullet or number, a space and something; `* * *` is a rule and not an item."""
    return _LIST_ITEM.match(line) is not None and _RULE.match(line) is None


def is_heading(line: str) -> bool:
    """One to six `#`, a space and something."""
    return _HEADING.match(line) is not None


def is_table_row(line: str) -> bool:
    """Starts and ends with `|`; the rule below the head is not a row."""
    line = line.strip()
    framed = len(line) > 2 and line[0] == "|" and line[-1] == "|"
    return framed and _TABLE_RULE.match(line) is None


def is_markup(line: str) -> bool:
    """Whether a line of prose is a list item, heading, quote, rule or part of a table."""
    bare = line.strip()
    return bool(
        is_list_item(line)
        or is_heading(line)
        or _QUOTE.match(line)
        or _RULE.match(line)
        or (len(bare) > 2 and bare[0] == "|" and bare[-1] == "|")
    )


class NumListItems(Feature):
    """Number of list items, bulleted (- * + •) or numbered (1. 1)) [items]."""

    unit = "items"

    def measure(self, text: str) -> float:
        """Outside fenced code; nested and quoted items count."""
        return sum(map(is_list_item, split_code(text).prose))


class HasList(Feature):
    """Whether there are at least two list items [0 or 1]."""

    unit = "0 or 1"

    def measure(self, text: str) -> float:
        """One line that begins with a dash is no list."""
        return sum(map(is_list_item, split_code(text).prose)) >= 2


class NumHeadings(Feature):
    """Number of headings: lines that start with one to six # [headings]."""

    unit = "headings"

    def measure(self, text: str) -> float:
        """Outside fenced code; underlined headings are not seen."""
        return sum(map(is_heading, split_code(text).prose))


class NumBold(Feature):
    """Number of passages in **double asterisks** [passages]."""

    unit = "passages"

    def measure(self, text: str) -> float:
        """On one line, outside fenced code; `__bold__` is not counted, it is often a name."""
        if "**" not in text:
            return 0
        return len(_BOLD.findall("\n".join(split_code(text).prose)))


class NumInlineCode(Feature):
    """Number of passages in `single backticks` [passages]."""

    unit = "passages"

    def measure(self, text: str) -> float:
        """On one line, outside fenced code."""
        if "`" not in text:
            return 0
        return len(_INLINE_CODE.findall("\n".join(split_code(text).prose)))


class NumCodeBlocks(Feature):
    """Number of fenced code blocks, open ones included [blocks]."""

    unit = "blocks"

    def measure(self, text: str) -> float:
        """Fences of backticks or tildes; code by indentation is not seen."""
        return split_code(text).code_blocks


class NumLinks(Feature):
    """Number of links written as [text](target); images are none [links]."""

    unit = "links"

    def measure(self, text: str) -> float:
        """Outside fenced code."""
        if "](" not in text:
            return 0
        return len(_LINK.findall("\n".join(split_code(text).prose)))


class NumUrls(Feature):
    """Number of addresses: http://, https:// or www., inside links too [addresses]."""

    unit = "addresses"

    def measure(self, text: str) -> float:
        """Anywhere in the text, code included."""
        return len(_URL.findall(text))


class NumTableRows(Feature):
    """Number of table rows: lines framed by |, the head included, its rule not [rows]."""

    unit = "rows"

    def measure(self, text: str) -> float:
        """Outside fenced code."""
        if "|" not in text:
            return 0
        return sum(map(is_table_row, split_code(text).prose))


class MarkdownShare(Feature):
    """Lines that are list, heading, table, quote, rule or code / lines not blank [share of lines].

    Bold, links and inline code do not make a line markup.
    """

    unit = "share of lines"

    def measure(self, text: str) -> float:
        """NaN for a text without a line that is not blank."""
        parts = split_code(text)
        marked = sum(map(is_markup, parts.prose)) + parts.code_lines
        filled = sum(1 for line in parts.prose if line and not line.isspace()) + parts.code_lines
        return ratio(marked, filled)
