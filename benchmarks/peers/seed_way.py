"""As the seed project scored: padded to 550 tokens, the same text twice, one text at a time."""

from __future__ import annotations

from peers import PADDED, Case, IdsPeer, Peer, Rows

__all__ = ["open_peers"]


class SeedWay(IdsPeer):
    """Each text is half of a batch of two equal rows; the score of the first is kept."""

    name = "the seed's way: padded to 550, doubled, one at a time"
    per_text = True
    most = 4

    def score_ids(self, rows: Rows) -> list[float]:
        """Scores, in order."""
        return [self.case.scores([row, row], PADDED)[0] for row in rows]


def open_peers(case: Case) -> list[Peer]:
    """The seed's way."""
    return [SeedWay(case)]
