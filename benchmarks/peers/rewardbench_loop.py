"""rewardbench's scoring: its own pipeline class, in the loop that its command runs.

The package as a whole imports names that transformers 5 no longer has, so that the file with its
pipeline class is loaded alone, unchanged. Its loop (batches of 8 in data order, padded on the
left) is written again here in the few lines that it is, and so is a CPU in the place of `cuda`.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any
from unittest import mock

from peers import Case, NotRun, Peer

__all__ = ["open_peers"]

BATCH, LONGEST = 8, 512
"""The defaults of the command `rewardbench`."""


class RewardBench(Peer):
    """`RewardBenchPipeline` on batches of 8."""

    name = "rewardbench's pipeline and loop, batches of 8"
    takes_ids = False
    told = (
        "its pipeline class is the published file, loaded alone because the package does not "
        "import with transformers 5; the loop around it was re-expressed"
    )

    def __init__(self, case: Case) -> None:
        import copy

        tokenizer = copy.deepcopy(case.tokenizer)
        tokenizer.padding_side = "left"
        self._pipeline = _pipeline_class()("text-classification", case.module, tokenizer)

    def score(self, texts: Sequence[str]) -> list[float]:
        """Scores, in order."""
        scores: list[float] = []
        with _on_cpu():
            for start in range(0, len(texts), BATCH):
                batch = list(texts[start : start + BATCH])
                rewards = self._pipeline(
                    batch, batch_size=BATCH, truncation=False, padding=True, max_length=LONGEST
                )
                scores += rewards.cpu().float().numpy().ravel().tolist()
        return scores


def _pipeline_class() -> Any:
    try:
        path = distribution("rewardbench").locate_file("rewardbench/models/pipeline.py")
    except PackageNotFoundError as error:
        raise NotRun("rewardbench is not installed") from error
    spec = importlib.util.spec_from_file_location("rewardbench_pipeline", str(path))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.RewardBenchPipeline


@contextmanager
def _on_cpu() -> Iterator[None]:
    """Its pipeline moves every batch to `cuda`; here it stays where it is."""
    from transformers import BatchEncoding

    with mock.patch.object(BatchEncoding, "to", lambda batch, _device: batch):
        yield


def open_peers(case: Case) -> list[Peer]:
    """The pipeline.

    Raises:
        NotRun: the model is no classifier, or rewardbench is not installed.
    """
    if not case.is_classifier:
        raise NotRun("it takes classifiers, not a trunk with a value head")
    return [RewardBench(case)]
