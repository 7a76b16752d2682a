"""The fixture `hub`: an empty hub on loopback."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .server import Hub


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as server:
        yield server
