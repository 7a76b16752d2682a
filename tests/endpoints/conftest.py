"""A server, and endpoints opened with a clock of their own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pyrite.models import TextScorer
from pyrite.models.endpoint import Endpoint
from tests.endpoints.server import RewardServer
from tests.endpoints.support import FakeClock, Open


@pytest.fixture
def server() -> Iterator[RewardServer]:
    with RewardServer() as running:
        yield running


@pytest.fixture
def time() -> FakeClock:
    return FakeClock()


@pytest.fixture
def opened(server: RewardServer, time: FakeClock) -> Iterator[Open]:
    scorers: list[TextScorer] = []

    def open_(route: str = "", **fields: Any) -> TextScorer:
        model = Endpoint(url=server.url + route, **{"protocol": "openrlhf", **fields})
        scorers.append(model._open(time.clock()))
        return scorers[-1]

    yield open_
    for scorer in scorers:
        scorer.close()
