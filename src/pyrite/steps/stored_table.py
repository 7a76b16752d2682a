"""A query's table as later steps see it: the data's rows beside what the query stored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pyrite.component import nearest
from pyrite.config.names import SCORES
from pyrite.errors import AnalysisError
from pyrite.steps.chunks import ChunkStore
from pyrite.steps.prompt_softmax import prompt_softmax
from pyrite.steps.rows import RowReader

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["StoredTable"]

REDUCTIONS = ("max", "mean", "argmax")
TEXTS = ("prompt", "response", "chosen", "rejected")
SOFTMAX = "softmax"
"""Column with the weight of an answer among those to its prompt, for models with this norm."""
_INTERNAL = {"has_score"}


class StoredTable:
    """Implements `pyrite.tables.QueryTable` over the files of a data step and a query step."""

    def __init__(
        self,
        *,
        query_id: str,
        model_id: str,
        rows: Path,
        query: Path,
    ) -> None:
        self.id = query_id
        self.model_id = model_id
        self.rows = RowReader(rows)
        self.chunks = ChunkStore(query)
        about = self.chunks.about()
        self.outputs = tuple(about["outputs"])
        self.models = self.outputs if about["outputs_are"] == "models" else ()
        self.num_rows = self.rows.num_rows
        stored = [name for name in self.chunks.schema().names if name not in _INTERNAL]
        self._stored = tuple(name for name in stored if name != "row_id")
        weighed = about.get("norm") == SOFTMAX and "response" in self.rows.columns
        self._derived = (SOFTMAX,) if weighed and "score" in stored else ()
        self.pairs = "margin" in stored and self.rows.has_pairs
        self.columns: tuple[str, ...] = (
            *self.rows.columns,
            *self._own(self._stored),
            *self._own(self._derived),
        )
        self.sides = tuple(side for side in TEXTS if side in self.rows.columns)
        self.targets = self._find_targets()
        self.vector_names = self._find_vectors()

    def numbers(self, name: str) -> np.ndarray:
        """A numeric column, or a reduction of a vector model's scores, as float64 [num_rows]."""
        if name.startswith("scores.") and "scores" in self._stored:
            return self._reduced(name.removeprefix("scores."))
        if name in self._derived:
            lengths = [len(text) for batch in self.texts("response") for text in batch]
            return prompt_softmax(self.numbers("score"), self.groups(), np.array(lengths))
        column = self.column(name)
        if pa.types.is_boolean(column.type):
            column = column.cast(pa.int8())
        if not _is_number(column.type):
            raise AnalysisError(
                f"{self.id}: column {name!r} is not numeric ({column.type}); "
                f"numeric columns: {', '.join(self.numeric_columns())}"
            )
        values = pc.cast(column, pa.float64(), safe=False)
        return np.asarray(values.to_numpy(zero_copy_only=False), dtype=np.float64)

    def numeric_columns(self) -> list[str]:
        """Names of the columns that `numbers` takes, without the bookkeeping ones."""
        schema = {**_types(self.rows.schema), **_types(self.chunks.schema())}
        schema |= dict.fromkeys(self._derived, pa.float64())
        skip = {"row_id", *_INTERNAL}
        return [n for n in self.columns if n not in skip and _is_number(schema[n])]

    def groups(self) -> np.ndarray:
        """The prompt of every row as int64 codes."""
        encoded = self.column("group").combine_chunks().dictionary_encode()
        if isinstance(encoded, pa.ChunkedArray):
            encoded = encoded.combine_chunks()
        return np.asarray(encoded.indices.to_numpy(zero_copy_only=False), dtype=np.int64)

    def texts(self, side: str, batch_rows: int = 10_000) -> Iterator[list[str]]:
        """One text of every row, in batches; null is the empty string."""
        if side not in self.sides:
            raise AnalysisError(
                f"{self.id}: the rows have no {side!r} text; they have: {', '.join(self.sides)}"
            )
        for batch in self.rows.batches([side], batch_rows):
            yield [text or "" for text in batch.column(0).to_pylist()]

    def vectors(self, name: str) -> np.ndarray:
        """Pooled vectors as float32 [num_rows, hidden]."""
        stored = self._vector_file(name)
        if name.startswith("difference_"):
            rest = name.removeprefix("difference_")
            difference: np.ndarray = self.vectors(f"chosen_{rest}")
            difference -= self.vectors(f"rejected_{rest}")
            return difference
        if f"{stored}_lengths" in self.chunks.vector_names():
            raise AnalysisError(
                f"{self.id}: {name} is stored for all tokens; store it with `pool: mean` or "
                "`pool: last` to use it as one vector per row"
            )
        arrays = [array.astype(np.float32) for array in self.chunks.vectors(stored)]
        found: np.ndarray = np.concatenate(arrays)
        return found

    def column(self, name: str) -> pa.ChunkedArray:
        """Any column as it was stored, or worked out from what was."""
        if name in self._derived:
            return pa.chunked_array([pa.array(self.numbers(name), from_pandas=True)])
        if name in self._stored:
            return pa.concat_tables(self.chunks.tables([name]))[name]
        if name in self.rows.columns:
            return pa.Table.from_batches(
                self.rows.batches([name]), schema=pa.schema([self.rows.schema.field(name)])
            )[name]
        raise AnalysisError(f"{self.id}: no column {name!r} ({nearest(name, list(self.columns))})")

    def head(self, names: Sequence[str], rows: int) -> pa.Table:
        """The first rows of some columns."""
        return pa.table({name: self.column(name).slice(0, rows) for name in names})

    def to_pandas(self, *, vectors: bool = True) -> pd.DataFrame:
        """All rows with the data's and the query's columns.

        Args:
            vectors: also the stored vectors, one array per row: [hidden], or [num_tokens, hidden]
                where all tokens were kept. They can be large; False leaves them on disk.
        """
        import pandas as pd

        columns = {name: self.column(name) for name in self.columns}
        if self.models:
            del columns["scores"]
            columns |= {f"scores.{name}": self.numbers(f"scores.{name}") for name in self.models}
        frame: pd.DataFrame = pa.table(columns).to_pandas()
        for name in self.chunks.vector_names() if vectors else ():
            if not name.endswith("_lengths"):
                frame[name] = pd.Series(list(chain.from_iterable(self._per_row(name))))
        return frame

    def _per_row(self, name: str) -> Iterator[list[np.ndarray]]:
        """A stored array of every chunk, split into one vector or matrix per row."""
        lengths = f"{name}_lengths"
        if lengths not in self.chunks.vector_names():
            yield from (list(array) for array in self.chunks.vectors(name))
            return
        for array, counts in zip(
            self.chunks.vectors(name), self.chunks.vectors(lengths), strict=True
        ):
            yield np.split(array, np.cumsum(counts)[:-1])

    def _own(self, names: Sequence[str]) -> list[str]:
        return [name for name in names if name not in self.rows.columns]

    def _find_targets(self) -> tuple[str, ...]:
        scalars = [name for name in SCORES if name in self._stored]
        if "chosen_end_scores" in scalars and "score" in scalars:
            # A text scored alone has one score, whichever of the two names asks for it.
            scalars.remove("score")
        if "scores" not in self._stored:
            return (*scalars, *self._derived)
        reductions = () if self.models else REDUCTIONS
        named = [f"scores.{name}" for name in (*reductions, *self.outputs)]
        return (*named, *scalars)

    def _find_vectors(self) -> tuple[str, ...]:
        names = [n for n in self.chunks.vector_names() if not n.endswith("_lengths")]
        if not any(name.startswith("chosen_") for name in names):
            return tuple(names)
        kinds = [name.removeprefix("chosen_") for name in names if name.startswith("chosen_")]
        return (*kinds, *names, *(f"difference_{kind}" for kind in kinds))

    def _vector_file(self, name: str) -> str:
        if name not in self.vector_names:
            stored = ", ".join(self.vector_names) or "none"
            raise AnalysisError(
                f"{self.id}: {name!r} was not stored (vectors stored: {stored}); "
                f"add `{name.split('_', 1)[-1] if name.startswith('diff') else name}` to "
                "`query.store`"
            )
        names = self.chunks.vector_names()
        return name if name in names else f"chosen_{name}"

    def _reduced(self, name: str) -> np.ndarray:
        column = self.column("scores").combine_chunks()
        if isinstance(column, pa.ChunkedArray):
            column = column.combine_chunks()
        width = column.type.list_size
        scores = np.asarray(column.flatten(), dtype=np.float64).reshape(-1, width)
        if name in self.outputs:
            return scores[:, self.outputs.index(name)]
        if name == "max":
            return np.asarray(scores.max(axis=1))
        if name == "mean":
            return np.asarray(scores.mean(axis=1))
        if name == "argmax":
            best = scores.argmax(axis=1).astype(np.float64)
            return np.where(np.isnan(scores).any(axis=1), np.nan, best)
        known = [*REDUCTIONS, *self.outputs]
        raise AnalysisError(f"{self.id}: no output scores.{name} ({nearest(name, known)})")


def _is_number(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    )


def _types(schema: pa.Schema) -> dict[str, pa.DataType]:
    return dict(zip(schema.names, schema.types, strict=True))
