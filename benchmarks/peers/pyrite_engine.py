"""Pyrite: its engine over an opened model, as a query step runs it, without the score store."""

from __future__ import annotations

from collections.abc import Sequence

from peers import Case, Peer, Rows
from pyrite.models import Encoded, Model, Rendered, TokenScorer
from pyrite.models.reward_model import RewardModel
from pyrite.models.sequence_classifier import SequenceClassifier
from pyrite.scoring import Engine
from pyrite.types import Item

__all__ = ["open_peers"]


class PyriteEngine(Peer):
    """`Engine.score` on rendered texts."""

    def __init__(self, name: str, model: Model) -> None:
        scorer = model.open()
        assert isinstance(scorer, TokenScorer)
        self.name = name
        self._scorer = scorer
        self._engine = Engine(scorer)
        self.told = f"forward pass: {scorer.facts.get('forward', 'plain')}"

    def score(self, texts: Sequence[str]) -> list[float]:
        """Scores, in order."""
        given = [(Item(response=text), Rendered(text)) for text in texts]
        return [float(one.output.score) for one in self._engine.score(given)]

    def score_ids(self, rows: Rows) -> list[float]:
        """Scores, in order."""
        encoded = [Encoded(tuple(row), len(row) - 1) for row in rows]
        return [float(output.score) for output in self._engine._forward(encoded)]


def open_peers(case: Case) -> list[Peer]:
    """Pyrite in float32, and computing in bfloat16."""
    kind = SequenceClassifier if case.is_classifier else RewardModel
    exact = kind(path=str(case.folder), device="cpu", dtype="float32")
    short = kind(path=str(case.folder), device="cpu", dtype="float32", compute="bfloat16")
    return [PyriteEngine("Pyrite fp32", exact), PyriteEngine("Pyrite bf16", short)]
