"""transformers' own pipeline("text-classification"), in batches of 1, 8 and 32."""

from __future__ import annotations

from collections.abc import Sequence

from peers import Case, NotRun, Peer

__all__ = ["open_peers"]


class TextPipeline(Peer):
    """The pipeline over a list of texts; raw scores, no sigmoid."""

    takes_ids = False

    def __init__(self, case: Case, batch: int) -> None:
        from transformers import pipeline

        self.name = f"Hugging Face pipeline, batches of {batch}"
        self.most = 64 if batch == 1 else None
        self._batch = batch
        self._pipeline = pipeline(
            "text-classification",
            model=case.module,
            tokenizer=case.tokenizer,
            device="cpu",
            function_to_apply="none",
        )

    def score(self, texts: Sequence[str]) -> list[float]:
        """Scores, in order."""
        found = self._pipeline(list(texts), batch_size=self._batch)
        return [float(one["score"]) for one in found]


def open_peers(case: Case) -> list[Peer]:
    """The pipeline in three batch sizes.

    Raises:
        NotRun: the model is no classifier.
    """
    if not case.is_classifier:
        raise NotRun("it takes classifiers, not a trunk with a value head")
    return [TextPipeline(case, batch) for batch in (1, 8, 32)]
