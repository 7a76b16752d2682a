"""Which columns a target is analysed with: features of its text, data columns, embeddings.

`of: auto` means the text whose score the target is: on single rows the response (the question
where rows have no response); on pairs the chosen text for `chosen_...`, the rejected text for
`rejected_...`, and chosen minus rejected for everything that compares the two (`margin`, `loss`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from pyrite.analysis.measure import Measurement
from pyrite.component import nearest
from pyrite.config.sections import Compute
from pyrite.errors import AnalysisError

if TYPE_CHECKING:
    from pyrite.tables import QueryTable

__all__ = ["EMBEDDING", "Scalar", "TableColumns", "Text", "column_name", "sides_of", "text_of"]

Text = Literal["question", "response", "chosen", "rejected", "difference"]

EMBEDDING = "embedding"


@dataclass(frozen=True, slots=True)
class Scalar:
    """A numeric column to analyse: float64 [rows]; `text` is "" for a column of the data."""

    name: str
    unit: str
    text: str
    values: np.ndarray


def text_of(table: QueryTable, target: str) -> Text:
    """The text whose score `target` is."""
    if not table.pairs:
        return "response" if "response" in table.sides else "question"
    if target.startswith("chosen"):
        return "chosen"
    return "rejected" if target.startswith("rejected") else "difference"


def item_text(item: Compute, table: QueryTable, target: str) -> Text:
    """The text on which `item` is measured when it is set against `target`."""
    if item.of != "auto":
        return item.of
    return "question" if item.name == "question_length" else text_of(table, target)


def sides_of(text: Text) -> tuple[str, ...]:
    """The sides of a table that a text is made of."""
    if text == "difference":
        return ("chosen", "rejected")
    return ("prompt",) if text == "question" else (text,)


def column_name(item: Compute, text: Text) -> str:
    """`response_num_words`; a name that says its text already stays (`question_length`)."""
    return item.id if item.id.startswith(f"{text}_") else f"{text}_{item.id}"


class TableColumns:
    """Names to columns, for one query.

    Args:
        table: the query.
        items: what the experiment asks to compute.
        measured: the scalar features that were computed, by column name.

    `embedded` keeps the vectors of (embedding, side) that were made on the way.
    """

    def __init__(
        self, table: QueryTable, items: Sequence[Compute], measured: dict[str, Measurement]
    ) -> None:
        self.table = table
        self.items = tuple(items)
        self.measured = measured
        self.embedded: dict[tuple[str, str], np.ndarray] = {}

    def features(self, target: str) -> list[Scalar]:
        """Every computed feature that belongs to `target`."""
        names = []
        for item in self.items:
            name = column_name(item, item_text(item, self.table, target))
            if item.name != EMBEDDING and name in self.measured:
                names.append(name)
        return [self._scalar(name) for name in dict.fromkeys(names)]

    def embedding(self, name: str) -> Compute | None:
        """The embedding that `name` means, by id or as plain `embedding`.

        Raises:
            AnalysisError: it means several.
        """
        found = [x for x in self.items if x.name == EMBEDDING and name in (x.id, x.name)]
        return _only(found, name)

    def scalar(self, name: str, target: str) -> Scalar | None:
        """The column that `name` means for `target`; None where this query could not measure it.

        Raises:
            AnalysisError: nothing has this name, or several features have.
        """
        if name in self.measured:
            return self._scalar(name)
        item = _only([x for x in self.items if name == x.id], name)
        item = item or _only([x for x in self.items if name == x.name], name)
        if item is not None and item.name != EMBEDDING:
            column = column_name(item, item_text(item, self.table, target))
            return self._scalar(column) if column in self.measured else None
        for column in (name, f"{text_of(self.table, target)}_{name}"):
            if column in self.table.columns or column in self.table.targets:
                return Scalar(column, "", "", self.table.numbers(column))
        if any(name == column_name(x, t) for x in self.items for t in _TEXTS):
            return None
        raise AnalysisError(
            f"{self.table.id}: no computed feature and no column is called {name!r} "
            f"({nearest(name, self.known())})"
        )

    def known(self) -> list[str]:
        """All names that may be used as x."""
        names = [x.id for x in self.items] + [*self.measured, *self.table.columns]
        return list(dict.fromkeys(names))

    def _scalar(self, name: str) -> Scalar:
        found = self.measured[name]
        return Scalar(name, found.unit, found.text, found.values)


_TEXTS: tuple[Text, ...] = ("question", "response", "chosen", "rejected", "difference")


def _only(found: list[Compute], name: str) -> Compute | None:
    if len(found) > 1:
        ids = ", ".join(x.id for x in found)
        raise AnalysisError(f"{name!r} means several computed columns: name one of them ({ids})")
    return found[0] if found else None
