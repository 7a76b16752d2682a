"""Processes on this machine, one thread each."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Literal

from pydantic import Field

from pyrite.errors import PyriteError
from pyrite.executors import Executor, Opening, Pool
from pyrite.executors._slots import Answer, Lost, Slot, SlotPool
from pyrite.executors._worker import Hello

__all__ = ["Processes", "cores_of_own"]

END_SECONDS = 5.0
"""Time to end for a process that is asked to; then it is killed."""


class Processes(Executor):
    """Work in several processes on this machine: `engine: {kind: processes, workers: 2}`.

    Each has one thread and holds the whole model, so memory grows with their number. Faster than
    `local` only where cores would be idle: measure it with your model before you rely on it.
    """

    workers: int = Field(default=2, ge=1, le=1024)
    cores: Literal["free", "pinned"] = Field(
        default="free",
        description="pinned: each process stays on a core of its own (Linux), for cores that "
        "nothing else uses",
    )

    def start(self, opening: Opening) -> Pool:
        """Start the processes."""
        if sys.platform == "win32":
            raise PyriteError("engine: processes needs Linux or macOS; use engine: local")
        cores = cores_of_own(self.workers) if self.cores == "pinned" else [None] * self.workers
        slots = [_ProcessSlot(core) for core in cores]
        where = "1 process" if self.workers == 1 else f"{self.workers} processes"
        pool = _ProcessPool(slots, opening, where)
        try:
            pool.start()
        except BaseException:
            pool.close()
            raise
        return pool


class _ProcessPool(SlotPool):
    def wait(self, busy: Sequence[Slot]) -> list[tuple[Slot, Answer]]:
        by_end = {slot.end_here: slot for slot in busy if isinstance(slot, _ProcessSlot)}
        return [(by_end[end], by_end[end].answer()) for end in wait(list(by_end))]  # type: ignore[index]


class _ProcessSlot(Slot):
    """A worker process that is started anew, not forked: it shares no lock and no thread.

    `multiprocessing` would import the user's main script again in every worker, and so run an
    unguarded one again; this does not.
    """

    end_here: Connection
    _process: subprocess.Popen[bytes] | None = None
    _waits: bool = False

    def __init__(self, core: int | None = None) -> None:
        """`core` is where its workers are kept, each after the other; None: anywhere."""
        self._core = core

    def begin(self, hello: Hello) -> None:
        here, there = socket.socketpair()
        try:
            with there:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "pyrite.executors._process", str(there.fileno())],
                    stdin=subprocess.PIPE,
                    pass_fds=(there.fileno(),),
                    env=_environment(),
                    # Ctrl-C is for the driver, which then ends its workers.
                    start_new_session=True,
                )
        except OSError as error:
            here.close()
            raise PyriteError(
                f"engine: no further process can be started ({error.strerror}); use fewer workers"
            ) from error
        if self._core is not None:
            # It has just begun to start Python, so that all its threads inherit this.
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(self._process.pid, {self._core})
        self.end_here = Connection(here.detach())
        self._waits = False
        self._tell(lambda: self.end_here.send(hello))

    def send(self, message: bytes) -> None:
        self._tell(lambda: self.end_here.send_bytes(message))

    def answer(self) -> Answer:
        """The next message; call it when there is one, or the end of them."""
        try:
            if not self._waits:
                self._waits = True
                return self.end_here.recv()  # type: ignore[no-any-return]
            return self.end_here.recv_bytes()
        except (EOFError, ConnectionResetError, BrokenPipeError):
            return Lost(self._how_it_ended())

    def end(self) -> None:
        if self._process is None:
            return
        process, self._process = self._process, None
        self.end_here.close()
        process.kill()
        process.wait()
        if process.stdin is not None:
            process.stdin.close()

    def _tell(self, send: Callable[[], None]) -> None:
        # That it is gone is read where its answer should be.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            send()

    def _how_it_ended(self) -> str:
        assert self._process is not None
        try:
            status = self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            return "stopped answering"
        if status >= 0:
            return f"ended with status {status}"
        with contextlib.suppress(ValueError):
            return f"was killed by {signal.Signals(-status).name}"
        return f"was killed by signal {-status}"


def cores_of_own(count: int) -> list[int]:
    """So many of the cores that this process may use, those that share one with another last.

    Raises:
        PyriteError: this system does not pin processes, or has fewer cores.
    """
    if not hasattr(os, "sched_getaffinity"):
        raise PyriteError("engine.cores: pinned needs Linux; use cores: free")
    allowed = sorted(os.sched_getaffinity(0))
    if count > len(allowed):
        raise PyriteError(
            f"engine.cores: pinned needs a core for each of {count} workers, and {len(allowed)} "
            "may be used here; use fewer workers or cores: free"
        )
    seen: list[str] = []
    ranked = []
    for core in allowed:
        shared = _siblings(core)
        ranked.append((seen.count(shared), core))
        seen.append(shared)
    return [core for _, core in sorted(ranked)[:count]]


def _siblings(core: int) -> str:
    """The logical cores that are one in truth, as Linux writes them; else the core itself."""
    file = Path(f"/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list")
    try:
        return file.read_text(encoding="ascii").strip()
    except OSError:
        return str(core)


def _environment() -> dict[str, str]:
    """This process's environment, with one thread for each library that would take all cores."""
    one = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    return {**os.environ, **one, "TOKENIZERS_PARALLELISM": "false"}
