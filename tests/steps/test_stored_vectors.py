"""Stored vectors come back as columns, row by row, whatever was pooled."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.steps.experiments import run_storing


@pytest.mark.parametrize("pool", ["last", "mean", "all"])
@pytest.mark.parametrize("data", ["builtin:demo/questions.jsonl", "builtin:demo/pairs.jsonl"])
def test_vectors_are_columns(tmp_path: Path, pool: str, data: str) -> None:
    embeddings = "{embeddings: {pool: mean, dtype: float32}}"
    store = f"[{{hidden_states: {{pool: {pool}}}}}, tokens, {embeddings}]"
    run = run_storing(tmp_path, store, data=data)
    table = run.table("scores")
    prefix = "chosen_" if "pairs" in data else ""
    for tokens, hidden, embedded in zip(
        table[f"{prefix}tokens"],
        table[f"{prefix}hidden_states"],
        table[f"{prefix}embeddings"],
        strict=True,
    ):
        assert hidden.shape == ((len(tokens), 128) if pool == "all" else (128,))
        assert hidden.dtype == np.float16
        assert embedded.shape == (128,)
        assert embedded.dtype == np.float32
        assert np.isfinite(hidden).all()
    assert f"{prefix}hidden_states" not in run.table("scores", vectors=False).columns
