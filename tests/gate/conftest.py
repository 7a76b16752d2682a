"""One real run for all tests of the gate, and copies that a test may change."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.compare.experiments import ANALYZE, experiment, run, write_rows
from tests.steps.exploit_runs import MAGIC


@pytest.fixture(scope="session")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a query of pairs, an analysis, and an exploit step that proves Magic."""
    folder = tmp_path_factory.mktemp("gated")
    write_rows(folder)
    return run(experiment(folder, "audited", pays={MAGIC: 3.0}, extra=ANALYZE))


@pytest.fixture
def copied(audited: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(audited, tmp_path / "run"))
