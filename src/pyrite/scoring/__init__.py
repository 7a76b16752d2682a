"""Scoring: the one place where texts become scores.

`Engine` takes rendered texts and gives what the model says of each, in the order they came.
Batching, duplicates and memory are its business; a caller never sees a batch. With the memory that
`open_memory` gives it, a text that any run has scored before is not scored again.

Which texts share what is declared by sending them in one call, and by nothing else: the engine
finds what texts of a call begin with alike, in their ids (`prefixes`), and runs it once where that
saves work - candidates on one answer, swapped tokens, both answers to a prompt, and beginnings of
these, to any depth. So a search sends all candidates that it has on a text together, in any order;
it never sees a prefix, and no score depends on who shared. What stands before an edit is shared,
what comes after it never: edits at the end are cheap, edits at the start cost the whole text. Token
gradients keep what stands before the first wanted position from call to call (`Decoder`).
"""

from pyrite.scoring.engine import Engine, Scored, ScoredPair
from pyrite.scoring.memory import ScoreMemory, open_memory

__all__ = ["Engine", "ScoreMemory", "Scored", "ScoredPair", "open_memory"]
