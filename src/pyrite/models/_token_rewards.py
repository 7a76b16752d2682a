"""The reward at every token: the head on every vector up to the one that the score is read at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pyrite.forward import Head
from pyrite.models import Encoded

if TYPE_CHECKING:
    import numpy as np
    import torch

__all__ = ["TokenTexts", "rewards_of"]


def rewards_of(vectors: torch.Tensor, head: Head, text: Encoded) -> np.ndarray:
    """What the head gives at every token of one text.

    Args:
        vectors: final vectors of its tokens, [tokens, width], and of pads after them.
        head: takes vectors [tokens, width] to scores [tokens].
        text: the text's ids.

    Returns:
        float32 [num_tokens]; NaN after the token that is read, where no score is ever read.
    """
    import numpy as np
    import torch

    with torch.inference_mode():
        read = head(vectors[: text.read_at + 1].float()).float().cpu().numpy()
    rewards = np.full(len(text.ids), np.nan, np.float32)
    rewards[: len(read)] = read
    return rewards


class TokenTexts:
    """The text that each token stands for, found once for every id.

    A token is decoded after itself, so that a space before a word is kept by tokenizers that drop
    the one at the beginning of a text. A token that is a part of a character reads U+FFFD.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._known: dict[int, str] = {}

    def __call__(self, ids: Sequence[int]) -> list[str]:
        """The texts of these tokens, in order."""
        for token in set(ids) - self._known.keys():
            self._known[token] = self._decoded([token, token])[len(self._decoded([token])) :]
        return [self._known[token] for token in ids]

    def _decoded(self, ids: list[int]) -> str:
        text: str = self._tokenizer.decode(
            ids, skip_special_tokens=False, clean_up_tokenization_spaces=False
        )
        return text
