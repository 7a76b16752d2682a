from __future__ import annotations

from collections.abc import Iterator

import pytest

from pyrite import Run
from tests.report.runs import ANALYSED, recorded_run, trained_rows


@pytest.fixture(scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYRITE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, own_cache: None) -> Run:
    """Recorded scores with gold, a subset and a step of training."""
    return recorded_run(tmp_path_factory.mktemp("trained"), trained_rows(600), extra=ANALYSED)
