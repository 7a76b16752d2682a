"""Opened tiny reward models, shared by the tests of this folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from pyrite.models import TokenScorer
from tests.models.support_gptj import (
    reward_state,
    with_twins,
    write_base,
)
from tests.models.support_scorers import opened


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_base(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "hf_ckpt.pt"
    torch.save(with_twins(reward_state()), path)
    return path


@pytest.fixture(scope="session")
def compat(base: Path, checkpoint: Path) -> TokenScorer:
    return opened(base, checkpoint)


@pytest.fixture(scope="session")
def native(base: Path, checkpoint: Path) -> TokenScorer:
    return opened(base, checkpoint, reading="native")


@pytest.fixture(scope="session")
def difference(base: Path, checkpoint: Path) -> TokenScorer:
    return opened(base, checkpoint, form="difference")


@pytest.fixture(scope="session")
def recorded(shared_data: Path) -> dict[str, Any]:
    folder = shared_data / "parity" / "bittensor_reward"
    cases: dict[str, Any] = json.loads((folder / "cases.json").read_text(encoding="utf-8"))
    return {**cases, "base": folder / "base", "checkpoint": folder / "hf_ckpt.pt"}
