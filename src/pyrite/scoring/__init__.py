"""Scoring: the one place where texts become scores.

`Engine` takes rendered texts and gives what the model says of each, in the order they came.
Batching, duplicates and memory are its business; a caller never sees a batch. With the memory that
`open_memory` gives it, a text that any run has scored before is not scored again.
"""

from pyrite.scoring.engine import Engine, Scored, ScoredPair
from pyrite.scoring.memory import ScoreMemory, open_memory

__all__ = ["Engine", "ScoreMemory", "Scored", "ScoredPair", "open_memory"]
