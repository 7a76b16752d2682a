"""What holds for every executor, and what those with workers of their own survive."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyrite.errors import DataError, ModelError, PyriteError, ScoringError
from pyrite.executors import EXECUTORS, Executor, Unit
from pyrite.executors._worker import pack_unit
from pyrite.executors.processes import Processes
from tests.executors.toy import Multiply, OpenFactor, begun, units


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "begun.log"


def test_the_tests_know_all_executors() -> None:
    assert EXECUTORS.names() == ["local", "processes", "ray"]


def test_every_unit_is_done_once_and_right(executor: Executor, log: Path) -> None:
    with executor.start(OpenFactor(7)) as pool:
        assert pool.about["factor"] == 7
        assert pool.content == {"weights": "same"}
        done = list(pool.run(Multiply(str(log)), units(12)))
        again = list(pool.run(Multiply(str(log)), units(3)))
    assert sorted(one.start for one in done) == list(range(0, 60, 5))
    for one in [*done, *again]:
        numbers = range(one.start, one.stop)
        assert one.result.table["product"].to_pylist() == [7 * n for n in numbers]
        assert one.seconds >= 0
    assert len(again) == 3
    assert sorted(begun(log)) == sorted([*range(0, 60, 5), 0, 5, 10])
    assert pool.lost == 0


def test_units_are_taken_when_a_worker_is_free(executor: Executor, log: Path) -> None:
    taken = finished = most = 0

    def lazily() -> Iterator[Unit]:
        nonlocal taken, most
        for unit in units(10):
            taken += 1
            most = max(most, taken - finished)
            yield unit

    with executor.start(OpenFactor()) as pool:
        for _ in pool.run(Multiply(str(log)), lazily()):
            finished += 1
        # One more than the workers: a finished unit is counted after the next one is taken.
        assert most <= pool.workers + 1
    assert (taken, finished) == (10, 10)


def test_an_error_in_a_task_is_raised_here(executor: Executor, log: Path) -> None:
    with executor.start(OpenFactor()) as pool:
        trouble = ((10, "raises"),)
        with pytest.raises((ScoringError, ZeroDivisionError), match="by nothing") as caught:
            list(pool.run(Multiply(str(log), trouble), units(4)))
        if pool.here is None:
            assert "ZeroDivisionError" in str(caught.value)
            assert "toy.py" in "".join(caught.value.__notes__)
        after = list(pool.run(Multiply(str(log)), units(4)))
    assert sorted(one.start for one in after) == [0, 5, 10, 15]


def test_a_refusal_to_open_is_the_same_everywhere(executor: Executor) -> None:
    with pytest.raises(DataError, match="not this one"):
        executor.start(OpenFactor(trouble="refuses"))


def test_a_run_that_is_given_up_leaves_nothing_behind(executor: Executor, log: Path) -> None:
    with executor.start(OpenFactor()) as pool:
        first = pool.run(Multiply(str(log)), units(6))
        next(first)
        first.close()
        done = list(pool.run(Multiply(str(log)), units(2)))
    assert sorted(one.start for one in done) == [0, 5]


def test_a_killed_worker_costs_its_unit_and_nothing_else(remote: Executor, log: Path) -> None:
    with remote.start(OpenFactor()) as pool:
        done = list(pool.run(Multiply(str(log), ((10, "dies once"),)), units(8)))
        assert pool.lost == 1
    assert sorted(one.start for one in done) == list(range(0, 40, 5))
    assert sorted(begun(log)) == sorted([*range(0, 40, 5), 10])


def test_a_unit_that_kills_its_workers_is_named(remote: Executor, log: Path) -> None:
    with (
        remote.start(OpenFactor()) as pool,
        pytest.raises(ScoringError, match=r"rows 10 to 14: 2 workers were lost over them"),
    ):
        list(pool.run(Multiply(str(log), ((10, "dies"),)), units(4)))


def test_workers_that_die_while_they_open(remote: Executor) -> None:
    with pytest.raises(ModelError, match=r"in a row were lost while they opened.*fewer workers"):
        remote.start(OpenFactor(trouble="dies"))


def test_workers_with_different_content_are_refused(remote: Executor, log: Path) -> None:
    def until_both_are_open() -> None:
        deadline = time.monotonic() + 30
        with remote.start(OpenFactor(trouble="differs")) as pool:
            while time.monotonic() < deadline:
                list(pool.run(Multiply(str(log)), units(8)))

    with pytest.raises(ModelError, match=r"different content \(weights\)"):
        until_both_are_open()


def test_no_process_outlives_its_pool(remote: Executor, log: Path) -> None:
    with remote.start(OpenFactor()) as pool:
        done = list(pool.run(Multiply(str(log)), units(8)))
    workers = {one.result.about for one in done}
    assert os.getpid() not in workers
    deadline = time.monotonic() + 20
    while alive := [process for process in workers if _runs(process)]:
        assert time.monotonic() < deadline, f"{alive} still run"
        time.sleep(0.05)
    pool.close()


def test_what_cannot_be_sent_is_said(remote: Executor) -> None:
    class Inside(OpenFactor):
        pass

    with pytest.raises(ModelError, match="cannot be sent to a worker"):
        remote.start(Inside())


def test_a_unit_is_sent_without_the_table_that_it_is_a_slice_of() -> None:
    small, large = units(1)[0], units(10_000)[7]
    assert len(pack_unit(b"", large)) == len(pack_unit(b"", small))


def test_processes_have_one_thread_and_do_not_run_the_main_script(tmp_path: Path) -> None:
    """An unguarded script would start workers in every worker with `multiprocessing`."""
    import subprocess
    import sys

    script = tmp_path / "script.py"
    script.write_text(
        "from pyrite.executors.processes import Processes\n"
        "from tests.executors.toy import Multiply, OpenFactor, units\n"
        "print('main')\n"
        "with Processes(workers=2).start(OpenFactor()) as pool:\n"
        f"    print(len(list(pool.run(Multiply({str(tmp_path / 'log')!r}), units(4)))))\n"
    )
    root = str(Path(__file__).parents[2])
    env = {**os.environ, "PYTHONPATH": root}
    command = [sys.executable, str(script)]
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=60)
    assert done.stdout.split() == ["main", "4"], done.stderr
    assert "OMP_NUM_THREADS" in _environment_of_a_worker(tmp_path / "log")


def _environment_of_a_worker(log: Path) -> str:
    from pyrite.executors.processes import _environment

    assert _environment()["OMP_NUM_THREADS"] == "1"
    return " ".join(_environment())


def test_the_number_of_workers_in_words() -> None:
    with Processes(workers=1).start(OpenFactor()) as pool:
        assert (pool.where, pool.workers) == ("1 process", 1)


def _runs(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="only Linux pins processes")
def test_pinned_processes_have_a_core_each_and_a_new_worker_keeps_it(log: Path) -> None:
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        pytest.skip("one core is all there is")
    with Processes(workers=2, cores="pinned").start(OpenFactor()) as pool:
        list(pool.run(Multiply(str(log), ((10, "dies once"),)), units(8)))
        assert pool.lost == 1
        children = [int(p) for t in Path("/proc/self/task").iterdir() for p in _children(t)]
        found = [os.sched_getaffinity(p) for p in children if _is_worker(p)]
    assert sorted(map(len, found)) == [1, 1]
    assert len(set().union(*found)) == 2
    with pytest.raises(PyriteError, match="a core for each of 500 workers"):
        Processes(workers=500, cores="pinned").start(OpenFactor())


def _children(thread: Path) -> list[str]:
    return (thread / "children").read_text().split()


def _is_worker(process: int) -> bool:
    return b"pyrite.executors._process" in Path(f"/proc/{process}/cmdline").read_bytes()
