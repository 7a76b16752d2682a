"""Ways to score texts with a reward model: one per file, all of them measured by `scoring.py`.

A file has `open_peers(case)`, which gives its peers ready to score, and raises `NotRun` with the
reason where its package is absent or does not take this model.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

__all__ = ["PADDED", "Case", "NotRun", "Peer", "Rows"]

PADDED = 550
"""Tokens that the seed project padded every text to."""

Rows = Sequence[Sequence[int]]


class NotRun(Exception):  # noqa: N818 - not an error: the table says why a peer has no row
    """Why a peer was not measured."""


@dataclass(frozen=True)
class Case:
    """One model that all peers score with.

    Attributes:
        name: what it is called in the tables.
        folder: where it is saved, as Pyrite and transformers read it.
        module: transformers' module in float32; without a head where `head` has it.
        head: the value head, [width]; None for a classifier, whose module has its own.
        tokenizer: the transformers tokenizer.
        pad_id: what rows are padded with.
        end_id: put after every text; None: nothing is.
    """

    name: str
    folder: Path
    module: Any
    head: torch.Tensor | None
    tokenizer: Any
    pad_id: int
    end_id: int | None = None

    @property
    def is_classifier(self) -> bool:
        """Whether packages for Hugging Face classifiers can run it."""
        return self.head is None

    @property
    def trunk(self) -> Any:
        """The module without its head."""
        return self.module.base_model if self.is_classifier else self.module

    @property
    def head_weight(self) -> torch.Tensor:
        """The head, [width]."""
        weight: torch.Tensor = self.module.score.weight[0] if self.head is None else self.head
        return weight

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids as the model was made for."""
        rows = self.tokenizer(list(texts), return_attention_mask=False)["input_ids"]
        return rows if self.end_id is None else [[*row, self.end_id] for row in rows]

    def padded(self, rows: Rows, width: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
        """Ids and mask, padded on the right to the longest row or to `width`."""
        width = width or max(len(row) for row in rows)
        ids = torch.full((len(rows), width), self.pad_id, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for index, row in enumerate(rows):
            ids[index, : len(row)] = torch.tensor(row)
            mask[index, : len(row)] = 1
        return ids, mask

    def scores(self, rows: Rows, width: int = 0) -> list[float]:
        """One forward pass of transformers' module over padded rows."""
        ids, mask = self.padded(rows, width)
        with torch.inference_mode():
            if self.head is None:
                out = self.module(input_ids=ids, attention_mask=mask, use_cache=False)
                values = out.logits[:, 0]
            else:
                out = self.module(input_ids=ids, attention_mask=mask, use_cache=False)
                last = mask.sum(dim=1) - 1
                values = out.last_hidden_state[torch.arange(len(rows)), last] @ self.head
        return [float(value) for value in values]


class Peer(ABC):
    """One way to score texts.

    Attributes:
        name: what it is called in the tables.
        most: texts of one block; None: all of them. Ways that take one text at a time take fewer.
        per_text: whether its cost goes by the number of texts and not by their tokens.
        takes_ids: whether it can be timed without tokenisation.
        told: what a reader must know of how it was run.
    """

    name: str
    most: int | None = None
    per_text: bool = False
    takes_ids: bool = True
    told: str = ""

    @abstractmethod
    def score(self, texts: Sequence[str]) -> list[float]:
        """Scores in the order of the texts."""

    def score_ids(self, rows: Rows) -> list[float]:
        """Scores of texts that are tokenised already; only where `takes_ids`."""
        raise TypeError(f"{self.name} tokenises by itself")


class IdsPeer(Peer):
    """A way that starts from token ids, which the model's tokenizer makes for all texts at once."""

    def __init__(self, case: Case) -> None:
        self.case = case

    def score(self, texts: Sequence[str]) -> list[float]:
        """Tokenise, then `score_ids`."""
        return self.score_ids(self.case.ids(texts))
