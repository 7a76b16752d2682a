"""Tables of the page: every cell formatted here, once, for the static rows and for the script."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from pyrite.report import Column, Table
from pyrite.report.html import numbers
from pyrite.report.html.texts import clip, first_line, visible
from pyrite.report.html.words import VERDICTS, verdict_words
from pyrite.types import Json

__all__ = ["PAGE", "Cell", "TableView", "inert_json", "text_limit", "view"]

PAGE = 25
"""Rows on one page of a table."""
MOST_WITHOUT_SCRIPT = 500
WORDY = 30
"""Characters of a text from which its column is given room."""
SHORT = 100
"""Characters up to which a long text stands unfolded."""
MOST_TEXT = 20_000
ALL_TEXTS = 6_000_000
"""Characters of all long texts of a page together."""
NUMERIC = ("number", "count", "share", "interval")


@dataclass(frozen=True, slots=True)
class Cell:
    """What is shown, and what it is sorted by: a number, or a lower-case text, or nothing."""

    shown: str
    key: float | str | None
    kind: str

    @property
    def folded(self) -> bool:
        """Whether only its first line shows until it is opened."""
        return self.kind == "long" and (len(self.shown) > SHORT or "\n" in self.shown)

    @property
    def excerpt(self) -> str:
        """Its first line."""
        return first_line(self.shown)


@dataclass(frozen=True)
class TableView:
    """A table ready for the template.

    Attributes:
        id: unique on the page.
        classes: of the cells of each column, for its width and alignment.
        rows: all rows, formatted.
        verdicts: the values of its first column of verdicts, for the filter.
    """

    id: str
    caption: str
    columns: Sequence[Column]
    classes: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    total: int
    sampled: str
    verdicts: Sequence[str]

    @property
    def texts(self) -> bool:
        """Whether a column holds long texts."""
        return any(column.type == "long" for column in self.columns)

    @property
    def shown(self) -> Sequence[Sequence[Cell]]:
        """Rows of the first page."""
        return self.rows[:PAGE]

    @property
    def rest(self) -> Sequence[Sequence[Cell]]:
        """Further rows for readers without a script."""
        return self.rows[PAGE:MOST_WITHOUT_SCRIPT]

    @property
    def beyond(self) -> int:
        """Rows that only the script can show."""
        return max(0, len(self.rows) - MOST_WITHOUT_SCRIPT)

    @property
    def script(self) -> Markup:
        """The rows as inert JSON: a text, or [shown, number] where the order is a number's."""
        return inert_json(
            {
                "page": PAGE,
                "short": SHORT,
                "kinds": [column.type for column in self.columns],
                "classes": self.classes,
                "levels": dict(VERDICTS),
                "rows": [[_packed(cell) for cell in row] for row in self.rows],
            }
        )


def _packed(cell: Cell) -> Json:
    return [cell.shown, cell.key] if cell.kind in NUMERIC else cell.shown


def view(table: Table, *, id: str, limit: int) -> TableView:
    """Formats a table; `limit` is the number of characters kept of a long text."""
    places = [_places(table, at) for at, _ in enumerate(table.columns)]
    rows = [
        [
            _cell(column, value, decimals, limit)
            for column, value, decimals in zip(
                table.columns, _filled(row, len(table.columns)), places, strict=True
            )
        ]
        for row in table.rows
    ]
    at = next((at for at, column in enumerate(table.columns) if column.type == "verdict"), None)
    verdicts = [] if at is None else list(dict.fromkeys(row[at].shown for row in rows))
    return TableView(
        id=id,
        caption=table.caption,
        columns=table.columns,
        classes=[
            _class(column, [row[at] for row in rows]) for at, column in enumerate(table.columns)
        ],
        rows=rows,
        total=max(table.total, len(rows)),
        sampled=table.sampled,
        verdicts=[verdict for verdict in verdicts if verdict != numbers.MISSING],
    )


def _class(column: Column, cells: Sequence[Cell]) -> str:
    wordy = column.type == "text" and any(len(cell.shown) > WORDY for cell in cells)
    return f"{column.type} wordy" if wordy else column.type


def _filled(row: Sequence[Json], width: int) -> list[Json]:
    return [*row[:width], *[None] * (width - len(row))]


def _places(table: Table, at: int) -> int:
    column = table.columns[at]
    cells = [row[at] for row in table.rows if at < len(row)]
    if column.type == "number":
        values = [numbers.as_number(cell) for cell in cells]
        whole = all(x is None or x == int(x) for x in values) and any(values)
        return 0 if whole else numbers.decimals(values)
    if column.type == "interval":
        middles = [numbers.as_number(cell[0]) for cell in cells if isinstance(cell, list) and cell]
        return numbers.decimals(middles)
    return 0


def _cell(column: Column, value: Json, places: int, limit: int) -> Cell:
    kind = column.type
    if value is None:
        return Cell(numbers.MISSING, None, kind)
    if kind in NUMERIC:
        return _numeric(kind, value, places)
    text = value if isinstance(value, str) else _spelled(value)
    if kind == "verdict":
        return Cell(visible(verdict_words(text)), text, kind)
    text = visible(clip(text, limit))
    return Cell(text, text[:200].lower(), kind)


def _numeric(kind: str, value: Json, places: int) -> Cell:
    if isinstance(value, str):
        return Cell(visible(clip(value, MOST_TEXT)), None, kind)
    if kind == "interval":
        first = value[0] if isinstance(value, list) and value else None
        return Cell(numbers.interval(value, places), numbers.as_number(first), kind)
    made = {"count": numbers.count, "share": numbers.share}.get(kind)
    shown = made(value) if made else numbers.number(value, places)
    return Cell(shown, numbers.as_number(value), kind)


def _spelled(value: Json) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return json.dumps(value, ensure_ascii=False, default=str)


def text_limit(tables: Iterable[Table]) -> int:
    """Characters of a long text such that all of them together stay within `ALL_TEXTS`."""
    lengths = [
        len(cell)
        for table in tables
        for row in table.rows
        for cell in row
        if isinstance(cell, str) and len(cell) > SHORT
    ]
    limit = MOST_TEXT
    while limit > SHORT and sum(min(length, limit) for length in lengths) > ALL_TEXTS:
        limit //= 2
    return limit


_ACTIVE = re.compile("[<>&\u2028\u2029]")


def inert_json(value: Json) -> Markup:
    """JSON that ends no script element, whatever its texts hold."""
    made = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(_ACTIVE.sub(lambda found: f"\\u{ord(found[0]):04x}", made))
