"""A Ray cluster of two nodes, one of which is lost. `two_hosts.sh` gives each a network of its own.

Two nodes are two raylets with workers of their own, on one machine: what is between two machines
(copies of files, clocks, other processors) is not tried here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.executors.clusters import check


@pytest.mark.slow
def test_a_lost_node_costs_its_unit_and_scores_are_those_of_one_process(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="ray is not installed: pip install 'pyrite[ray]'")
    code = f"from tests.executors.clusters import two_nodes; two_nodes({str(tmp_path)!r})"
    env = {
        **os.environ,
        "RAY_AUTH_MODE": "disabled",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=180)
    assert done.returncode == 0, done.stderr[-3000:]
    check(json.loads(done.stdout.splitlines()[-1]))
