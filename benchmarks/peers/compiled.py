"""torch.compile on transformers' module, with any number of rows and tokens; it compiles for
a minute or two, so that it runs only where it is asked for (`--compile`)."""

from __future__ import annotations

import numpy as np
import torch

from peers import Case, Peer
from peers.onnx_runtime import Exported, scores_of

__all__ = ["open_peers"]


def open_peers(case: Case) -> list[Peer]:
    """The compiled module with texts in batches by length."""
    compiled = torch.compile(scores_of(case), dynamic=True)

    def run(ids: np.ndarray, last: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            scores: np.ndarray = compiled(torch.from_numpy(ids), torch.from_numpy(last)).numpy()
            return scores

    return [Exported(case, run, "torch.compile, sorted, 2048 tokens a batch", 2048)]
