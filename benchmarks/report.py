"""The report of many rows: seconds, peak memory and size of the page.

    python benchmarks/report.py --rows 1000000

The rows are generated: recorded scores of two models, gold, prompts with ten answers each.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import pyrite
from pyrite.report.write import write_report

ANSWERS = 10
EXPERIMENT = """
name: many
out: {folder}/runs
model: {{id: rm, entrypoint: Recorded, columns: [first, second]}}
data: {{id: rows, path: {folder}/rows.parquet, schema: {{prompt: prompt, response: response}}}}
query: {{id: scores}}
analyze: {{id: surface, compute: [num_words], gold: gold, bootstrap: 100}}
"""


def write_rows(path: Path, rows: int) -> None:
    """Generated texts, scores that go with their length, and gold."""
    draw = np.random.default_rng(0)
    words = draw.integers(3, 40, rows)
    noise = draw.normal(size=(3, rows))
    table = pa.table(
        {
            "prompt": [f"Question {at // ANSWERS}?" for at in range(rows)],
            "response": [f"Answer {at}: " + "word " * int(n) for at, n in enumerate(words)],
            "first": words / 10 + noise[0],
            "second": words / 40 + noise[1],
            "gold": words / 20 + noise[2],
        }
    )
    pq.write_table(table, path)


def main() -> None:
    """Run, write the report again alone, and say what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_rows(folder / "rows.parquet", rows)
        file = folder / "experiment.yml"
        file.write_text(EXPERIMENT.format(folder=folder), encoding="utf-8")
        began = time.perf_counter()
        run = pyrite.run(file, quiet=True)
        whole = time.perf_counter() - began
        began = time.perf_counter()
        page = write_report(run.path)
        took = time.perf_counter() - began
        data = page.with_suffix(".json")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"{rows:,} rows: the run {whole:.0f} s, the report alone {took:.1f} s; "
            f"report.html {page.stat().st_size / 1e6:.1f} MB, "
            f"report.json {data.stat().st_size / 1e6:.2f} MB; peak of the process {peak:,.0f} MiB"
        )


if __name__ == "__main__":
    main()
