"""The contract of features: measured properties of a text, one family of them per file.

A `Feature` turns texts into numbers, one per text, with a unit. It knows nothing of models, rows
or prompts: on which text of a row it is measured (`of`) is decided by the analysis.

A feature of your own is one class with one method::

    class NumSemicolons(Feature):
        '''Number of semicolons [semicolons].'''

        unit = "semicolons"

        def measure(self, text: str) -> float:
            return text.count(";")
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from pyrite.component import Component, Family, snake_case

if TYPE_CHECKING:
    import numpy as np

__all__ = ["FEATURES", "Feature"]

FEATURES = Family("features", "pyrite.features", "Feature")


class Feature(Component):
    """A measured property of a text: define `measure`, or `compute` where a batch is quicker.

    `unit` is what the number counts ("words", "share of words", "0 or 1"); it labels the axes.
    A value depends on its own text only, never on the other texts of the batch.
    """

    unit: ClassVar[str]

    @property
    def name(self) -> str:
        """The feature's name: the class name in snake case."""
        return snake_case(type(self).__name__)

    def measure(self, text: str) -> float:
        """Measure one text, any string, the empty one and lone surrogates included.

        Returns:
            The value; NaN where the property is not defined for this text.
        """
        raise NotImplementedError(f"{type(self).__name__} defines neither measure nor compute")

    def compute(self, texts: Sequence[str]) -> np.ndarray:
        """Measure texts.

        Args:
            texts: any strings, empty ones included.

        Returns:
            float64 array [len(texts)]; NaN where the property is not defined for a text.
        """
        import numpy as np

        return np.fromiter(map(self.measure, texts), dtype=np.float64, count=len(texts))
