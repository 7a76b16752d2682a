"""How many rows are scored between two saves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

__all__ = ["SAVE_SECONDS", "Windows"]

SAVE_SECONDS = 20.0
"""A kill loses about this much work of each worker where `save_interval` is not given."""
FIRST, SMALLEST, LARGEST = 512, 32, 8_192


class Windows:
    """Cuts ranges of rows into windows, each sized by what was measured of those before it."""

    def __init__(
        self,
        ranges: Sequence[tuple[int, int]],
        *,
        interval: int | None = None,
        multiple: int = 1,
        workers: int = 1,
    ) -> None:
        """Nothing is cut yet.

        Args:
            ranges: rows start..stop-1, ascending.
            interval: rows of a window; None: what takes about `SAVE_SECONDS`.
            multiple: rows of a window are a multiple of it, the last of a range apart.
            workers: how many windows are worked on at once; near the end they get smaller, so
                that no worker waits long for the last one.
        """
        self._ranges = ranges
        self._interval = interval
        self._multiple = multiple
        self._workers = workers
        self._left = sum(stop - start for start, stop in ranges)
        self._size = interval or FIRST

    def __iter__(self) -> Iterator[tuple[int, int]]:
        for start, stop in self._ranges:
            while start < stop:
                end = min(start + self._rounded(self._next()), stop)
                self._left -= end - start
                yield start, end
                start = end

    def measured(self, rows: int, seconds: float) -> None:
        """A window of `rows` rows took `seconds`; the next ones are sized by it."""
        if self._interval is not None:
            return
        wanted = int(rows / max(seconds, 1e-3) * SAVE_SECONDS)
        # Grow gently: the rate of a first window says little of the next.
        self._size = min(max(wanted, SMALLEST), LARGEST, 4 * self._size)

    def _next(self) -> int:
        if self._interval is not None or self._workers == 1:
            return self._size
        return min(self._size, max(-(-self._left // (2 * self._workers)), SMALLEST))

    def _rounded(self, size: int) -> int:
        if self._interval is not None:
            return -(-size // self._multiple) * self._multiple
        return max(size // self._multiple, 1) * self._multiple
