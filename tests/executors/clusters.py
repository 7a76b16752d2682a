"""A driver on a Ray cluster that loses a node in the middle of its work.

`two_nodes` makes the cluster itself: two raylets of this machine. `drive` takes one that runs, for
`tests/executors/two_hosts.sh`. Both are called in a process of their own, because a process has one
Ray; workers import this file too.
"""

from __future__ import annotations

import json
import random
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pyrite.config.sections import QuerySection
from pyrite.executors import Pool, Result, Task, Unit, Work
from pyrite.executors.local import Local
from pyrite.executors.ray import Ray
from pyrite.models.reward_model import RewardModel
from pyrite.scoring.opening import ModelOpening, OpenedModel
from pyrite.steps.score_task import ScoreTask

ROWS, UNIT = 240, 20


@dataclass(frozen=True)
class Logged(Task):
    """Scores rows, slowly, and writes down where each unit was begun."""

    log: str
    pause: float = 0.3

    def prepare(self, opened: OpenedModel) -> Work:
        return _Logged(self, ScoreTask(QuerySection(cache=False)).prepare(opened))


class _Logged(Work):
    def __init__(self, task: Logged, scoring: Work) -> None:
        self.task = task
        self.scoring = scoring

    def do(self, rows: pa.Table) -> Result:
        import ray

        node = ray.get_runtime_context().get_node_id()
        with Path(self.task.log).open("a") as stream:
            stream.write(f"{rows['row_id'][0].as_py()} {node}\n")
        time.sleep(self.task.pause)
        return self.scoring.do(rows)


def rows_of(count: int) -> pa.Table:
    draw = random.Random(0)
    words = ["the", "answer", "is", "certainly", "not", "because", "- item", "42", "!"]
    texts = [" ".join(draw.choices(words, k=draw.randint(2, 60))) for _ in range(count)]
    prompts = [f"question {row}" for row in range(count)]
    return pa.table({"row_id": list(range(count)), "prompt": prompts, "response": texts})


def scores(pool: Pool, task: Task, after: int, then: Callable[[], object]) -> np.ndarray:
    """Scores of all rows; `then` is called after so many units of the second half were begun."""
    rows = rows_of(ROWS)

    def units() -> Iterator[Unit]:
        for start in range(0, ROWS, UNIT):
            yield Unit(start, start + UNIT, rows.slice(start, UNIT))

    found = np.full(ROWS, np.nan)
    for count, done in enumerate(pool.run(task, units()), 1):
        assert np.isnan(found[done.start : done.stop]).all(), "a unit came twice"
        found[done.start : done.stop] = done.result.table["score"].to_numpy()
        if count == after:
            then()
    return found


def nodes_of(log: Path) -> dict[int, list[str]]:
    """The nodes on which each unit was begun, by its first row."""
    found: dict[int, list[str]] = {}
    for line in log.read_text().splitlines():
        start, node = line.split()
        found.setdefault(int(start), []).append(node)
    return found


def drive(address: str, folder: Path, lose: Callable[[], object]) -> dict[str, Any]:
    """Score twice on the cluster, the second time losing a node; what came of it."""
    opening = ModelOpening(RewardModel(path="builtin:tiny-reward-model"))
    with Local().start(opening) as pool:
        wanted = scores(pool, ScoreTask(QuerySection(cache=False)), 0, lambda: None)
    found: dict[str, Any] = {}
    with Ray(num_workers=2, address=address).start(opening) as pool:
        _until_both_work(pool, folder / "warm")
        for name, after in (("whole", 0), ("losing", 4)):
            log = folder / name
            there = scores(pool, Logged(str(log)), after, lose)
            begun = nodes_of(log)
            found[name] = {
                "units": sorted(begun),
                "nodes": len({node for nodes in begun.values() for node in nodes}),
                "again": sum(len(nodes) - 1 for nodes in begun.values()),
                "lost": pool.lost,
                "difference": float(np.abs(there - wanted).max() / np.ptp(wanted)),
            }
    return found


def _until_both_work(pool: Pool, log: Path) -> None:
    """Short runs until both workers have opened the model."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        scores(pool, Logged(str(log), pause=0.05), 0, lambda: None)
        if len({node for nodes in nodes_of(log).values() for node in nodes}) == 2:
            return
    raise TimeoutError("only one node works")


def two_nodes(folder: str) -> None:
    """The same on two raylets of this machine; prints what came of it as JSON."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False}
    )
    try:
        other = cluster.add_node(num_cpus=1)
        address = str(cluster.address)
        found = drive(
            address, Path(folder), lambda: cluster.remove_node(other, allow_graceful=False)
        )
    finally:
        cluster.shutdown()  # type: ignore[no-untyped-call]
    print(json.dumps(found))  # noqa: T201


def at(address: str, folder: str, command: str) -> None:
    """The same on a cluster that runs; `command` ends a node of it."""
    found = drive(address, Path(folder), lambda: subprocess.run(command, shell=True, check=True))
    print(json.dumps(found, indent=1))  # noqa: T201
    check(found)


def check(found: dict[str, Any]) -> None:
    """Both runs gave the scores of this process; the node that was lost cost one unit."""
    for name, lost in (("whole", 0), ("losing", 1)):
        one = found[name]
        assert one["units"] == list(range(0, ROWS, UNIT)), name
        assert one["nodes"] == 2, name
        assert one["lost"] == lost, name
        assert one["again"] <= lost, name
        assert one["difference"] < 1e-5, name
