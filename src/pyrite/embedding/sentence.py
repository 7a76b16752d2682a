"""Embeddings by a sentence-transformers model."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import Field, PrivateAttr

from pyrite.embedding import Embedder
from pyrite.embedding._places import Place, find
from pyrite.errors import AnalysisError
from pyrite.quiet import quiet_transformers
from pyrite.sources import Source
from pyrite.types import Json

__all__ = ["Sentence"]

_SURROGATE = re.compile("[\ud800-\udfff]")


class Sentence(Embedder):
    """A sentence-transformers model by hub name or local folder [unit vectors].

    Texts are embedded as they are, with the model's own default prompt if it has one, in float32.
    Texts longer than `max_tokens` are cut by the model; `num_tokens` tells which.
    """

    path: str = "sentence-transformers/all-MiniLM-L6-v2"
    revision: str | None = None
    device: str | None = Field(default=None, description="null: a GPU where there is one")
    batch_size: int = Field(default=32, ge=1)

    _place: Place | None = PrivateAttr(default=None)
    _model: Any = PrivateAttr(default=None)

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return len(self._encode(["length"])[0])

    @property
    def max_tokens(self) -> int | None:
        """Tokens after which a text is cut, special ones included; None: texts are not cut."""
        limit = self._opened().max_seq_length
        return None if limit is None or math.isinf(limit) else int(limit)

    def facts(self) -> dict[str, Json]:
        """Where the model came from and what it cuts, for the manifest."""
        place = self._found()
        return {
            "path": self.path,
            "origin": place.origin,
            "loaded": place.load,
            "commit": place.revision,
            "max_tokens": self.max_tokens,
            "dim": self.dim,
        }

    def source(self) -> Source:
        """The files of the folder, or the repository at the commit that was found.

        Raises:
            AnalysisError: the model is nowhere; the message names the cures.
        """
        return self._found().source

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors, float32 [len(texts), dim]; NaN for a text of white space.

        Equal texts are embedded once. Within a batch the model pads to the longest text; that
        moves a component by rounding only (below 1e-6).

        Raises:
            AnalysisError: the model cannot be loaded, or gives something that is not finite.
        """
        readable = [_readable(text) for text in texts]
        distinct = [text for text in dict.fromkeys(readable) if text.strip()]
        found = self._encode(distinct) if distinct else np.empty((0, self.dim), dtype=np.float32)
        if not np.isfinite(found).all():
            row = readable.index(distinct[int(np.argmin(np.isfinite(found).all(axis=1)))])
            raise AnalysisError(
                f"embedding {self.path!r}: the vector of text {row} is not finite "
                f"(the model or its weights are damaged)"
            )
        place = {text: number for number, text in enumerate(distinct)}
        vectors = np.full((len(texts), found.shape[1]), np.nan, dtype=np.float32)
        rows = [row for row, text in enumerate(readable) if text in place]
        vectors[rows] = found[[place[readable[row]] for row in rows]]
        return vectors

    def num_tokens(self, texts: Sequence[str]) -> np.ndarray:
        """Tokens of each text before it is cut, special ones included: int64 [len(texts)]."""
        readable = [_readable(text) for text in texts]
        if not readable:
            return np.zeros(0, dtype=np.int64)
        tokenizer = self._opened().tokenizer
        if callable(tokenizer):
            ids = tokenizer(readable, truncation=False, padding=False, verbose=False)["input_ids"]
        else:  # static embeddings hold a bare tokenizer, which does not cut
            ids = [each.ids for each in tokenizer.encode_batch(readable)]
        return np.array([len(each) for each in ids], dtype=np.int64)

    def _found(self) -> Place:
        if self._place is None:
            self._place = find(self.path, self.revision)
        return self._place

    def _opened(self) -> Any:
        if self._model is None:
            self._model = _load(self.path, self._found(), self.device)
        return self._model

    def _encode(self, texts: list[str]) -> np.ndarray:
        vectors = self._opened().encode(
            texts,
            batch_size=self.batch_size,
            normalize_embeddings=True,
            convert_to_numpy=True,
            show_progress_bar=False,
        )
        return np.asarray(vectors, dtype=np.float32)


def _readable(text: str) -> str:
    # Tokenizers take UTF-8 only, which cannot hold a lone surrogate.
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def _load(path: str, place: Place, device: str | None) -> Any:
    """The model in float32.

    Raises:
        AnalysisError: sentence-transformers is not installed, or cannot open the model.
    """
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise AnalysisError(
            f"embedding {path!r} needs sentence-transformers, which is not installed: "
            f"pip install 'pyrite[sentence]' ({error})"
        ) from error
    from safetensors import SafetensorError

    def opened(local: bool) -> Any:
        return SentenceTransformer(
            place.load,
            device=device,
            revision=place.revision,
            local_files_only=local,
            trust_remote_code=False,
        )

    try:
        with quiet_transformers():
            try:
                model = opened(local=True)
            except OSError:
                if place.origin != "hub":
                    raise
                model = opened(local=False)
            missing = _missing_weights(model, place)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise AnalysisError(f"embedding {path!r} cannot be opened: {error}") from error
    if missing:
        raise AnalysisError(
            f"embedding {path!r}: {len(missing)} weights are not in the checkpoint and would be "
            f"random, the first is {missing[0]}"
        )
    # Half precision is slow on a CPU, and its rounding would depend on the batch.
    return model.float()


def _missing_weights(model: Any, place: Place) -> list[str]:
    """Weights that were made up, by reading the transformer once more with its report.

    A missing pooler is no fault: sentence-transformers pools by itself.
    """
    transformer = model.transformers_model
    if transformer is None:
        return []
    _, report = type(transformer).from_pretrained(
        place.load,
        revision=place.revision or "main",
        subfolder=place.inner,
        local_files_only=True,
        output_loading_info=True,
    )
    return sorted(key for key in report["missing_keys"] if "pooler" not in key.split("."))
