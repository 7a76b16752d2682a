"""A decoder with its head: scores of texts, of texts that begin alike, and token gradients."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pyrite.errors import ScoringError
from pyrite.forward.cached import CachedPrefix, ends_of, has_cache, start_cached
from pyrite.forward.families import choose
from pyrite.forward.forest import Forest, in_pieces
from pyrite.forward.gradients import token_gradients
from pyrite.forward.lean import StepAside
from pyrite.forward.proof import Head, exact_copy, plain_last, prove

if TYPE_CHECKING:
    import torch

__all__ = ["Decoder"]

_PLAIN_TOKENS = 2048
"""Tokens of a padded batch of the plain forward pass."""


class Decoder:
    """A causal decoder and the score of its vector at the last token.

    Attributes:
        module: the transformers decoder without its head; never changed.
        lean: its lean forward pass, or None.
        told: which forward pass runs and why, in words.
    """

    def __init__(self, module: Any, head: Head) -> None:
        """`head` takes vectors [texts, width] to scores [texts]; the module is in eval mode."""
        self.module = module
        self.head = head
        chosen = choose(module, head)
        self.lean, self.told = chosen.lean, chosen.told
        self._cache_proved: bool | None = None
        self._started: CachedPrefix | None = None

    def fits(self, length: int) -> bool:
        """Whether the lean forward pass runs a text of so many tokens."""
        lean = self.lean
        return lean is not None and (lean.longest is None or length <= lean.longest)

    def score(self, texts: Sequence[Sequence[int]]) -> list[float]:
        """Scores of texts, each read at its last token.

        Raises:
            ScoringError: a text has no tokens, or a score is not finite.
        """
        import torch

        rows = [tuple(text) for text in texts]
        for index, row in enumerate(rows):
            if not row:
                raise ScoringError(f"text {index} of {len(rows)} has no tokens to read")
        distinct = list(dict.fromkeys(rows))
        if not distinct:
            return []
        with torch.inference_mode():
            scores: list[float] = self.head(self._whole(distinct)).tolist()
        found = dict(zip(distinct, scores, strict=True))
        return _finite([found[row] for row in rows])

    @property
    def shares(self) -> bool:
        """Whether `score_forest` runs here; without a lean forward pass the cache is tried once.

        In short floats another way to run a text moves its score about as far as the rounding
        does. There texts are run whole, so that a score does not depend on who shares with it.
        """
        if self.lean is not None:
            return self.lean.embedding.dtype.itemsize >= 4
        kinds = (parameter.dtype for parameter in self.module.parameters())
        return all(kind.itemsize >= 4 for kind in kinds) and self._can_cache()

    def score_forest(self, forest: Forest) -> list[float]:
        """Scores of the texts of a forest, in their order; every node is run once.

        Only where it `shares`, and with a lean forward pass only of texts that it `fits`.

        Raises:
            ScoringError: a score is not finite.
        """
        import torch

        if not forest.nodes:
            return []
        with torch.inference_mode():
            vectors = self._by_cache(forest) if self.lean is None else self.lean.read_forest(forest)
            scores: list[float] = self.head(vectors).tolist()
        return _finite(scores)

    def token_gradients(self, ids: Sequence[int], positions: Sequence[int]) -> torch.Tensor:
        """d score / d one-hot at each position, [positions, vocabulary], in float32.

        What comes before the first position is run without gradients, and once as long as it
        stays the same from call to call.

        Raises:
            ScoringError: a position is outside the text.
        """
        import torch

        text = tuple(ids)
        if not positions or not all(0 <= position < len(text) for position in positions):
            raise ScoringError(f"positions {list(positions)} of a text of {len(text)} tokens")
        before = text[: min(positions)]
        prefix = self._beginning(before) if before and self._can_cache() else None
        if prefix is not None and prefix.ids != before:
            prefix = prefix.cut(len(before))
        with torch.inference_mode(False):
            return token_gradients(self.module, self.head, text, positions, prefix)

    def _whole(self, rows: Sequence[tuple[int, ...]]) -> torch.Tensor:
        """Vectors of whole texts, [texts, width], each by the fastest way that is right for it."""
        import torch

        lean = [index for index, row in enumerate(rows) if self.fits(len(row))]
        found: dict[int, torch.Tensor] = {}
        if self.lean is not None and lean:
            found |= zip(lean, self.lean.read([rows[i] for i in lean]), strict=True)
        rest = sorted(set(range(len(rows))) - set(found), key=lambda index: len(rows[index]))
        while rest:
            taken = rest[-max(_PLAIN_TOKENS // len(rows[rest[-1]]), 1) :]
            del rest[-len(taken) :]
            found |= zip(taken, plain_last(self.module, [rows[i] for i in taken]), strict=True)
        return torch.stack([found[index] for index in range(len(rows))])

    def _by_cache(self, forest: Forest) -> torch.Tensor:
        """Vectors of a forest's texts by the plain module: every node in its own cache once."""
        import torch

        found: list[torch.Tensor] = []
        for above, leaves in forest.ends():
            ends = [forest.nodes[index].ids for index in leaves]
            if above < 0:
                found.append(torch.cat([plain_last(self.module, [end]) for end in ends]))
                continue
            shared = forest.beginning(above)
            found.append(ends_of(self.module, ends, self._beginning(shared), len(shared)))
        return torch.cat(found)

    def _beginning(self, ids: tuple[int, ...]) -> CachedPrefix:
        """These tokens in the module's cache; what was asked for last is kept.

        Raises:
            StepAside: the cache does not keep all tokens.
        """
        import torch

        with torch.inference_mode(False), torch.no_grad():
            started = start_cached(self.module, ids, self._started)
        if started is None:
            raise StepAside("the module keeps no cache of all tokens")
        self._started = started
        return started

    def _can_cache(self) -> bool:
        """Whether the module's own cache gives what whole texts give; tried once."""
        if self._cache_proved is None:
            try:
                if not has_cache(self.module):
                    raise StepAside("the module takes no cache")
                exact = exact_copy(self.module)
                name = "the cache"
                prove(self.module, self.head, self._ways, longest=None, name=name, exact=exact)
                self._cache_proved = True
            except StepAside:
                self._cache_proved = False
            self._started = None
        return self._cache_proved

    def _ways(self, rows: list[tuple[int, ...]]) -> list[torch.Tensor]:
        long = rows[-1]
        if len(long) < 3:
            raise StepAside("texts of it are too short to share anything")
        self._beginning(long[: len(long) // 3])  # so that adding to what is kept is tried too
        return [self._by_cache(in_pieces(rows))]


def _finite(scores: list[float]) -> list[float]:
    """The scores themselves.

    Raises:
        ScoringError: one is not finite.
    """
    for index, score in enumerate(scores):
        if not math.isfinite(score):
            raise ScoringError(f"text {index} of {len(scores)}: the score is {score}")
    return scores
