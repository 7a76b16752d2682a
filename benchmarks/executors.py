"""Rows per second of each executor on the reward model that ships with Pyrite.

    python benchmarks/executors.py [ROWS] [REPEATS] [--only WORD] [--write docs/performance.md]

1000 rows and 8 repeats take about four minutes on two idle cores.

All executors score the same rows with the same task in one process of the driver, in turn, so that
whatever else the machine does hits all of them; the best of the repeats counts. "start" is until
the first worker is ready, weights read; "score" is the rows alone, every worker open. CPU time is
that of this process and all below it, in the turn that took least (Linux).
"""

from __future__ import annotations

import argparse
import datetime
import os
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from sections import write_section

from pyrite.config.sections import QuerySection
from pyrite.executors import Executor, Pool, Unit
from pyrite.executors.local import Local
from pyrite.executors.processes import Processes
from pyrite.executors.ray import Ray
from pyrite.models.reward_model import RewardModel
from pyrite.scoring.opening import ModelOpening
from pyrite.steps.score_task import ScoreTask
from pyrite.steps.windows import Windows

EXECUTORS: dict[str, Executor] = {
    "local": Local(),
    "processes, 1 worker": Processes(workers=1),
    "processes, 2 workers": Processes(workers=2),
    "processes, 2 workers, pinned": Processes(workers=2, cores="pinned"),
    # Halves of processors, so that both pools have room in one Ray; each worker has one thread.
    "ray, 1 worker": Ray(num_workers=1, num_cpus=0.5),
    "ray, 2 workers": Ray(num_workers=2, num_cpus=0.5),
}


def make_rows(count: int) -> pa.Table:
    """Rows of 2 to 120 words."""
    draw = random.Random(0)
    words = ["the", "answer", "is", "certainly", "not", "sorry", "because", "- item", "42", "!"]
    texts = [" ".join(draw.choices(words, k=draw.randint(2, 120))) for _ in range(count)]
    prompts = [f"question {row}" for row in range(count)]
    return pa.table({"row_id": list(range(count)), "prompt": prompts, "response": texts})


def score(pool: Pool, rows: pa.Table) -> tuple[float, np.ndarray]:
    """Seconds, and the scores in row order."""
    windows = Windows([(0, rows.num_rows)], workers=pool.workers)

    def units() -> Iterator[Unit]:
        for start, stop in windows:
            yield Unit(start, stop, rows.slice(start, stop - start))

    scores = np.full(rows.num_rows, np.nan)
    began = time.perf_counter()
    for done in pool.run(ScoreTask(QuerySection(cache=False)), units()):
        windows.measured(done.stop - done.start, done.seconds)
        scores[done.start : done.stop] = done.result.table["score"].to_numpy()
    return time.perf_counter() - began, scores


def cpu_seconds() -> float:
    """CPU time so far of this process and of those that it started and that still run."""
    found, waiting = 0.0, [os.getpid()]
    while waiting:
        process = Path(f"/proc/{waiting.pop()}")
        fields = (process / "stat").read_text().rpartition(")")[2].split()
        found += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        for thread in (process / "task").iterdir():
            waiting += map(int, (thread / "children").read_text().split())
    return found


def main() -> None:
    """Time every executor and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=int, nargs="?", default=2000)
    parser.add_argument("repeats", type=int, nargs="?", default=3)
    parser.add_argument("--only", default="", help="of the executors those whose name has this")
    parser.add_argument("--write", type=Path, default=None, help="page that gets the table")
    arguments = parser.parse_args()
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    rows, repeats = make_rows(arguments.rows), arguments.repeats
    chosen = {name: one for name, one in EXECUTORS.items() if arguments.only in name}
    opening = ModelOpening(RewardModel(path="builtin:tiny-reward-model"))
    pools: dict[str, Pool] = {}
    starts: dict[str, float] = {}
    best: dict[str, float] = {}
    used: dict[str, float] = {}
    scores: dict[str, np.ndarray] = {}
    try:
        for name, executor in chosen.items():
            began = time.perf_counter()
            pools[name] = executor.start(opening)
            starts[name] = time.perf_counter() - began
            score(pools[name], rows)  # until all workers are open, and warm
        for _ in range(repeats):
            for name, pool in pools.items():
                before = cpu_seconds()
                seconds, scores[name] = score(pool, rows)
                cpu = cpu_seconds() - before
                used[name] = min(cpu, used.get(name, cpu))
                best[name] = min(seconds, best.get(name, seconds))
    finally:
        for pool in reversed(pools.values()):
            pool.close()
    first = next(iter(pools))
    spread = scores[first].std()
    lines = [
        f"{datetime.date.today().isoformat()}; {os.cpu_count()} cores, load {load} at start. "
        f"`python {' '.join(sys.argv)}`: the built-in model over {rows.num_rows:,} rows of 2 to "
        f"120 words, best of {repeats} turns.",
        "",
        f"| engine | start | rows/s | x {first} | CPU ms a row | difference, of the spread |",
        "|---|---|---|---|---|---|",
    ]
    for name in pools:
        rate, ratio = rows.num_rows / best[name], best[first] / best[name]
        error = np.abs(scores[name] - scores[first]).max() / spread
        cells = f"{starts[name]:.1f} s | {rate:,.0f} | {ratio:.2f}"
        milliseconds = used[name] / rows.num_rows * 1e3
        lines.append(f"| {name} | {cells} | {milliseconds:.2f} | {error:.0e} |")
    text = "\n".join(lines)
    print(text)
    if arguments.write:
        write_section(arguments.write, "executors.py", text)


if __name__ == "__main__":
    main()
