"""Texts through a lean forward pass: what was wanted of each, without padding in between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyrite.errors import ScoringError
from pyrite.forward import Decoder, Head
from pyrite.models import Encoded, Output, Want
from pyrite.models._token_rewards import rewards_of
from pyrite.models._trunk import layer_of, pooled

if TYPE_CHECKING:
    import numpy as np
    import torch

__all__ = ["PackedVectors", "fits", "packed_outputs", "packed_vectors"]


@dataclass(frozen=True, slots=True)
class PackedVectors:
    """Vectors of texts, one tensor each; what was not wanted is empty.

    Attributes:
        final: the final vectors where the texts are read, [texts, width], in float32.
        states: of each text the vectors of the wanted layer and where it is read in them.
        embedded: of each text its input embeddings, [tokens, width].
        every: of each text the final vectors of all tokens, [tokens, width].
    """

    final: torch.Tensor
    states: Sequence[tuple[torch.Tensor, int]] = ()
    embedded: Sequence[torch.Tensor] = ()
    every: Sequence[torch.Tensor] = ()

    def read(self, texts: Sequence[Encoded]) -> torch.Tensor:
        """The final vectors where the texts are read, in float32: [texts, width]."""
        return self.final

    def output(
        self,
        score: float | np.ndarray,
        row: int,
        text: Encoded,
        want: Want,
        head: Head | None = None,
    ) -> Output:
        """The output of text `row`, with what is wanted of it; see `Vectors.output`.

        Raises:
            ScoringError: a vector does not fit the wanted type.
        """
        hidden = embedded = None
        if want.hidden_states is not None:
            states, read_at = self.states[row]
            hidden = pooled(states, want.hidden_states, length=len(states), read_at=read_at)
        if want.embeddings is not None:
            place = {"length": len(text.ids), "read_at": text.read_at}
            embedded = pooled(self.embedded[row], want.embeddings, **place)
        rewards = None
        if want.token_rewards and head is not None:
            rewards = rewards_of(self.every[row], head, text)
        return Output(score, hidden, embedded, rewards)


def fits(decoder: Decoder, texts: Sequence[Encoded]) -> bool:
    """Whether the lean forward pass runs all of these texts."""
    return all(decoder.fits(len(text.ids)) for text in texts)


def packed_vectors(decoder: Decoder, texts: Sequence[Encoded], want: Want) -> PackedVectors:
    """Run texts that `fits`; tokens after the one that is read are run only if they are wanted.

    Raises:
        ScoringError: the wanted layer does not exist.
    """
    import torch

    lean = decoder.lean
    assert lean is not None
    embedded: list[torch.Tensor] = []
    if want.embeddings is not None:
        with torch.inference_mode():
            embedded = [lean.embedding[torch.tensor(text.ids)] for text in texts]
    hidden = want.hidden_states
    layer = len(lean.blocks) if hidden is None else layer_of(hidden, len(lean.blocks))
    at_the_end = hidden is None or (hidden.pool == "last" and layer == len(lean.blocks))
    if at_the_end and not want.token_rewards:
        final = lean.read([text.ids[: text.read_at + 1] for text in texts]).float()
        return PackedVectors(final, [(vector[None], 0) for vector in final], embedded)
    both = lean.states([text.ids for text in texts], layer)
    read = [final[text.read_at] for (final, _), text in zip(both, texts, strict=True)]
    states = [(state, text.read_at) for (_, state), text in zip(both, texts, strict=True)]
    every = [final for final, _ in both] if want.token_rewards else []
    return PackedVectors(torch.stack(read).float(), states, embedded, every)


def packed_outputs(decoder: Decoder, texts: Sequence[Encoded], want: Want) -> list[Output]:
    """Scores by the decoder's own head, and wanted vectors.

    Raises:
        ScoringError: a score is not finite, or the wanted layer does not exist.
    """
    import torch

    vectors = packed_vectors(decoder, texts, want)
    with torch.inference_mode():
        scores = decoder.head(vectors.final)
    if not torch.isfinite(scores).all():
        row = int((~torch.isfinite(scores)).nonzero()[0])
        raise ScoringError(
            f"text {row} of a batch ({len(texts[row].ids)} tokens): the score is {scores[row]}"
        )
    return [
        vectors.output(score, row, text, want, decoder.head)
        for row, (score, text) in enumerate(zip(scores.tolist(), texts, strict=True))
    ]
