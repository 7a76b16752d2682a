"""What whole runs cost for more texts: CPU time and peak memory of `pyrite run`.

    python benchmarks/growth.py [--texts 1000 10000 100000 1000000] [--write docs/performance.md]

Each number of texts is a run in a process of its own, of one thread, through the smallest reward
model (`tiny`, the one that ships with Pyrite) or recorded scores. Texts are all different, about
nine words long. A million texts through the model take ten minutes or more.
"""

from __future__ import annotations

import argparse
import datetime
import os
import sys
import tempfile
from pathlib import Path

import torch
from peers._growth import Grown, grow
from sections import write_section

COLUMNS = "| model | texts | CPU time | wall clock | texts per CPU second | peak memory |"


def table(found: list[Grown]) -> list[str]:
    """The rows of a Markdown table."""
    return [
        f"| {one.model} | {one.texts:,} | {one.cpu:.1f} s | {one.wall:.1f} s "
        f"| {one.texts / one.cpu:,.0f} | {one.peak:,.0f} MiB |"
        for one in found
    ]


def main() -> None:
    """Run, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--model", choices=("tiny", "recorded"), default="tiny")
    parser.add_argument("--write", type=Path, help="a page whose section is replaced")
    arguments = parser.parse_args()
    plan = [(arguments.model, count) for count in arguments.texts]
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    with tempfile.TemporaryDirectory() as name:
        found = grow(Path(name), plan, lambda text: print(text, file=sys.stderr, flush=True))
    command = " ".join(["python benchmarks/growth.py", *sys.argv[1:]])
    lines = [
        "## Number of texts",
        "",
        f"{datetime.date.today().isoformat()}; {os.cpu_count()} cores, load {load} at start; one "
        f"thread; torch {torch.__version__}. `{command}`. Whole runs "
        "of `pyrite run`, each in a process of its own: start, opening the model, its "
        "examination, reading, scoring, storing.",
        "",
        COLUMNS,
        "|---" * 6 + "|",
        *table(found),
        "",
    ]
    text = "\n".join(lines)
    print(text)
    if arguments.write:
        write_section(arguments.write, "growth.py, number of texts", text)


if __name__ == "__main__":
    main()
