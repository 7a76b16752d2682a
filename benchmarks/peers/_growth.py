"""What Pyrite's scoring costs for more texts, and for longer ones."""

from __future__ import annotations

import csv
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from peers import Case, Peer
from peers._cases import VOCABULARY

__all__ = ["Grown", "grow", "lengthen"]

TINY = "{id: tiny, entrypoint: RewardModel, path: builtin:tiny-reward-model, device: cpu}"
RECORDED = "{id: recorded, entrypoint: recorded, column: reward}"
EXPERIMENT = """
name: growth
out: {folder}/runs
model: {model}
data: {{id: rows, path: {folder}/rows.csv, schema: {{prompt: question}}, sample: {{method: all}}}}
query: {{id: scores, requires: [{name}, rows], message: {{unravel: none}}}}
"""

RUN = """
import atexit, pathlib, runpy, sys

def peak():
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    kib = next(line for line in lines if line.startswith("VmHWM")).split()[1]
    pathlib.Path(PEAK).write_text(kib)

atexit.register(peak)
runpy.run_module("pyrite", run_name="__main__", alter_sys=True)
"""
"""The command line, and its peak memory; what wait4 says of a child counts its parent's too."""


@dataclass(frozen=True)
class Grown:
    """A whole `pyrite run` over so many different texts, in a process of its own."""

    model: str
    texts: int
    cpu: float
    wall: float
    peak: float


def grow(folder: Path, plan: Sequence[tuple[str, int]], say: Callable[[str], None]) -> list[Grown]:
    """Run `pyrite run` for each model (tiny or recorded) and number of texts."""
    found = []
    for model, count in plan:
        place = folder / f"{model}-{count}"
        place.mkdir()
        _write_rows(place / "rows.csv", count)
        text = EXPERIMENT.format(
            folder=place, name=model, model=TINY if model == "tiny" else RECORDED
        )
        (place / "experiment.yml").write_text(text, encoding="utf-8")
        found.append(_run(model, count, place))
        say(f"  {found[-1]}")
    return found


def _write_rows(path: Path, count: int) -> None:
    """Different made-up questions of about nine words, and a score for each."""
    draw = random.Random(count)
    words = ["".join(draw.choices("aeioustrnlmdc", k=draw.randint(2, 9))) for _ in range(6000)]
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["question", "reward"])
        for number in range(count):
            question = " ".join(draw.choices(words, k=max(4, round(draw.gauss(8, 2)))))
            writer.writerow([f"{question} {number}", round(draw.gauss(0, 1), 4)])


def _run(model: str, count: int, place: Path) -> Grown:
    environment = {**os.environ, "PYRITE_CACHE": str(place / "cache"), "OMP_NUM_THREADS": "1"}
    peak = place / "peak"
    code = RUN.replace("PEAK", repr(str(peak)))
    command = [sys.executable, "-c", code, "run", str(place / "experiment.yml")]
    began = time.perf_counter()
    with (place / "log").open("wb") as log:
        child = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError((place / "log").read_text(encoding="utf-8")[-2000:])
    return Grown(
        model=model,
        texts=count,
        cpu=used.ru_utime + used.ru_stime,
        wall=time.perf_counter() - began,
        peak=float(peak.read_text(encoding="ascii")) / 1024,
    )


def lengthen(
    case: Case, peers: Sequence[Peer], lengths: Sequence[int], rounds: int
) -> list[dict[str, object]]:
    """Tokens per CPU second of each peer on texts of one length, from token ids."""
    found = []
    for length in lengths:
        count = max(2048 // length, 2)
        generator = torch.Generator().manual_seed(length)
        shape = (count, length)
        rows = torch.randint(2, VOCABULARY, shape, generator=generator).tolist()
        if case.end_id is not None:
            rows = [[*row[:-1], case.end_id] for row in rows]
        times: dict[str, list[float]] = {peer.name: [] for peer in peers}
        for peer in peers:
            peer.score_ids(rows[:1])
        for _ in range(rounds):
            for peer in peers:
                began = time.process_time()
                peer.score_ids(rows)
                times[peer.name].append(time.process_time() - began)
        rates = {name: count * length / statistics.median(values) for name, values in times.items()}
        found.append({"length": length, "texts": count, "tokens_per_second": rates})
    return found
