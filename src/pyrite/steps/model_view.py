"""One of several models that stand side by side in a query, seen as a query of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from pyrite.steps.stored_table import StoredTable
from pyrite.tables import QueryTable

__all__ = ["ModelView", "views"]


def views(table: StoredTable) -> list[QueryTable]:
    """The table itself, or one view per model where its outputs are models."""
    return [ModelView(table, name) for name in table.models] or [table]


class ModelView:
    """The rows of a table with the scores of one of its models as `score`."""

    def __init__(self, table: StoredTable, model: str) -> None:
        self._table = table
        self._model = model
        self.id = f"{table.id}.{model}"
        self.model_id = model
        self.num_rows = table.num_rows
        self.pairs = False
        self.targets: tuple[str, ...] = ("score",)
        self.columns: tuple[str, ...] = ("score", *(c for c in table.columns if c != "scores"))
        self.vector_names: tuple[str, ...] = ()
        self.sides = table.sides

    def numbers(self, name: str) -> np.ndarray:
        """A numeric column; `score` is this model's."""
        return self._table.numbers(f"scores.{self._model}" if name == "score" else name)

    def groups(self) -> np.ndarray:
        """The prompt of every row."""
        return self._table.groups()

    def texts(self, side: str, batch_rows: int = 10_000) -> Iterator[list[str]]:
        """One text of every row, in batches."""
        return self._table.texts(side, batch_rows)

    def vectors(self, name: str) -> np.ndarray:
        """None are stored beside recorded scores; the table says so."""
        return self._table.vectors(name)

    def column(self, name: str) -> pa.ChunkedArray:
        """Any column."""
        if name == "score":
            return pa.chunked_array([pa.array(self.numbers(name))])
        return self._table.column(name)

    def head(self, names: Sequence[str], rows: int) -> pa.Table:
        """The first rows of some columns."""
        return pa.table({name: self.column(name).slice(0, rows) for name in names})
