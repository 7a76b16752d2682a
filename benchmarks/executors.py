"""Rows per second of each executor on the reward model that ships with Pyrite.

    python benchmarks/executors.py [ROWS] [REPEATS]

All executors score the same rows with the same task in one process of the driver, in turn, so that
whatever else the machine does hits all of them; the best of the repeats counts. "start" is until
the first worker is ready, weights read; "score" is the rows alone, every worker open.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

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
    "ray, 1 worker": Ray(num_workers=1),
    "ray, 2 workers": Ray(num_workers=2),
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


def main() -> None:
    """Time every executor and print a table."""
    rows = make_rows(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
    repeats = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    opening = ModelOpening(RewardModel(path="builtin:tiny-reward-model"))
    pools: dict[str, Pool] = {}
    starts: dict[str, float] = {}
    best: dict[str, float] = {}
    scores: dict[str, np.ndarray] = {}
    try:
        for name, executor in EXECUTORS.items():
            began = time.perf_counter()
            pools[name] = executor.start(opening)
            starts[name] = time.perf_counter() - began
            score(pools[name], rows)  # until all workers are open, and warm
        for _ in range(repeats):
            for name, pool in pools.items():
                seconds, scores[name] = score(pool, rows)
                best[name] = min(seconds, best.get(name, seconds))
    finally:
        for pool in reversed(pools.values()):
            pool.close()
    spread = scores["local"].std()
    load = os.getloadavg()[0]
    print(f"{rows.num_rows} rows, best of {repeats}, {os.cpu_count()} cores, load {load:.1f}\n")
    print("| engine | start | rows/s | x local | largest difference, of the score spread |")
    print("|---|---|---|---|---|")
    for name in pools:
        rate, ratio = rows.num_rows / best[name], best["local"] / best[name]
        error = np.abs(scores[name] - scores["local"]).max() / spread
        print(f"| {name} | {starts[name]:.1f} s | {rate:,.0f} | {ratio:.2f} | {error:.0e} |")


if __name__ == "__main__":
    main()
