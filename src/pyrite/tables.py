"""What the steps after a query see of it: one table, streamed, whatever the model was."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

__all__ = ["QueryTable"]


class QueryTable(Protocol):
    """The rows of a data set together with what a query stored for them.

    Attributes:
        id: the query's name.
        model_id: the name of the model that was queried.
        num_rows: rows, those without a score included.
        pairs: whether each row is a chosen and a rejected text.
        targets: names of the scalar score columns, for instance `score`, `chosen_end_scores`,
            `rejected_end_scores`, `margin`, `loss`, `entropy`, or `scores.<output>` of a vector
            model, with the reductions `scores.max`, `scores.argmax`; `softmax` where the model
            section has this norm.
        columns: names of all columns that `column` gives: the data's own and the query's.
        vector_names: names that `vectors` gives (`hidden_states`, `embeddings`).
        sides: texts that the rows have, of `prompt`, `response`, `chosen`, `rejected`.
    """

    id: str
    model_id: str
    num_rows: int
    pairs: bool
    targets: tuple[str, ...]
    columns: tuple[str, ...]
    vector_names: tuple[str, ...]
    sides: tuple[str, ...]

    def numbers(self, name: str) -> np.ndarray:
        """A numeric column as float64 [num_rows]; null is NaN.

        Raises:
            AnalysisError: no such column, or it is not numeric; names the nearest.
        """

    def groups(self) -> np.ndarray:
        """The unit of resampling (the prompt) as int64 codes [num_rows], 0.. without holes."""

    def texts(self, side: str, batch_rows: int = 10_000) -> Iterator[list[str]]:
        """One text of every row, in batches and in row order; null is the empty string."""

    def vectors(self, name: str) -> np.ndarray:
        """Pooled vectors as float32 [num_rows, hidden]; rows without one are NaN."""

    def column(self, name: str) -> pa.ChunkedArray:
        """Any column as it was stored, or worked out from what was."""

    def head(self, names: Sequence[str], rows: int) -> pa.Table:
        """The first rows of some columns."""
