"""What the tests of endpoints share."""

from __future__ import annotations

import threading
from collections.abc import Callable

from pyrite.models import TextScorer
from pyrite.models._endpoint_http import Clock
from pyrite.types import Item

ITEMS = [Item(f"prompt {i % 5}", f"response {i % 7}") for i in range(20)]

Open = Callable[..., TextScorer]
"""Opens an endpoint at the fixture `server`: a route, and fields (protocol: openrlhf)."""


class FakeClock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.time = 0.0
        self.slept: list[float] = []
        self._lock = threading.Lock()

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.slept.append(seconds)
            self.time += seconds

    def clock(self) -> Clock:
        return Clock(self.now, self.sleep, lambda: 0.5)


def scores(scorer: TextScorer, items: list[Item]) -> list[float]:
    return [float(output.score) for output in scorer.score(items)]


def joined(item: Item) -> str:
    return (item.prompt or "") + (item.response or "")
