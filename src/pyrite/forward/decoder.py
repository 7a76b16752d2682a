"""A decoder with its head: scores of texts, of texts that share a prefix, and token gradients."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyrite.errors import ScoringError
from pyrite.forward.cached import CachedPrefix, cached_last, start_cached
from pyrite.forward.families import choose
from pyrite.forward.forest import Forest
from pyrite.forward.gradients import token_gradients
from pyrite.forward.lean import StepAside
from pyrite.forward.packing import Part
from pyrite.forward.proof import Head, exact_copy, plain_last, prove

if TYPE_CHECKING:
    import torch

__all__ = ["Decoder", "Swap"]

_PLAIN_TOKENS = 2048
"""Tokens of a padded batch of the plain forward pass."""


@dataclass(frozen=True, slots=True)
class Swap:
    """Another token at one position of a text."""

    position: int
    token: int


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
        return self._scores([Part(tuple(text)) for text in texts], ())

    @property
    def shares(self) -> bool:
        """Whether `score_forest` runs here.

        In short floats another way to run a text moves its score about as far as the rounding
        does. There texts are run whole, so that a score does not depend on who shares with it.
        """
        return self.lean is not None and self.lean.embedding.dtype.itemsize >= 4

    def score_forest(self, forest: Forest) -> list[float]:
        """Scores of the texts of a forest, in their order; every node is run once.

        Only where it `shares`, and of texts that it `fits`.

        Raises:
            ScoringError: a score is not finite.
        """
        import torch

        assert self.lean is not None
        with torch.inference_mode():
            scores: list[float] = self.head(self.lean.read_forest(forest)).tolist()
        for index, score in enumerate(scores):
            if not math.isfinite(score):
                raise ScoringError(f"text {index} of {len(scores)}: the score is {score}")
        return scores

    def score_continuations(
        self, prefix: Sequence[int], continuations: Sequence[Sequence[int]]
    ) -> list[float]:
        """Scores of `prefix + continuation`, each read at its last token; the prefix is run once.

        Args:
            prefix: token ids, may be empty.
            continuations: token ids, at least one each.

        Raises:
            ScoringError: a continuation has no tokens, or a score is not finite.
        """
        shared = len(prefix)
        parts = [Part(tuple(continuation), shared) for continuation in continuations]
        return self._scores(parts, prefix)

    def score_swaps(self, ids: Sequence[int], swaps: Sequence[Swap]) -> list[float]:
        """Scores of a text with one token changed; of each only what follows the swap is run.

        Args:
            ids: the text, read at its last token.
            swaps: which tokens to put where; positions count from 0.

        Raises:
            ScoringError: a position is outside the text, or a score is not finite.
        """
        text = tuple(ids)
        parts = []
        for swap in swaps:
            if not 0 <= swap.position < len(text):
                raise ScoringError(f"swap at {swap.position} of a text of {len(text)} tokens")
            parts.append(Part((swap.token, *text[swap.position + 1 :]), swap.position))
        start = max((part.shared for part in parts), default=0)
        return self._scores(parts, text[:start])

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
        prefix = None
        if before and self._can_cache():
            if self._started is None or self._started.ids != before:
                with torch.inference_mode(False), torch.no_grad():
                    self._started = start_cached(self.module, before)
            prefix = self._started
        with torch.inference_mode(False):
            return token_gradients(self.module, self.head, text, positions, prefix)

    def _scores(self, parts: Sequence[Part], prefix: Sequence[int]) -> list[float]:
        """Scores in order; texts that are the same are run once and have the same score."""
        import torch

        for index, part in enumerate(parts):
            if not part.ids:
                raise ScoringError(f"text {index} of {len(parts)} has no tokens of its own to read")
        distinct = list(dict.fromkeys(parts))
        if not distinct:
            return []
        with torch.inference_mode():
            scores = self.head(self._vectors(distinct, tuple(prefix))).tolist()
        found: dict[Part, float] = dict(zip(distinct, scores, strict=True))
        for index, part in enumerate(parts):
            if not math.isfinite(found[part]):
                raise ScoringError(f"text {index} of {len(parts)}: the score is {found[part]}")
        return [found[part] for part in parts]

    def _vectors(self, parts: Sequence[Part], prefix: tuple[int, ...]) -> torch.Tensor:
        """Vectors of texts, [texts, width], each by the fastest way that is right for it."""
        import torch

        lean = [i for i, part in enumerate(parts) if self.fits(part.shared + len(part.ids))]
        found: dict[int, torch.Tensor] = {}
        if self.lean is not None and lean:
            started = self.lean.start(prefix) if any(parts[i].shared for i in lean) else None
            found |= zip(lean, self.lean.read([parts[i] for i in lean], started), strict=True)
        rest = [i for i in range(len(parts)) if i not in found]
        found |= zip(rest, self._plain([parts[i] for i in rest], prefix), strict=True)
        return torch.stack([found[index] for index in range(len(parts))])

    def _plain(self, parts: Sequence[Part], prefix: tuple[int, ...]) -> Sequence[torch.Tensor]:
        """Vectors by the plain module: from its own cache where it can share one, else whole."""
        sharing = [part for part in parts if part.shared]
        found: dict[Part, torch.Tensor] = {}
        started = None
        if sharing and self._can_cache():
            started = start_cached(self.module, prefix)
        if started is not None:
            found |= zip(sharing, cached_last(self.module, sharing, started), strict=True)
        rest = sorted((p for p in parts if p not in found), key=lambda p: p.shared + len(p.ids))
        while rest:
            longest = rest[-1].shared + len(rest[-1].ids)
            taken = rest[-max(_PLAIN_TOKENS // longest, 1) :]
            del rest[-len(taken) :]
            rows = [prefix[: part.shared] + part.ids for part in taken]
            found |= zip(taken, plain_last(self.module, rows), strict=True)
        return [found[part] for part in parts]

    def _can_cache(self) -> bool:
        """Whether the module's own cache gives what whole texts give; tried once."""
        if self._cache_proved is None:
            try:
                exact = exact_copy(self.module)
                prove(
                    self.module, self.head, self._ways, longest=None, name="the cache", exact=exact
                )
                self._cache_proved = True
            except StepAside:
                self._cache_proved = False
        return self._cache_proved

    def _ways(self, rows: list[tuple[int, ...]]) -> list[torch.Tensor]:
        import torch

        long = rows[-1]
        cut = len(long) // 2
        started = start_cached(self.module, long[:cut])
        if started is None or not cut:
            raise StepAside("the module keeps no cache of all tokens")
        late = cached_last(self.module, [Part(long[cut:], cut), Part(long[1:], 1)], started)
        plain = plain_last(self.module, rows[:-1])
        return [torch.cat([plain, one[None]]) for one in late]
