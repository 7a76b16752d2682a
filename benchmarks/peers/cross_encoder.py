"""sentence-transformers' CrossEncoder, which sorts by length and runs batches of 32."""

from __future__ import annotations

from collections.abc import Sequence

from peers import Case, NotRun, Peer

__all__ = ["open_peers"]


class SentenceCrossEncoder(Peer):
    """`CrossEncoder.predict`; raw scores, no sigmoid.

    It takes pairs only: the second text is empty, which adds no token with this tokenizer.
    """

    told = "it takes pairs only: each text with an empty one, the same tokens"
    name = "sentence-transformers CrossEncoder"
    takes_ids = False

    def __init__(self, case: Case) -> None:
        import torch
        from sentence_transformers import CrossEncoder

        self._model = CrossEncoder(
            str(case.folder), device="cpu", activation_fn=torch.nn.Identity()
        )

    def score(self, texts: Sequence[str]) -> list[float]:
        """Scores, in order."""
        pairs = [(text, "") for text in texts]
        found = self._model.predict(pairs, batch_size=32, show_progress_bar=False)
        return [float(score) for score in found]


def open_peers(case: Case) -> list[Peer]:
    """The CrossEncoder.

    Raises:
        NotRun: the model is no classifier, or sentence-transformers is not installed.
    """
    if not case.is_classifier:
        raise NotRun("it takes classifiers, not a trunk with a value head")
    try:
        return [SentenceCrossEncoder(case)]
    except ImportError as error:
        raise NotRun(f"sentence-transformers cannot be imported here: {error}") from error
