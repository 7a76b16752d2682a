"""Peak memory of a million short rows through recorded scores and surface features.

    python benchmarks/memory.py [ROWS]

Every stage runs in one process of its own, as a user would run it; the peak is the operating
system's own figure (ru_maxrss of that process).
"""

from __future__ import annotations

import csv
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

EXPERIMENT = """
name: million
out: {folder}/runs
model: {{id: recorded, entrypoint: recorded, column: reward}}
data:
  id: rows
  path: {folder}/rows.csv
  schema: {{prompt: prompt, response: response}}
query: {{id: scores, requires: [recorded, rows]}}
analyze:
  id: surface
  requires: [scores]
  compute:
    [num_words, num_chars, avg_word_length, num_digits, num_exclamation_marks, num_list_items]
  plot: [{{score: [num_words]}}]
"""


def write_rows(path: Path, rows: int) -> None:
    """Write `rows` short rows: four answers to each prompt, scored by length and noise."""
    draw = random.Random(0)
    words = ["the", "answer", "is", "42", "probably", "- item", "yes!", "of", "course", "a", "big"]
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["prompt", "response", "reward"])
        for row in range(rows):
            response = " ".join(draw.choices(words, k=draw.randint(2, 12)))
            reward = round(0.02 * len(response) + draw.gauss(0, 1), 4)
            writer.writerow([f"question {row // 4}", response, reward])


def main() -> None:
    """Run the experiment in a child process and print its time and peak memory."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_rows(folder / "rows.csv", rows)
        (folder / "e.yml").write_text(EXPERIMENT.format(folder=folder))
        began = time.perf_counter()
        command = [sys.executable, "-m", "pyrite", "run", str(folder / "e.yml")]
        subprocess.run(command, check=True)
        seconds = time.perf_counter() - began
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"{rows:,} rows: {seconds:.0f} s, peak memory {peak:,.0f} MiB")


if __name__ == "__main__":
    main()
