"""How many threads a forward pass on a CPU should use: measured, because guessing is costly.

On cores that others use too, two threads can be many times slower than one for a small model,
because each small operation waits for the slower thread. On idle cores and large models more
threads are faster. So the first batches are timed with both, and the faster one is kept.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TypeVar

__all__ = ["ThreadChoice"]

T = TypeVar("T")

TRIALS = 3
"""Batches timed with each number of threads before one is chosen."""


class ThreadChoice:
    """Chooses between one thread and all of torch's, by timing real batches.

    Nothing is changed where `OMP_NUM_THREADS` is set or torch has one thread anyway.
    """

    def __init__(self) -> None:
        import torch

        self._all = torch.get_num_threads()
        given = os.environ.get("OMP_NUM_THREADS")
        self._choices = [] if given or self._all == 1 else [self._all, 1]
        self._times: dict[int, list[float]] = {n: [] for n in self._choices}

    @property
    def is_open(self) -> bool:
        """Whether batches are still timed."""
        return bool(self._choices)

    def run(self, forward: Callable[[], T], work: int) -> T:
        """Run one batch of `work` tokens, timing it while the choice is open."""
        if not self._choices:
            return forward()
        import torch

        threads = min(self._choices, key=lambda n: len(self._times[n]))
        torch.set_num_threads(threads)
        began = time.perf_counter()
        result = forward()
        self._times[threads].append((time.perf_counter() - began) / max(work, 1))
        if all(len(times) >= TRIALS for times in self._times.values()):
            # The least time of each: noise only ever adds.
            best = min(self._choices, key=lambda n: min(self._times[n]))
            torch.set_num_threads(best)
            self._choices = []
        return result
