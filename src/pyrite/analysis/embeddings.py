"""The vectors that `embedding` means: of sentences, or those that the query stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import numpy as np

from pyrite.analysis.columns import EMBEDDING, TableColumns, item_text, sides_of
from pyrite.analysis.measure import build
from pyrite.errors import AnalysisError

if TYPE_CHECKING:
    from pyrite.config.sections import Compute
    from pyrite.embedding import Embedder

__all__ = ["check_embeddings", "embedding_matrix", "embedding_type"]

_STORED = {"model": ("hidden_states", "embeddings"), "token": ("embeddings",)}


def check_embeddings(items: Sequence[Compute]) -> None:
    """Fail before any work on an embedding that cannot be.

    Raises:
        AnalysisError: a type that does not exist, or wrong arguments.
    """
    for item in items:
        if item.name == EMBEDDING and embedding_type(item) == "sentence":
            _open(item)


def embedding_matrix(
    item: Compute, columns: TableColumns, target: str, notes: list[str]
) -> np.ndarray | str:
    """The vectors of an embedding [rows, width], or the reason why there are none.

    `type: sentence` embeds the text that `of` means; `model` takes the hidden states that the query
    stored (its input embeddings where it stored no hidden states); `token` the input embeddings. Of
    pairs they are those of the target's own text, for a margin chosen minus rejected.
    A row without a text has NaN. Texts that the embedder cuts are counted in `notes`.

    Raises:
        AnalysisError: another type, or a model that cannot be loaded.
    """
    table, kind = columns.table, embedding_type(item)
    if kind != "sentence":
        text = item_text(item, table, target)
        for name in _STORED[kind]:
            for stored in (f"{text}_{name}", name):
                if stored in table.vector_names:
                    return table.vectors(stored)
        wanted = " or ".join(_STORED[kind])
        return f"the query stored no {wanted} (add it to its `store` list)"
    sides = sides_of(item_text(item, table, target))
    if missing := [side for side in sides if side not in table.sides]:
        return f"the rows have no {' and no '.join(missing)} text"
    vectors = [_sentences(item, columns, side, notes) for side in sides]
    return vectors[0] if len(vectors) == 1 else vectors[0] - vectors[1]


def embedding_type(item: Compute) -> str:
    """`sentence`, `model` or `token`.

    Raises:
        AnalysisError: another type.
    """
    kind = str(item.args.get("type", "sentence"))
    if kind != "sentence" and kind not in _STORED:
        raise AnalysisError(
            f"embedding {item.id!r}: type {kind!r} (it is sentence, model or token)"
        )
    return kind


def _open(item: Compute) -> Embedder:
    from pyrite.embedding import EMBEDDERS

    args = {name: value for name, value in item.args.items() if name != "type"}
    kind = EMBEDDERS.get("sentence")
    return cast("Embedder", build(kind, args, what=f"embedding {item.id!r}"))


def _sentences(item: Compute, columns: TableColumns, side: str, notes: list[str]) -> np.ndarray:
    """Embedded once per side, however many predictions use it: float32 [rows, width]."""
    known = columns.embedded.get((item.id, side))
    if known is not None:
        return known
    embedder, parts, cut = _open(item), [], 0
    for texts in columns.table.texts(side):
        parts.append(embedder.embed(texts))
        if embedder.max_tokens is not None:
            cut += int(np.count_nonzero(embedder.num_tokens(texts) > embedder.max_tokens))
    if cut:
        notes.append(
            f"{columns.table.id}: {cut} of {columns.table.num_rows} {side} texts were cut at "
            f"{embedder.max_tokens} tokens by the embedding {item.id}."
        )
    columns.embedded[item.id, side] = np.concatenate(parts)
    return columns.embedded[item.id, side]
