"""Time and memory of storing scores and of finding them again, each in a process of its own.

    python benchmarks/score_store.py [SCORES] [WIDTH]

Times are wall clock; the peak is the operating system's own figure (ru_maxrss) less what the
process had before. The keys that are looked up are bytes already: making them of token ids is
timed apart, on texts of 40 tokens.
"""

from __future__ import annotations

import hashlib
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from pyrite.models import Encoded
from pyrite.scoring.memory import text_key
from pyrite.scoring.store import ScoreStore

BATCH = 512
"""Scores of one append, as an engine makes them batch by batch."""
WINDOW = 16_384
"""Texts of one look-up: the largest window of a query."""


def keys(start: int, stop: int) -> list[bytes]:
    """Text keys of numbered texts."""
    return [
        hashlib.blake2b(i.to_bytes(8, "little"), digest_size=16).digest()
        for i in range(start, stop)
    ]


def peak() -> float:
    """Peak memory of this process in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def write(folder: Path, count: int, width: int) -> None:
    """Store `count` scores, batch by batch."""
    values = np.random.default_rng(0).normal(size=(count, width))
    texts = keys(0, count)
    before, began = peak(), time.perf_counter()
    store = ScoreStore(folder, "benchmark", width=width)
    for start in range(0, count, BATCH):
        store.add(texts[start : start + BATCH], values[start : start + BATCH])
    store.close()
    seconds = time.perf_counter() - began
    rate = f"{count / seconds:,.0f}/s, {peak() - before:.0f} MiB"
    print(f"write {count:,} x {width}: {seconds:.2f} s, {rate}")


def read(folder: Path, count: int, width: int) -> None:
    """Open the store and find every score, window by window; half of the texts are new."""
    values = np.random.default_rng(0).normal(size=(count, width))
    texts = keys(0, count)
    new = keys(count, count + count // 2)
    before, began = peak(), time.perf_counter()
    store = ScoreStore(folder, "benchmark", width=width)
    assert len(store) == count
    loaded = time.perf_counter() - began
    began = time.perf_counter()
    for start in range(0, count, WINDOW):
        found, got = store.find(texts[start : start + WINDOW])
        assert found.all()
        assert np.array_equal(got, values[start : start + WINDOW])
    seconds = time.perf_counter() - began
    assert not store.find(new)[0].any()
    print(f"load {count:,} x {width}: {loaded:.2f} s, {peak() - before:.0f} MiB")
    print(f"find {count:,} x {width}: {seconds:.2f} s, {count / seconds:,.0f}/s")


def hash_texts(count: int) -> None:
    """Make keys of texts of 40 tokens."""
    texts = [Encoded(tuple(range(i, i + 40)), 39) for i in range(count)]
    began = time.perf_counter()
    for text in texts:
        text_key(text)
    seconds = time.perf_counter() - began
    print(f"keys of {count:,} texts of 40 tokens: {seconds:.2f} s, {count / seconds:,.0f}/s")


def main() -> None:
    """Run each part in a child process."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    width = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    with tempfile.TemporaryDirectory() as folder:
        for part in ("write", "read"):
            subprocess.run(
                [sys.executable, __file__, part, folder, str(count), str(width)], check=True
            )
        size = sum(path.stat().st_size for path in Path(folder).rglob("*.scores"))
        print(f"on disk: {size / 1e6:.1f} MB")
    hash_texts(min(count, 200_000))


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1] in ("write", "read"):
        part = write if sys.argv[1] == "write" else read
        part(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
    else:
        main()
