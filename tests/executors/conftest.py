"""One Ray of this machine for all tests here; it is started by the first that needs it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from pyrite.executors import Executor


@pytest.fixture(scope="session")
def running_ray() -> Iterator[None]:
    ray = pytest.importorskip("ray", reason="ray is not installed: pip install 'pyrite[ray]'")
    os.environ |= {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"}
    os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
    ray.init(
        num_cpus=4,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="error",
        configure_logging=False,
        object_store_memory=200 << 20,
    )
    yield
    ray.shutdown()


@pytest.fixture(params=["processes", "ray"])
def remote(request: pytest.FixtureRequest) -> Executor:
    """Two workers outside this process."""
    return executor_of(request.param, request)


@pytest.fixture(params=["local", "processes", "ray"])
def executor(request: pytest.FixtureRequest) -> Executor:
    """Any way to get work done."""
    return executor_of(request.param, request)


def executor_of(name: str, request: pytest.FixtureRequest) -> Executor:
    from pyrite.executors.local import Local
    from pyrite.executors.processes import Processes
    from pyrite.executors.ray import Ray

    if name == "ray":
        request.getfixturevalue("running_ray")
        return Ray(num_workers=2)
    return Local() if name == "local" else Processes(workers=2)
