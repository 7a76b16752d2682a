"""A query's table in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from pyrite.errors import AnalysisError


@dataclass
class FakeTable:
    """Texts by side, numeric columns by name; scores are the columns that `targets` names."""

    side_texts: Mapping[str, Sequence[str]]
    numeric: Mapping[str, np.ndarray]
    targets: tuple[str, ...]
    prompts: np.ndarray
    id: str = "query"
    model_id: str = "some/model"
    pairs: bool = False
    stored_vectors: Mapping[str, np.ndarray] = field(default_factory=dict)
    batches_read: int = 0

    @property
    def num_rows(self) -> int:
        return len(self.prompts)

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.numeric)

    @property
    def vector_names(self) -> tuple[str, ...]:
        return tuple(self.stored_vectors)

    @property
    def sides(self) -> tuple[str, ...]:
        return tuple(self.side_texts)

    def numbers(self, name: str) -> np.ndarray:
        if name not in self.numeric:
            raise AnalysisError(f"no column {name!r}")
        return np.asarray(self.numeric[name], dtype=np.float64)

    def groups(self) -> np.ndarray:
        return self.prompts

    def texts(self, side: str, batch_rows: int = 10_000) -> Iterator[list[str]]:
        texts = self.side_texts[side]
        for start in range(0, len(texts), batch_rows):
            self.batches_read += 1
            yield list(texts[start : start + batch_rows])

    def vectors(self, name: str) -> np.ndarray:
        return self.stored_vectors[name]

    def column(self, name: str) -> pa.ChunkedArray:
        return pa.chunked_array([self.numeric[name]])

    def head(self, names: Sequence[str], rows: int) -> pa.Table:
        return pa.table({name: self.numeric[name][:rows] for name in names})
