"""Sentence embeddings of the texts of a query, in batches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

__all__ = ["embed_texts"]


def embed_texts(
    batches: Iterable[Sequence[str]], args: Mapping[str, Any], *, name: str
) -> np.ndarray:
    """Embed batches of texts: float32 [texts, width].

    Args:
        batches: the texts, batch by batch.
        args: what the experiment says of the embedding, without its type.
        name: of the embedding, for messages.
    """
    embedder = open_embedder(args, name=name)
    return np.concatenate([np.asarray(embedder.embed(batch)) for batch in batches])


def open_embedder(args: Mapping[str, Any], *, name: str) -> Any:
    """The sentence embedder that the arguments describe."""
    from pyrite.embedding import Embedder

    return Embedder(**args)
