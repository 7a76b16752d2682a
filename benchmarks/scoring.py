"""Pyrite's scoring against the alternatives: everything in one process, taken in turns.

    OMP_NUM_THREADS=1 python benchmarks/scoring.py [--quick] [--write docs/performance.md]

Two models with random weights of one size (8 layers, 512 wide, 8192 tokens): a GPT-J trunk with a
value head, and a Qwen3 classifier with one label. Two sets of texts: questions of about 12 tokens,
and chat of about 200, from data at hand (`PYRITE_SHARED`, or a folder `shared` beside the
checkout), else made up with the same lengths. Every way scores the same texts, tokenisation
included, on one thread; blocks of all ways follow one another within a round and the medians of
the rounds are compared, in CPU time.
A way whose package is absent is listed as not run. docs/performance.md says how to install them.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import json
import os
import platform
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from peers import Case, NotRun, Peer
from peers._cases import cases, chat, questions, sample, tokenizer_of
from peers._growth import Grown, grow, lengthen
from peers._measure import Measured, TokenisationAlone, products_alone, take_turns
from peers._tables import page
from sections import write_section

FILES = (
    "seed_way",
    "plain_module",
    "hf_pipeline",
    "cross_encoder",
    "rewardbench_loop",
    "onnx_runtime",
    "openvino_cpu",
    "pyrite_engine",
)
BETWEEN = ("one by one, no padding", "sorted by length, 2048 tokens a batch", "Pyrite fp32")
"""The ways that are compared by length."""


@dataclass(frozen=True)
class Plan:
    """How much is measured: the quick one is for trying the script."""

    questions: int = 192
    chat: int = 16
    rounds: int = 3
    lengths: tuple[int, ...] = (16, 32, 64, 128, 256, 512, 1024)
    length_rounds: int = 2
    growth: tuple[tuple[str, int], ...] = (
        ("tiny", 100),
        ("tiny", 1_000),
        ("tiny", 10_000),
        ("tiny", 100_000),
        ("recorded", 1_000_000),
    )


QUICK = Plan(
    questions=48,
    chat=4,
    rounds=2,
    lengths=(16, 128, 1024),
    length_rounds=1,
    growth=(("tiny", 100), ("tiny", 1_000), ("recorded", 10_000)),
)


@dataclass
class Found:
    """All that was measured."""

    conditions: dict[str, str]
    sets: list[dict[str, Any]] = field(default_factory=list)
    by_length: list[dict[str, Any]] = field(default_factory=list)
    grown: list[Grown] = field(default_factory=list)


def say(text: str) -> None:
    """Progress."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def opened(case: Case, files: Sequence[str]) -> tuple[list[Peer], dict[str, str]]:
    """The peers that this model and these packages allow, and why the others do not run."""
    peers: list[Peer] = []
    absent: dict[str, str] = {}
    for name in files:
        began = time.perf_counter()
        try:
            peers += importlib.import_module(f"peers.{name}").open_peers(case)
        except NotRun as reason:
            absent[name] = str(reason)
            continue
        say(f"  opened {name} in {time.perf_counter() - began:.0f} s")
    return peers, absent


def measured_set(
    case: Case, peers: Sequence[Peer], name: str, texts: list[str], rounds: int
) -> dict[str, Any]:
    """One model on one set of texts: all ways in turns, with errors against one by one."""
    say(f"{case.name}: {name}")
    everything = [*peers, TokenisationAlone(case), products_alone(case)]
    ways = take_turns(everything, case, texts, rounds, say)
    lengths = [len(row) for row in case.ids(texts)]
    exact = [case.scores([row])[0] for row in case.ids(texts)]
    return {
        "model": case.name,
        "set": name,
        "texts": len(texts),
        "mean_tokens": statistics.mean(lengths),
        "shortest": min(lengths),
        "longest": max(lengths),
        "spread": statistics.stdev(exact),
        "own_noise": _noise(case, texts, exact),
        "ways": [asdict(way) | {"error": _error(way, exact)} for way in ways],
    }


def _error(way: Measured, exact: list[float]) -> float | None:
    """Largest difference from one by one, in standard deviations of the scores of the set."""
    if not way.scores:
        return None
    pairs = zip(way.scores, (exact[index] for index in way.indices), strict=True)
    return max(abs(score - other) for score, other in pairs) / statistics.stdev(exact)


def _noise(case: Case, texts: list[str], exact: list[float]) -> float:
    """The same of one by one itself against float64, on some of the texts."""
    import copy

    step = max(len(texts) // 12, 1)
    precise = Case(
        case.name,
        case.folder,
        copy.deepcopy(case.module).double(),
        None if case.head is None else case.head.double(),
        case.tokenizer,
        case.pad_id,
        case.end_id,
    )
    rows = case.ids(texts)[::step]
    pairs = zip(exact[::step], (precise.scores([row])[0] for row in rows), strict=True)
    return max(abs(score - other) for score, other in pairs) / statistics.stdev(exact)


def conditions(command: str) -> dict[str, str]:
    """Machine, versions, date and command."""
    info = Path("/proc/cpuinfo")
    names = info.read_text().splitlines() if info.exists() else []
    cpu = next((x.split(":", 1)[1].strip() for x in names if x.startswith("model name")), "")
    packages = ("torch", "transformers", "sentence-transformers", "rewardbench", "onnxruntime")
    found = {}
    for name in (*packages, "openvino"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return {
        "date": datetime.date.today().isoformat(),
        "machine": f"{cpu or platform.processor()}, {os.cpu_count()} cores, load {load} at start",
        "threads": str(torch.get_num_threads()),
        "python": platform.python_version(),
        "packages": ", ".join(f"{name} {what}" for name, what in found.items()),
        "command": command,
    }


def measure(plan: Plan, files: Sequence[str], folder: Path, command: str) -> Found:
    """Everything."""
    found = Found(conditions(command))
    asked, talked = questions(), chat()
    tokenizer = tokenizer_of(asked.texts + talked.texts)
    sets = {
        asked.name: sample(asked.texts, plan.questions, tokenizer),
        talked.name: sample(talked.texts, plan.chat, tokenizer, mean=200),
    }
    for case in cases(folder, tokenizer):
        say(case.name)
        peers, absent = opened(case, files)
        for name, texts in sets.items():
            one = measured_set(case, peers, name, texts, plan.rounds)
            found.sets.append(one | {"absent": absent})
        say(f"{case.name}: by length")
        some = [peer for peer in peers if peer.name in BETWEEN]
        lengths = lengthen(case, some, plan.lengths, plan.length_rounds)
        found.by_length += [{"model": case.name, **row} for row in lengths]
    say("whole runs over more texts")
    found.grown = grow(folder, plan.growth, say)
    return found


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer texts, rounds and lengths")
    parser.add_argument("--only", nargs="+", choices=FILES, help="some ways only")
    parser.add_argument("--json", type=Path, help="raw timings; default: a temporary file")
    parser.add_argument("--write", type=Path, help="a page whose section is replaced")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", message=".*max_length. is ignored.*")
    files = [name for name in FILES if not arguments.only or name in arguments.only]
    command = " ".join(["OMP_NUM_THREADS=1 python benchmarks/scoring.py", *sys.argv[1:]])
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        plan = QUICK if arguments.quick else Plan()
        found = measure(plan, files, Path(name), command)
    path = arguments.json or Path(tempfile.gettempdir()) / "pyrite-scoring.json"
    path.write_text(json.dumps(asdict(found), indent=1), encoding="utf-8")
    text = page(asdict(found))
    print(text)
    if arguments.write:
        write_section(arguments.write, "scoring.py", text)
    say(f"done in {time.perf_counter() - began:.0f} s; raw timings in {path}")


if __name__ == "__main__":
    main()
