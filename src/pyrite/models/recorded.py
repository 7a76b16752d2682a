"""Scores that someone already has, as a model: nothing is computed, they are only looked up."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import model_validator

from pyrite.component import nearest
from pyrite.errors import ModelError, ScoringError
from pyrite.models import Capability, ItemScorer, Model, Output
from pyrite.models._recorded_table import ScoreTable
from pyrite.sources import Source, locate
from pyrite.types import Item, Json

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Recorded"]

_MISSING_WORDS = frozenset({"", "nan", "na", "n/a", "null", "none", "-nan", "<na>"})


class Recorded(Model):
    """Scores from a column of the data or of a table beside it; no model is run.

    Write one of these::

        column: score                          one score per row
        chosen_column: a, rejected_column: b   the scores of both texts of a pair
        columns: [rm_a, rm_b]                  several reward models (or {name: column})

    With `path` the scores stand in a table of their own (csv, jsonl or parquet, also .gz), matched
    on the columns `on`; without it they are columns of the data. A row that the table lacks, and
    an empty or NaN value, has no score: it is counted, never filled in.

    Attributes:
        better: whether a higher or a lower recorded number is the better one; `lower` changes the
            sign, so that a higher score is better everywhere else.
    """

    column: str | None = None
    chosen_column: str | None = None
    rejected_column: str | None = None
    columns: list[str] | dict[str, str] | None = None
    path: str | None = None
    on: str | list[str] | None = None
    better: Literal["higher", "lower"] = "higher"

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        pair = (self.chosen_column is None, self.rejected_column is None)
        if pair[0] != pair[1]:
            raise ValueError("chosen_column and rejected_column are given together")
        scalar = self.column is not None or not pair[0]
        if scalar == (self.columns is not None):
            raise ValueError(
                "say where the scores are: column, or chosen_column and rejected_column, "
                "or columns for several models"
            )
        if self.columns is not None and not self.columns:
            raise ValueError("columns is empty")
        if isinstance(self.columns, list) and len(set(self.columns)) != len(self.columns):
            raise ValueError("columns names the same column twice")
        if (self.path is None) != (self.on is None):
            raise ValueError("path and on are given together: on names the columns that match")
        if self.on == []:
            raise ValueError("on is empty")
        return self

    def sources(self) -> Mapping[str, Source]:
        """The table, where it is a file of its own; else the data's identity covers the scores."""
        if self.path is None:
            return {}
        return {"scores": Source(name=self.path, files=(self._file(self.path),))}

    def open(self) -> ItemScorer:
        """Read the table, if there is one.

        Raises:
            ModelError: there is no such file.
            DataError: it lacks a column, cannot be read, or gives one key two scores.
        """
        return _RecordedScorer(self, self._table())

    def named(self) -> dict[str, str]:
        """Output name -> column, of a model with several outputs; empty for one."""
        if self.columns is None:
            return {}
        return (
            dict(self.columns) if isinstance(self.columns, dict) else {c: c for c in self.columns}
        )

    def key_columns(self) -> tuple[str, ...]:
        """The columns that match the data to the table."""
        return (self.on,) if isinstance(self.on, str) else tuple(self.on or ())

    def column_of(self, side: str) -> str | None:
        """The column with the score of one side of a row."""
        sides = {"chosen": self.chosen_column, "rejected": self.rejected_column}
        return sides.get(side, self.column)

    def _table(self) -> ScoreTable | None:
        if self.path is None:
            return None
        single = (self.column, self.chosen_column, self.rejected_column)
        wanted = [name for name in single if name is not None] or list(self.named().values())
        return ScoreTable.read(
            self._file(self.path), self.key_columns(), list(dict.fromkeys(wanted))
        )

    @staticmethod
    def _file(path: str) -> Path:
        try:
            found = locate(path)
        except FileNotFoundError as error:
            raise ModelError(f"recorded scores: {error}") from error
        if found is None or not found.is_file():
            raise ModelError(f"recorded scores: {path}: no such file")
        return found


class _RecordedScorer(ItemScorer):
    """Looks scores up; `facts["missing_scores"]` counts those that were not there."""

    reads = "columns"

    def __init__(self, model: Recorded, table: ScoreTable | None) -> None:
        self.model = model
        self.table = table
        self.output_names = tuple(model.named())
        self.outputs_are = "models"
        several = bool(self.output_names)
        self.capabilities = frozenset({Capability.VECTOR if several else Capability.SCORE})
        self._sign = 1.0 if model.better == "higher" else -1.0
        self._facts: dict[str, Json] = {
            "read_at": "not read: recorded scores",
            "better": model.better,
            "missing_scores": 0,
        }
        if table is not None:
            self._facts |= {"table_rows": table.num_rows, "rows_not_in_table": 0}
        self.facts = self._facts

    def score(self, items: Sequence[Item]) -> list[Output]:
        """The recorded scores of the items; NaN where there is none.

        Raises:
            ScoringError: a column does not exist, or a value is not a number.
        """
        import numpy as np

        wanted = self.model.named()
        outputs = []
        for item in items:
            values = self._row(item)
            if wanted:
                vector = [self._number(values, column, item) for column in wanted.values()]
                outputs.append(Output(np.array(vector, dtype=np.float64)))
            else:
                outputs.append(Output(self._number(values, self._column(item), item)))
        return outputs

    def _column(self, item: Item) -> str:
        column = self.model.column_of(item.side)
        if column is not None:
            return column
        if item.side in ("chosen", "rejected"):
            raise ScoringError(
                "the data has pairs, and recorded scores of a pair stand in two columns: write "
                f"chosen_column and rejected_column in the model {self.model.id!r}"
            )
        raise ScoringError(
            f"the data has no pairs: write column in the model {self.model.id!r}, not "
            "chosen_column and rejected_column"
        )

    def _row(self, item: Item) -> Mapping[str, Json]:
        if self.table is None:
            return item.columns
        key = [self._key(item, name) for name in self.model.key_columns()]
        found = self.table.find(key)
        if found is None:
            self._facts["rows_not_in_table"] += 1
            return dict.fromkeys(self.table.columns)
        return found

    def _key(self, item: Item, name: str) -> Json:
        if name in item.columns:
            return item.columns[name]
        raise ScoringError(
            f"recorded scores match on {name!r}, which the data lacks"
            f" ({nearest(name, [str(column) for column in item.columns])})"
        )

    def _number(self, values: Mapping[str, Json], column: str, item: Item) -> float:
        if column not in values:
            raise ScoringError(
                f"no column {column!r} with recorded scores in the data"
                f" ({nearest(column, [str(name) for name in values])})"
            )
        value = _parse(values[column])
        if value is None or math.isinf(value):
            row = item.columns.get("row_id", "unknown")
            raise ScoringError(
                f"row {row}: column {column!r} holds {values[column]!r:.80}, which is not a finite "
                "number; leave a missing score empty"
            )
        if math.isnan(value):
            self._facts["missing_scores"] += 1
        return self._sign * value


def _parse(value: Json) -> float | None:
    """A number; NaN where the value is missing; None where it is something else."""
    if value is None:
        return math.nan
    if isinstance(value, int | float):
        return float(value)
    if not isinstance(value, str):
        return None
    text = value.strip()
    if text.lower() in _MISSING_WORDS:
        return math.nan
    if "_" in text:  # Python reads 1_000 as a number, no table means it
        return None
    try:
        return float(text)
    except ValueError:
        return None
