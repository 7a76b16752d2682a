"""OpenVINO on one thread, from the same ONNX file; float32 is asked for, its default is bfloat16
on CPUs that have it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from peers import Case, NotRun, Peer
from peers.onnx_runtime import Exported, Session, export

__all__ = ["open_peers"]


def _session(path: Path) -> Session:
    import openvino

    settings = {
        "INFERENCE_NUM_THREADS": 1,
        "NUM_STREAMS": 1,
        "INFERENCE_PRECISION_HINT": "f32",
    }
    compiled = openvino.Core().compile_model(str(path), "CPU", settings)

    def run(ids: np.ndarray, last: np.ndarray) -> np.ndarray:
        scores: np.ndarray = compiled({"input_ids": ids, "last": last})["scores"]
        return scores

    return run


def open_peers(case: Case) -> list[Peer]:
    """OpenVINO with texts in batches by length.

    Raises:
        NotRun: openvino or what the export needs is not installed.
    """
    try:
        run = _session(export(case))
    except ImportError as error:
        raise NotRun(f"openvino cannot be imported here: {error}") from error
    return [Exported(case, run, "OpenVINO fp32, sorted, 2048 tokens a batch", 2048)]
