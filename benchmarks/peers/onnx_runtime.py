"""ONNX Runtime in float32 on one thread: the model exported once, texts in batches by length."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from peers import Case, IdsPeer, NotRun, Peer, Rows
from pyrite.scoring.batching import batches_by_tokens

__all__ = ["Exported", "Session", "export", "open_peers"]

Session = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Ids [rows, time] and the index of each row's last token to scores [rows]."""


class Exported(IdsPeer):
    """An exported model; causal attention needs no mask for pads on the right."""

    def __init__(self, case: Case, run: Session, name: str, budget: int) -> None:
        super().__init__(case)
        self.name = name
        self.most = 64 if budget == 1 else None
        self._run = run
        self._budget = budget

    def score_ids(self, rows: Rows) -> list[float]:
        """Scores, in order."""
        found = [0.0] * len(rows)
        for batch in batches_by_tokens([len(row) for row in rows], budget=self._budget):
            ids, mask = self.case.padded([rows[index] for index in batch])
            scores = self._run(ids.numpy(), (mask.sum(dim=1) - 1).numpy())
            for index, score in zip(batch, scores, strict=True):
                found[index] = float(score)
        return found


class _Scores(torch.nn.Module):
    def __init__(self, case: Case) -> None:
        super().__init__()
        self.trunk = case.trunk
        self.register_buffer("head", case.head_weight.detach().clone())

    def forward(self, input_ids: torch.Tensor, last: torch.Tensor) -> torch.Tensor:
        positions = torch.arange(input_ids.shape[1])[None]
        states = self.trunk(
            input_ids=input_ids, position_ids=positions, use_cache=False
        ).last_hidden_state
        index = last[:, None, None].expand(-1, 1, states.shape[-1])
        scores: torch.Tensor = states.gather(1, index)[:, 0] @ self.head
        return scores


def export(case: Case) -> Path:
    """The model as an ONNX file with any number of rows and tokens; made once per case.

    Raises:
        NotRun: a package for it is absent, or torch cannot export this module.
    """
    path = case.folder / "model.onnx"
    if path.exists():
        return path
    rows, time = torch.export.Dim("rows", max=4096), torch.export.Dim("time", max=1024)
    example = (torch.randint(3, 100, (3, 7)), torch.tensor([6, 4, 5]))
    try:
        with torch.inference_mode(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                _Scores(case).eval(),
                example,
                path,
                dynamo=True,
                verbose=False,
                input_names=["input_ids", "last"],
                output_names=["scores"],
                dynamic_shapes={"input_ids": {0: rows, 1: time}, "last": {0: rows}},
            )
    except ImportError as error:
        raise NotRun(f"the ONNX export needs a package that is not here: {error}") from error
    except torch.onnx.errors.OnnxExporterError as error:
        raise NotRun(f"torch cannot export the model: {str(error)[:200]}") from error
    return path


def _session(path: Path) -> Session:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])

    def run(ids: np.ndarray, last: np.ndarray) -> np.ndarray:
        scores: np.ndarray = session.run(["scores"], {"input_ids": ids, "last": last})[0]
        return scores

    return run


def open_peers(case: Case) -> list[Peer]:
    """ONNX Runtime with texts one by one, and in batches by length.

    Raises:
        NotRun: onnxruntime or what the export needs is not installed.
    """
    try:
        run = _session(export(case))
    except ImportError as error:
        raise NotRun(f"onnxruntime cannot be imported here: {error}") from error
    return [
        Exported(case, run, "ONNX Runtime fp32, one by one", 1),
        Exported(case, run, "ONNX Runtime fp32, sorted, 2048 tokens a batch", 2048),
    ]
