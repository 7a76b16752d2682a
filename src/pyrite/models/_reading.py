"""The two ways in which a bittensor reward model is read: which ids, and at which one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from pyrite.errors import ModelError
from pyrite.models import Encoded, Limits
from pyrite.models._tokenizers import rendered_ids

__all__ = ["CompatReading", "NativeReading", "Reading", "check_vocabulary", "first_index"]

START, END = "<|startoftext|>", "<|endoftext|>"


def first_index(ids: Sequence[int], wanted: int) -> int:
    """Index of the first `wanted` in `ids`, or their number where there is none."""
    try:
        return ids.index(wanted)
    except ValueError:
        return len(ids)


def check_vocabulary(tokenizer: Any, vocabulary: int, *, name: str) -> None:
    """Refuse a tokenizer whose ids the model has no embedding for.

    Raises:
        ModelError: names the largest id and the size of the vocabulary.
    """
    largest = max(tokenizer.get_vocab().values(), default=-1)
    if largest >= vocabulary:
        raise ModelError(
            f"the tokenizer of {name} has ids up to {largest}, the model has {vocabulary} "
            "embeddings; name the model's own tokenizer with `tokenizer`"
        )


@dataclass(frozen=True, slots=True)
class Reading(ABC):
    """A reading: tokenizer, limits and the rule for the position.

    Attributes:
        tokenizer: an opened tokenizer.
        name: where it came from, for messages.
        eos: id of the end of text, which is also what rows are padded with.
        positions: most tokens that the trunk takes.
        default_unravel: the form of text that this reading is made for.
    """

    tokenizer: Any
    name: str
    eos: int
    positions: int
    default_unravel: str

    kind: ClassVar[str]
    wrapper: ClassVar[str]
    read_at: ClassVar[str]
    truncation_side: ClassVar[str]

    @abstractmethod
    def position(self, ids: Sequence[int]) -> int:
        """Where the score of these ids is read; -1 where nothing is left to read."""

    @abstractmethod
    def encode(
        self, texts: Sequence[str], special_tokens: Sequence[bool], limits: Limits
    ) -> list[Encoded]:
        """Wrapped ids, cut if the limits say so; `problem` where they cannot be scored."""

    def _limit(self, limits: Limits) -> int:
        return min(limits.max_tokens or self.positions, self.positions)

    def _encoded(self, ids: Sequence[int], num_cut: int) -> Encoded:
        read_at = self.position(ids)
        problem = ""
        if len(ids) > self.positions:
            problem = (
                f"{len(ids)} tokens, the model has {self.positions} positions and truncation is off"
            )
        elif read_at < 0:
            problem = "nothing is left to read: the text starts with an end of text"
        return Encoded(tuple(ids), -1 if problem else read_at, num_cut, problem=problem)


@dataclass(frozen=True, slots=True)
class CompatReading(Reading):
    """bittensor's reading: wrapped, special tokens obeyed, one before the first end of text."""

    kind = "compat"
    wrapper = f"{START}{{text}}{END}"
    read_at = "one token before the first end of text; the last token where there is none"
    truncation_side = "right (off unless the query says truncation: true)"

    @staticmethod
    def check(tokenizer: Any, *, name: str) -> None:
        """Refuse a tokenizer that would not see the end of text that this reading writes.

        Raises:
            ModelError: its end of text is spelled otherwise.
        """
        if tokenizer.eos_token != END:
            raise ModelError(
                f"reading compat writes {END!r} after every text, and the tokenizer of {name} "
                f"ends a text with {tokenizer.eos_token!r}; use reading: native"
            )

    def position(self, ids: Sequence[int]) -> int:
        """One before the first end of text: with pad = end of text, the original's rule."""
        return first_index(ids, self.eos) - 1

    def encode(
        self, texts: Sequence[str], special_tokens: Sequence[bool], limits: Limits
    ) -> list[Encoded]:
        """Wrapped ids; cut on the right, the end of text too, only if `truncation` is True."""
        wrapped = [f"{START}{text}{END}" for text in texts]
        rows = rendered_ids(self.tokenizer, wrapped, special_tokens, parse_special=True)
        keep = self._limit(limits) if limits.truncation else None
        return [self._encoded(ids[:keep], len(ids) - len(ids[:keep])) for ids in rows]


@dataclass(frozen=True, slots=True)
class NativeReading(Reading):
    """The reading that was trained: text and end of text, read there, cut on the left."""

    kind = "native"
    wrapper = f"{{text}}{END}"
    read_at = "the end of text that is put after every text"
    truncation_side = "left"

    def position(self, ids: Sequence[int]) -> int:
        """The end of text, which `encode` put last."""
        return len(ids) - 1

    def encode(
        self, texts: Sequence[str], special_tokens: Sequence[bool], limits: Limits
    ) -> list[Encoded]:
        """Ids of the text as plain text, the end of text after it; cut unless switched off."""
        rows = rendered_ids(self.tokenizer, texts, special_tokens, parse_special=False)
        room = self._limit(limits) - 1
        encoded = []
        for ids in rows:
            if ids[-1:] == [self.eos]:
                ids.pop()  # put there by the tokenizer itself: a text's own is spelled out
            cut = 0 if limits.truncation is False else max(len(ids) - room, 0)
            encoded.append(self._encoded([*ids[cut:], self.eos], cut))
        return encoded
