"""Fixtures that all tests share."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# Trackio reads this once, when it is imported, so it must be set before any test imports it.
os.environ["TRACKIO_DIR"] = tempfile.mkdtemp(prefix="pyrite-trackio-")
atexit.register(shutil.rmtree, os.environ["TRACKIO_DIR"], ignore_errors=True)

# A busy machine must not fail a test: no deadline for an example.
settings.register_profile("pyrite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("pyrite")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with public data that is not part of the repository; skips where it is absent."""
    root = Path(__file__).resolve().parents[1]
    given = os.environ.get("PYRITE_SHARED")
    folder = (Path(given) if given else root.parent / "shared") / "data"
    if not folder.is_dir():
        pytest.skip(f"public test data is not here ({folder}); set PYRITE_SHARED to run this test")
    return folder


@pytest.fixture(autouse=True)
def private_cache(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keep the tests out of the user's own cache folder, and from each other's stored scores."""
    cache = tmp_path_factory.getbasetemp() / "pyrite-cache"
    shutil.rmtree(cache / "scores", ignore_errors=True)
    monkeypatch.setenv("PYRITE_CACHE", str(cache))


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the reward functions of small experiments write down what they scored."""
    path = tmp_path / "scored.log"
    path.touch()
    monkeypatch.setenv("REWARD_LOG", str(path))
    return path
