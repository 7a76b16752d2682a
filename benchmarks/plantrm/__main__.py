"""`python -m benchmarks.plantrm`: run finders on cases and write the tables."""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from pathlib import Path

from benchmarks.plantrm.finders import FINDERS, load
from benchmarks.plantrm.report import markdown
from benchmarks.plantrm.running import BUDGETS, Plan, code_digest, run_all, stored
from benchmarks.plantrm.trained import cache_folder

DOCUMENT = Path(__file__).parents[2] / "docs" / "benchmark.md"
QUICK_EVERY, QUICK_BUDGETS = 5, (2_000, 10_000)


def parsed(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.plantrm", description=__doc__)
    parser.add_argument("--subset", choices=("all", "quick"), default="all",
                        help="quick: every fifth case at the two smaller budgets")  # fmt: skip
    parser.add_argument("--tier", type=int, choices=(0, 1), action="append")
    parser.add_argument("--seed", type=int, default=20_261, help="of the plants; the first one")
    parser.add_argument("--seeds", type=int, default=1, help="how many")
    parser.add_argument("--finder", action="append", help="a name, or ./file.py:function; repeat")
    parser.add_argument("--budget", type=int, action="append")
    parser.add_argument("--results", type=Path, help="folder of results; default: in the cache")
    parser.add_argument("--write", type=Path, help="the document; default: docs/benchmark.md of a "
                        "run of everything, else only shown")  # fmt: skip
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--stored", action="store_true",
                        help="run nothing: tables of the results that are stored")  # fmt: skip
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> None:
    """Run, then write or show."""
    given = parsed(arguments)
    quick = given.subset == "quick"
    finders = tuple(dict.fromkeys(given.finder or FINDERS))
    for name in finders:
        if name != "oracle":
            load(name)
    plan = Plan(
        seeds=tuple(range(given.seed, given.seed + given.seeds)),
        tiers=tuple(sorted(set(given.tier or (0, 1)))),
        finders=finders,
        budgets=tuple(sorted(set(given.budget or (QUICK_BUDGETS if quick else BUDGETS)))),
        folder=(given.results or cache_folder() / "results") / code_digest(),
        every=QUICK_EVERY if quick else 1,
        processes=given.processes,
    )
    began = time.perf_counter()

    def tell(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    results = stored(plan) if given.stored else run_all(plan, tell)
    command = shlex.join(["python", "-m", "benchmarks.plantrm", *arguments])
    text = markdown(results, command=command, seconds=time.perf_counter() - began, seeds=plan.seeds)
    whole = not (quick or given.finder or given.tier or given.budget)
    document = given.write or (DOCUMENT if whole else None)
    if document is None:
        print(text)
    else:
        document.write_text(text, encoding="utf-8")
        print(f"written: {document}")


if __name__ == "__main__":
    main(sys.argv[1:])
