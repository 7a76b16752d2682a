"""Scoring: the one place where texts become scores.

`Engine` takes rendered texts and gives what the model says of each, in the order they came.
Batching, duplicates and memory are its business; a caller never sees a batch.
"""

from pyrite.scoring.engine import Engine, Scored, ScoredPair

__all__ = ["Engine", "Scored", "ScoredPair"]
