"""Windows cover what is missing, whatever the sizes do."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pyrite.steps.windows import FIRST, LARGEST, SMALLEST, Windows

RANGES = st.lists(st.integers(1, 3000), max_size=6).map(
    lambda steps: [
        (sum(steps[: 2 * i]), sum(steps[: 2 * i + 1])) for i in range((len(steps) + 1) // 2)
    ]
)


@given(
    RANGES,
    st.integers(1, 50),
    st.integers(1, 40),
    st.one_of(st.none(), st.integers(1, 900)),
    st.lists(st.floats(0, 100), min_size=1),
)
def test_every_missing_row_is_in_one_window(
    ranges: list[tuple[int, int]],
    multiple: int,
    workers: int,
    interval: int | None,
    seconds: list[float],
) -> None:
    windows = Windows(ranges, interval=interval, multiple=multiple, workers=workers)
    rows: list[int] = []
    for index, (start, stop) in enumerate(windows):
        rows += range(start, stop)
        assert start < stop
        assert (stop - start) % multiple == 0 or stop in {end for _, end in ranges}
        windows.measured(stop - start, seconds[index % len(seconds)])
    assert rows == [row for start, stop in ranges for row in range(start, stop)]


def test_sizes_follow_the_measured_rate() -> None:
    windows = Windows([(0, 10**9)])
    sizes = []
    for start, stop in windows:
        sizes.append(stop - start)
        if len(sizes) == 12:
            break
        # 100 rows a second, then one: 20 seconds are 2,000 rows, then no fewer than the smallest.
        windows.measured(stop - start, (stop - start) / (100 if len(sizes) < 6 else 1))
    assert sizes[:3] == [FIRST, 2000, 2000]
    assert sizes[-1] == SMALLEST
    fast = Windows([(0, 10**9)])
    grown = []
    for start, stop in fast:
        grown.append(stop - start)
        if len(grown) == 8:
            break
        fast.measured(stop - start, 0.0)
    assert grown[:3] == [FIRST, 4 * FIRST, 16 * FIRST]
    assert grown[-1] == LARGEST


def test_many_workers_share_few_rows() -> None:
    sizes = [stop - start for start, stop in Windows([(0, 1000)], workers=4)]
    assert max(sizes) <= 125
    assert sizes == sorted(sizes, reverse=True)
    assert [b - a for a, b in Windows([(0, 1000)], interval=300, workers=4)] == [300, 300, 300, 100]
