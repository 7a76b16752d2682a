"""Stored vectors come back as columns, row by row, whatever was pooled."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import pyrite

EXPERIMENT = """
name: vectors
out: {out}
doctor: "off"
model: {{id: tiny, path: "builtin:tiny-reward-model", reading: native}}
data:
  id: rows
  path: {data}
  sample: {{n: 7}}
query:
  id: scores
  requires: [tiny, rows]
  save_interval: 3
  store:
    - hidden_states: {{pool: {pool}}}
    - tokens
    - embeddings: {{pool: mean, dtype: float32}}
"""


@pytest.mark.parametrize("pool", ["last", "mean", "all"])
@pytest.mark.parametrize("data", ["builtin:demo/questions.jsonl", "builtin:demo/pairs.jsonl"])
def test_vectors_are_columns(tmp_path: Path, pool: str, data: str) -> None:
    file = tmp_path / "e.yml"
    file.write_text(EXPERIMENT.format(out=tmp_path / "runs", data=data, pool=pool))
    run = pyrite.run(file, quiet=True)
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
