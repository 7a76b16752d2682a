"""Runs finders on cases, one JSON file per (case, finder, budget), so that a run can be resumed.

Files lie in a folder named by the content of the code that made them: of this package, and of
`pyrite.exploits`. After a change of either, nothing old is taken for new.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from itertools import groupby
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.plantrm.case import DID_NOT_TAKE, Case
from benchmarks.plantrm.contract import (
    MOST_FINDINGS,
    Find,
    Finding,
    Findings,
    OverBudget,
    Unsuitable,
)
from benchmarks.plantrm.judging import Judge

from pyrite.files import write_text

__all__ = ["Plan", "code_digest", "names_of", "run_all", "run_one", "stored"]

BUDGETS = (2_000, 10_000, 50_000)
BLAS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TOKENIZERS_PARALLELISM")


@dataclass(frozen=True)
class Plan:
    """What is run.

    Attributes:
        seeds: of the plants.
        tiers: 0, 1 or both.
        finders: names, or `./file.py:function`.
        budgets: texts.
        every: every n-th case only (a quick look).
        folder: where results lie.
        processes: at once, each on one thread.
    """

    seeds: tuple[int, ...]
    tiers: tuple[int, ...]
    finders: tuple[str, ...]
    budgets: tuple[int, ...]
    folder: Path
    every: int = 1
    processes: int = 2


def code_digest() -> str:
    """Of the code that decides results."""
    import pyrite.exploits

    digest = hashlib.blake2b(digest_size=6)
    for folder in (Path(__file__).parent, Path(pyrite.exploits.__path__[0])):
        for path in sorted(folder.rglob("*.py")):
            if path.name not in ("report.py", "metrics.py", "__main__.py"):
                digest.update(path.read_bytes())
    return digest.hexdigest()


def makers(seed: int, tier: int) -> list[tuple[str, Callable[[], Case]]]:
    """Name and maker of each case."""
    if tier == 0:
        from benchmarks.plantrm.wrapper_cases import wrapper_cases

        return wrapper_cases(seed)
    from benchmarks.plantrm.trained_cases import trained_cases

    return trained_cases(seed)


def names_of(plan: Plan) -> list[tuple[int, int, str]]:
    """Seed, tier and name of each case of a plan."""
    return [
        (seed, tier, name)
        for seed in plan.seeds
        for tier in plan.tiers
        for name in _chosen([name for name, _ in makers(seed, tier)], plan.every, tier)
    ]


def _chosen(names: list[str], every: int, tier: int) -> list[str]:
    """All, or so few that each sort of case is still there: trained ones a little more often."""
    return names if every == 1 else names[3 :: max(every - tier, 1)]


def run_all(plan: Plan, tell: Callable[[str], None]) -> list[dict[str, Any]]:
    """Everything that has no result yet; then all results of the plan.

    Raises:
        RuntimeError: a case could not be made, with what was raised.
    """
    for name in BLAS:
        # For the processes that are started below; this one computes nothing.
        os.environ[name] = "false" if name == "TOKENIZERS_PARALLELISM" else "1"
    wanted = [one for one in _units(plan) if any(True for _ in _missing(plan, one))]
    began = time.perf_counter()
    with ProcessPoolExecutor(plan.processes, mp_context=get_context("spawn")) as pool:
        jobs = {pool.submit(_run_unit, plan, unit): unit for unit in wanted}
        for done, job in enumerate(as_completed(jobs), start=1):
            job.result()
            took = time.perf_counter() - began
            tell(f"{done} of {len(wanted)} parts, {took:.0f} s: {jobs[job][2][-1]}")
    return stored(plan)


def stored(plan: Plan) -> list[dict[str, Any]]:
    """The results of a plan that are there already, whoever made them."""
    return [json.loads(path.read_text("utf-8")) for path in _paths(plan) if path.is_file()]


Unit = tuple[int, int, tuple[str, ...]]
"""A seed, a tier, and the cases that one process runs after another."""


def _units(plan: Plan) -> list[Unit]:
    units = [
        (seed, tier, tuple(name for _, _, name in several))
        for (seed, tier, _), several in groupby(names_of(plan), key=_part)
    ]
    # What takes longest first, so that no process waits for it in the end.
    return sorted(units, key=lambda unit: -unit[1])


def _part(one: tuple[int, int, str]) -> tuple[int, int, str]:
    """Models of one family share a twin and are trained and opened in one process."""
    seed, tier, name = one
    return seed, tier, name.split("_")[2] if tier else name


def _paths(plan: Plan) -> Iterator[Path]:
    for _, _, name in names_of(plan):
        for finder in plan.finders:
            for budget in plan.budgets:
                yield result_path(plan.folder, name, finder, budget)


def result_path(folder: Path, case: str, finder: str, budget: int) -> Path:
    """The file of one result."""
    known = finder
    if ":" in finder:
        path = Path(finder.rpartition(":")[0])
        content = path.read_bytes() if path.is_file() else b""
        known = f"{path.stem}-{hashlib.blake2b(content, digest_size=6).hexdigest()}"
    return folder / f"{case}--{known}--{budget}.json"


def _missing(plan: Plan, unit: Unit) -> Iterator[tuple[str, str, int]]:
    for name in unit[2]:
        for finder in plan.finders:
            for budget in plan.budgets:
                if not result_path(plan.folder, name, finder, budget).is_file():
                    yield name, finder, budget


def _run_unit(plan: Plan, unit: Unit) -> None:
    seed, tier, _ = unit
    known = dict(makers(seed, tier))
    judges: dict[str, Judge] = {}
    for name, finder, budget in _missing(plan, unit):
        if name not in judges:
            judges = {name: Judge(known[name]())}
        result = run_one(judges[name].case, finder, budget, seed, judges[name])
        write_text(result_path(plan.folder, name, finder, budget), json.dumps(result))


def run_one(
    case: Case, finder: str, budget: int, seed: int, judge: Judge | None = None
) -> dict[str, Any]:
    """One finder on one case at one budget, judged: what a result file holds.

    `sent` are the intervals of all that the finder measured, None where it tells only findings.
    """
    from benchmarks.plantrm.finders import WITH_REFERENCE, load
    from benchmarks.plantrm.finders.oracle import find_in

    target = case.target(budget, with_reference=finder in WITH_REFERENCE)
    began = time.perf_counter()
    problem = unsuitable = ""
    found: list[Finding] = []
    measured: Sequence[Finding] | None = None
    try:
        if case.note.startswith(DID_NOT_TAKE):
            pass  # in no table: nothing is spent on it
        elif finder == "oracle":
            found = find_in(case)
        else:
            find: Find = load(finder)
            told = find(target, case.naturals, budget, seed)
            found = list(told)[:MOST_FINDINGS]
            measured = told.measured if isinstance(told, Findings) else None
    except Unsuitable as error:
        unsuitable = str(error)
    except OverBudget as error:
        problem = f"asked for more than its budget: {error}"
    except Exception as error:  # noqa: BLE001 - a finder may be anyone's code; it is told, not hidden
        problem = f"{type(error).__name__}: {error}\n{traceback.format_exc(limit=-4)}"
    seconds = time.perf_counter() - began
    judge = judge or Judge(case)
    return {
        "case": case.name,
        "tier": case.tier,
        "group": case.group,
        "rate": case.rate,
        "clean": case.is_clean,
        "library": case.library,
        "note": case.note,
        "plants": [
            {"name": p.name, "kind": str(p.kind), "strength": p.strength, "library": p.library}
            for p in case.plants
        ],
        "finder": finder,
        "budget": budget,
        "seed": seed,
        "spent": target.spent,
        "seconds": round(seconds, 2),
        "problem": problem,
        "unsuitable": unsuitable,
        "findings": [asdict(judge.judged(one)) for one in found],
        "sent": None
        if measured is None
        else [asdict(one) for one in judge.intervals(measured, found)],
    }
