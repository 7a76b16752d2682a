"""transformers' module as it is: one by one, in batches of 32, and in batches by length."""

from __future__ import annotations

from peers import Case, IdsPeer, Peer, Rows
from pyrite.scoring.batching import batches_by_tokens

__all__ = ["open_peers"]


class OneByOne(IdsPeer):
    """No padding at all; its scores are what the others' are compared with."""

    name = "one by one, no padding"
    most = 64

    def score_ids(self, rows: Rows) -> list[float]:
        """Scores, in order."""
        return [self.case.scores([row])[0] for row in rows]


class InDataOrder(IdsPeer):
    """Batches of 32 neighbours, each padded to its longest text."""

    name = "batches of 32 in data order, padded"

    def score_ids(self, rows: Rows) -> list[float]:
        """Scores, in order."""
        starts = range(0, len(rows), 32)
        return [score for start in starts for score in self.case.scores(rows[start : start + 32])]


class Sorted(IdsPeer):
    """Batches of texts of nearly one length, 2048 tokens each."""

    name = "sorted by length, 2048 tokens a batch"

    def score_ids(self, rows: Rows) -> list[float]:
        """Scores, in order."""
        found = [0.0] * len(rows)
        for batch in batches_by_tokens([len(row) for row in rows], budget=2048):
            scores = self.case.scores([rows[index] for index in batch])
            for index, score in zip(batch, scores, strict=True):
                found[index] = score
        return found


def open_peers(case: Case) -> list[Peer]:
    """The three ways."""
    return [OneByOne(case), InDataOrder(case), Sorted(case)]
