"""Short ways to open a reward model and to score texts with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pyrite.models import Encoded, Limits, Rendered, TokenScorer, Want
from pyrite.models.reward_model import RewardModel


def opened(base: Path, checkpoint: Path | None, **fields: Any) -> TokenScorer:
    ckpt = None if checkpoint is None else str(checkpoint)
    return RewardModel(path=str(base), ckpt=ckpt, device="cpu", **fields).open()


def encoded(scorer: TokenScorer, *texts: str, limits: Limits = Limits()) -> list[Encoded]:  # noqa: B008
    return scorer.encode([Rendered(text) for text in texts], limits)


def scores(scorer: TokenScorer, *texts: str) -> list[float]:
    return values(scorer, encoded(scorer, *texts))


def values(scorer: TokenScorer, batch: list[Encoded]) -> list[float]:
    found = []
    for output in scorer.forward(batch, Want()):
        assert isinstance(output.score, float)
        found.append(output.score)
    return found


def alone(full: str, completion: str) -> Rendered:
    return Rendered(full, text_pair=completion, pair_is="alone")
