"""Workers on Ray: on this machine, or on all machines of a cluster."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Any

from pydantic import Field

from pyrite.errors import PyriteError
from pyrite.executors import Executor, Opening, Pool
from pyrite.executors._slots import Answer, Lost, Slot, SlotPool, cores
from pyrite.executors._worker import Failure, Hello, Worker

__all__ = ["Ray"]

_SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # Ray's own announcement of a coming change; a worker without GPUs never asks for one.
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}


class Ray(Executor):
    """Work on Ray: `engine: {kind: ray, num_workers: 4, num_gpus: 1}`.

    Every worker is an actor that holds the whole model. Local models, data files and `./file.py`
    components must be found under the same path on every machine; the workers' fingerprints of
    them are compared. Plain actors and not a Ray Data pipeline: the driver then knows which rows
    each of them has, so that a lost worker costs these rows and the rest is written already.

    Attributes:
        num_workers: how many actors.
        num_cpus: processors that each takes, fractions allowed; also its threads.
        num_gpus: GPUs that each takes, fractions allowed.
        address: of a running cluster (`auto`, `ray://head:10001`); null starts Ray here.
    """

    num_workers: int = Field(default=2, ge=1, le=10_000)
    num_cpus: float = Field(default=1.0, ge=0, allow_inf_nan=False)
    num_gpus: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    address: str | None = None

    def start(self, opening: Opening) -> Pool:
        """Start Ray where it is not running, and the workers on it."""
        try:
            import ray
        except ImportError as error:
            raise PyriteError(
                f"engine: ray needs the package ray ({error}): pip install 'pyrite[ray]'"
            ) from error
        own = not ray.is_initialized()
        slots = [_RaySlot(self) for _ in range(self.num_workers)]
        workers = "1 Ray worker" if self.num_workers == 1 else f"{self.num_workers} Ray workers"
        where = f"{workers} of the cluster {self.address}" if self.address else workers
        pool = _RayPool(slots, opening, where, own=own, cluster=self.address is not None)
        try:
            if own:
                self._connect(ray)
            pool.start()
        except BaseException:
            pool.close()
            raise
        return pool

    def _connect(self, ray: Any) -> None:
        for name, value in _SETTINGS.items():
            os.environ.setdefault(name, value)
        options: dict[str, Any] = {"logging_level": "error", "configure_logging": False}
        if self.address is None:
            # A cluster of one's own has nobody to keep out, and hears only this machine.
            os.environ.setdefault("RAY_AUTH_MODE", "disabled")
            options |= {
                "num_cpus": max(cores(), math.ceil(self.num_workers * self.num_cpus)),
                "include_dashboard": False,
                "log_to_driver": False,
            }
        try:
            ray.init(address=self.address, **options)
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            what = f"the cluster {self.address}" if self.address else "a local Ray"
            raise PyriteError(f"engine: ray cannot connect to {what}: {error}") from error
        have = ray.cluster_resources().get("GPU", 0.0)
        if self.address is None and have < self.num_workers * self.num_gpus:
            raise PyriteError(
                f"engine: {self.num_workers} workers with num_gpus {self.num_gpus:g} need "
                f"{self.num_workers * self.num_gpus:g} GPUs, and this machine has {have:g}; ask "
                "for fewer or for a fraction of one, or give the `address` of a cluster"
            )


class _RayPool(SlotPool):
    def __init__(
        self, slots: Sequence[Slot], opening: Opening, where: str, *, own: bool, cluster: bool
    ) -> None:
        super().__init__(slots, opening, where)
        self._own = own
        self._cluster = cluster

    def wait(self, busy: Sequence[Slot]) -> list[tuple[Slot, Answer]]:
        import ray

        by_answer = {slot.awaited: slot for slot in busy if isinstance(slot, _RaySlot)}
        ready, _ = ray.wait(list(by_answer), num_returns=1)
        return [(by_answer[one], _answer(one)) for one in ready]

    def close(self) -> None:
        import ray

        if ray.is_initialized():
            super().close()
            if self._own:
                ray.shutdown()

    def hint(self, failure: Failure) -> str:
        if not self._cluster:
            return ""
        return (
            f"on {failure.host}, a machine of the cluster: local paths must exist there too, under "
            "the same name"
        )


class _RaySlot(Slot):
    awaited: Any
    _actor: Any = None

    def __init__(self, options: Ray) -> None:
        self._options = options

    def begin(self, hello: Hello) -> None:
        import ray

        actor = ray.remote(Worker).options(
            num_cpus=self._options.num_cpus, num_gpus=self._options.num_gpus
        )
        self._actor = actor.remote()
        self.awaited = self._actor.open.remote(hello)

    def send(self, message: bytes) -> None:
        self.awaited = self._actor.do.remote(message)

    def end(self) -> None:
        import ray

        actor, self._actor = self._actor, None
        if actor is not None:
            ray.kill(actor)


def _answer(awaited: Any) -> Answer:
    import ray

    try:
        found: Answer = ray.get(awaited)
    except ray.exceptions.RayError as error:
        # The worker, its machine or the object it left is gone, or it could not be started.
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        why = lines[0] if len(lines) < 2 else f"{lines[0]} ... {lines[-1]}"
        return Lost(f"ended: {type(error).__name__}: {why}")
    return found
