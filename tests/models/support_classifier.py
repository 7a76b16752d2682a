"""Opening and spoiling the tiny classifiers of the zoo."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from pyrite.models import Limits, Rendered, TokenScorer, Want
from pyrite.models.sequence_classifier import SequenceClassifier

TEXT = Rendered("who wrote the answer on the moon?")


def opened(folder: Path, **fields: Any) -> TokenScorer:
    return SequenceClassifier(path=str(folder), **fields).open()


def score(scorer: TokenScorer, *texts: Rendered) -> list[float]:
    encoded = scorer.encode(list(texts), Limits())
    return [float(output.score) for output in scorer.forward(encoded, Want())]


def edit_config(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    config = json.loads(path.read_text())
    for key, value in changes.items():
        config.pop(key, None)
        if value is not None:
            config[key] = value
    path.write_text(json.dumps(config))


def edit_weights(folder: Path, change: Callable[[dict[str, torch.Tensor]], None]) -> None:
    path = folder / "model.safetensors"
    state = load_file(path)
    change(state)
    save_file(state, path, metadata={"format": "pt"})
