"""A workflow of GitHub, run here: its own `run` lines, one after the other, in bash.

The checkout is a folder that is there already; of `setup-python` what counts is done: a Python of
its own comes first on the PATH. Uploading is left out.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.docs.installs import offline, shell

_KNOWN = ("actions/checkout@", "actions/setup-python@", "actions/upload-artifact@")


@dataclass(frozen=True)
class Runner:
    """What a runner gives its steps."""

    folder: Path
    environ: Mapping[str, str]
    variables: Path
    summary: Path


def runner(folder: Path, outside: Path) -> Runner:
    """A runner whose checkout is `folder`; its own files lie outside of it."""
    environ = offline(outside / "cache")
    done = shell(f"{sys.executable} -m venv '{outside}/python'", folder=folder, environ=environ)
    assert done.returncode == 0, done.stderr
    variables, summary = outside / "env.txt", outside / "summary.md"
    variables.touch()
    given = {
        "PATH": f"{outside}/python/bin:{environ['PATH']}",
        "OMP_NUM_THREADS": "1",
        "GITHUB_ACTIONS": "true",
        "GITHUB_ENV": str(variables),
        "GITHUB_STEP_SUMMARY": str(summary),
    }
    return Runner(folder, {**environ, **given}, variables, summary)


def run_job(text: str, on: Runner) -> tuple[int, str]:
    """The status and the output of the step that failed, or of the last."""
    workflow: dict[str, Any] = YAML(typ="safe").load(text)
    (job,) = workflow["jobs"].values()
    status, said = 0, ""
    for step in job["steps"]:
        if "run" not in step:
            assert step["uses"].startswith(_KNOWN), "a step that this runner does not know"
            continue
        names = [x.split("=", 1) for x in on.variables.read_text().splitlines()]
        done = shell(step["run"], folder=on.folder, environ={**on.environ, **dict(names)})
        status, said = done.returncode, done.stdout + done.stderr
        if status:
            break
    return status, said
