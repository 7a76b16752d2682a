"""Many rows are loaded in little memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROWS = 150_000
CODE = """
import re, sys
from pyrite.config.sections import DataSection
from pyrite.data.load import load
rows = load(DataSection(path=sys.argv[1]))
assert sum(batch.num_rows for batch in rows.batches()) == rows.num_rows
print(rows.num_rows, re.search(r"VmHWM:\\s*(\\d+)", open("/proc/self/status").read())[1])
"""


def peak(path: Path, rows: int) -> float:
    line = '{"question": "what comes after %d?", "answer": ["%d", "one more"], "score": 0.5}\n'
    with path.open("w") as stream:
        stream.writelines(line % (i, i + 1) for i in range(rows))
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(path)], capture_output=True, text=True, check=True
    )
    count, kilobytes = map(int, done.stdout.split())
    assert count == rows
    return kilobytes / 1024


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="peak memory is read from /proc, as on Linux"
)
def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    small = peak(tmp_path / "small.jsonl", 20_000)
    large = peak(tmp_path / "large.jsonl", ROWS)
    # A million such rows were measured at 171 MB.
    assert large < 250
    assert large - small < 100
