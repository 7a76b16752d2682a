"""The contract of features: measured properties of a text, one family of them per file.

A `Feature` turns texts into numbers, one per text, with a unit. It knows nothing of models, rows
or prompts: on which text of a row it is measured (`of`) is decided by the analysis.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from pyrite.component import Component, Family, snake_case

if TYPE_CHECKING:
    import numpy as np

__all__ = ["FEATURES", "Feature"]

FEATURES = Family("features", "pyrite.features", "Feature")


class Feature(Component):
    """A measured property of a text.

    `unit` is what the number counts ("words", "share of words", "0 or 1"); it labels the axes.
    """

    unit: ClassVar[str]

    @property
    def name(self) -> str:
        """The feature's name: the class name in snake case."""
        return snake_case(type(self).__name__)

    @abstractmethod
    def compute(self, texts: Sequence[str]) -> np.ndarray:
        """Measure texts.

        Args:
            texts: any strings, empty ones included.

        Returns:
            float64 array [len(texts)]; NaN where the property is not defined for a text.
        """
