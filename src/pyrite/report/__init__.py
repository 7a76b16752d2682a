"""The report: data first (`report.json`), rendering last (`report.html`).

::

    run directory ──build()──► Report (sections of blocks, plain data) ──render──► report.html

A section is one file in `report/sections/`: it reads what a run left and returns a `Section`,
without blocks where the run has nothing of its kind. The renderer (`report/html/`) knows blocks,
not runs: a new section needs no line of HTML. Texts of data are plain strings in every block;
whoever renders them escapes them. This page is the contract.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pyrite.report._plain import plain
from pyrite.types import Json

__all__ = [
    "SCHEMA_VERSION",
    "Block",
    "Column",
    "ExploitCard",
    "Fact",
    "Facts",
    "Figure",
    "Level",
    "Notice",
    "Report",
    "Section",
    "Table",
    "Text",
    "TokenRewards",
]

SCHEMA_VERSION = 1

Level = Literal["good", "note", "warning", "bad"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _carried_by_json(cls, value: Json) -> Json:
        return plain(value)


class Text(_Frozen):
    """Paragraphs of plain text."""

    kind: Literal["text"] = "text"
    paragraphs: list[str]


class Notice(_Frozen):
    """One sentence that must not be overlooked; `cure` says what to do about it."""

    kind: Literal["notice"] = "notice"
    level: Level
    text: str
    cure: str = ""


class Fact(_Frozen):
    """A label and its value; `level` colours it, `note` explains it."""

    label: str
    value: str
    note: str = ""
    level: Level | None = None


class Facts(_Frozen):
    """What was audited, versions, checks: a definition list."""

    kind: Literal["facts"] = "facts"
    title: str = ""
    items: list[Fact]


class Column(_Frozen):
    """A column of a table.

    `number` cells are floats or None, `count` integers, `share` floats in 0..1, `interval`
    `[value, low, high]`; `long` is text that may be a megabyte, `text` a short one, `verdict` one
    of the verdicts' words.
    """

    name: str
    label: str
    type: Literal["text", "long", "number", "count", "share", "interval", "verdict"] = "text"
    unit: str = ""


class Table(_Frozen):
    """Rows that can be sorted and filtered.

    Attributes:
        total: rows that there are; where it is more than `rows`, `sampled` says how these were
            chosen.
    """

    kind: Literal["table"] = "table"
    id: str
    caption: str
    columns: list[Column]
    rows: list[list[Json]]
    total: int
    sampled: str = ""


class Figure(_Frozen):
    """A figure: plotly's JSON (`data`, `layout`) for the screen, a PNG for print and mail.

    Attributes:
        alt: what the figure shows, in words, with its main numbers.
        plotly: None where only the PNG is there.
        png: path relative to the run directory, or None.
    """

    kind: Literal["figure"] = "figure"
    id: str
    caption: str
    alt: str
    plotly: dict[str, Json] | None = None
    png: str | None = None


class ExploitCard(_Frozen):
    """One confirmed finding.

    Attributes:
        card: as `pyrite.exploits.card.card` made it.
        severity: 0 to 10, or None where it was not measured.
        command: reproduces it.
        variant_of: id of the card before it that this one only holds more than; "" for none.
    """

    kind: Literal["exploit"] = "exploit"
    id: str
    card: dict[str, Json]
    severity: float | None = None
    command: str = ""
    variant_of: str = ""


class TokenRewards(_Frozen):
    """A text token by token, and the reward read at each of them."""

    kind: Literal["tokens"] = "tokens"
    id: str
    caption: str
    tokens: list[str]
    rewards: list[float | None]


Block = Annotated[
    Text | Notice | Facts | Table | Figure | ExploitCard | TokenRewards,
    Field(discriminator="kind"),
]


class Section(_Frozen):
    """A part of the report: its heading, one or two sentences of what it says, and its blocks."""

    id: str
    title: str
    lead: str = ""
    blocks: list[Block]


class Report(_Frozen):
    """Everything that a reader sees; `report.json` is this, dumped.

    Attributes:
        run: the run's id (its plan's hash).
        command: what reproduces the run.
        verdict: three sentences at most: can the scores be trusted, what was found, what was not
            measured.
        also: what else was found, one sentence each.
    """

    schema_version: int = SCHEMA_VERSION
    title: str
    name: str
    run: str
    version: str
    made: str
    command: str
    verdict: list[str]
    also: list[str] = Field(default_factory=list)
    sections: list[Section]
