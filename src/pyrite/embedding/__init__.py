"""The contract of embeddings: texts to vectors, one backend per file.

An `Embedder` is configuration; what it needs to run is loaded when it is first needed. The
vectors of the reward model itself are no embedder: a query stores them (`hidden_states`).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from pyrite.component import Component, Family
from pyrite.sources import Source
from pyrite.types import Json

if TYPE_CHECKING:
    import numpy as np

__all__ = ["EMBEDDERS", "Embedder"]

EMBEDDERS = Family("embedding", "pyrite.embedding", "Embedder")


class Embedder(Component):
    """A model that turns texts into unit vectors; a vector depends on its own text only."""

    NOT_IDENTITY: ClassVar[frozenset[str]] = frozenset(
        {"id", "path", "revision", "device", "batch_size"}
    )
    """Left out because `source` identifies the content, or because they change no result."""

    path: str

    @property
    def name(self) -> str:
        """What was asked for: the repository or folder."""
        return self.path

    @property
    @abstractmethod
    def dim(self) -> int:
        """Length of a vector."""

    @property
    @abstractmethod
    def max_tokens(self) -> int | None:
        """Tokens after which a text is cut, special ones included; None: texts are not cut."""

    @abstractmethod
    def source(self) -> Source:
        """The files or the repository at a commit whose content decides the vectors.

        Raises:
            AnalysisError: the model is neither here nor on the hub.
        """

    @abstractmethod
    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Embed texts.

        Args:
            texts: any strings; lone surrogates are read as the replacement character.

        Returns:
            float32 array [len(texts), dim] of vectors of length 1; NaN for a text of white space.

        Raises:
            AnalysisError: the model cannot be loaded, or gives something that is not finite.
        """

    @abstractmethod
    def num_tokens(self, texts: Sequence[str]) -> np.ndarray:
        """Tokens of each text before it is cut, special ones included: int64 [len(texts)]."""

    def identity(self) -> dict[str, Json]:
        """The declared identity and the fingerprint of the content; may have to download it.

        Raises:
            AnalysisError: the model is neither here nor on the hub.
        """
        return {**super().identity(), "content": self.source().fingerprint()}
