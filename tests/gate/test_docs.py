"""docs/gate.md tells the truth: its policy is the example, and its CI job runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from pyrite.gate.policy import Policy
from tests.compare.experiments import ANALYZE, experiment, write_rows
from tests.end_to_end.programs import ROOT

PAGE = (ROOT / "docs" / "gate.md").read_text(encoding="utf-8")
EXAMPLE = ROOT / "examples" / "gate" / "policy.yml"
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def test_the_policy_on_the_page_is_the_example() -> None:
    assert BLOCKS[0] == EXAMPLE.read_text(encoding="utf-8")


def test_the_page_names_every_key() -> None:
    for key in Policy.model_fields:
        assert f"`{key}`" in PAGE, key


@pytest.fixture
def runner(tmp_path: Path) -> dict[str, str]:
    """What a runner gives its steps: programs on the PATH, files for variables and the summary."""
    programs = tmp_path / "programs"
    programs.mkdir()
    scripts = {
        "pyrite": f'exec "{sys.executable}" -m pyrite "$@"',
        "pip": f'echo "$@" >> "{tmp_path}/installed.txt"',
    }
    for name, body in scripts.items():
        (programs / name).write_text(f"#!/bin/sh\n{body}\n")
        (programs / name).chmod(0o755)
    (tmp_path / "env.txt").touch()
    return {
        **os.environ,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "OMP_NUM_THREADS": "1",
        "GITHUB_ACTIONS": "true",
        "GITHUB_ENV": str(tmp_path / "env.txt"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
    }


def run_job(folder: Path, environ: dict[str, str]) -> tuple[int, str]:
    """The job's `run` lines as a runner runs them; the status and the output of the last."""
    job: dict[str, Any] = YAML(typ="safe").load(BLOCKS[1])["jobs"]["gate"]
    status, said = 0, ""
    for step in job["steps"]:
        if "run" not in step or status:
            continue
        names = [x.split("=", 1) for x in (folder / "env.txt").read_text().splitlines()]
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=folder,
            env={**environ, **dict(names)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        status, said = done.returncode, done.stdout + done.stderr
    return status, said


def test_the_job_passes_and_stops_as_the_policy_says(
    tmp_path: Path, runner: dict[str, str]
) -> None:
    write_rows(tmp_path, prompts=200)
    (tmp_path / "policy.yml").write_text(EXAMPLE.read_text())
    good = experiment(tmp_path, "good", pays={"right": 3.0}, extra=ANALYZE)
    good.rename(tmp_path / "experiment.yml")
    status, said = run_job(tmp_path, runner)
    assert status == 0, said
    assert (tmp_path / "installed.txt").read_text() == "install pyrite\n"
    assert "# Gate passed" in (tmp_path / "summary.md").read_text()
    assert ET.parse(tmp_path / "gate.xml").getroot().get("failures") == "0"
    assert "::error" not in said

    # The second run is stored already; the policy asks for more.
    (tmp_path / "env.txt").write_text("")
    (tmp_path / "policy.yml").write_text(EXAMPLE.read_text().replace("min: 0.65", "min: 0.999"))
    status, said = run_job(tmp_path, runner)
    assert status == 100, said
    assert "::error title=pyrite gate%3A accuracy::pair_scores: accuracy " in said
    assert "# Gate not passed" in (tmp_path / "summary.md").read_text()
