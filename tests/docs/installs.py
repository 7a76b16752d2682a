"""Pages' own `pip install`, without the network: in a new environment, of a copy of this project.

What is true of it: pip reads the files, resolves all requirements, builds Pyrite and installs it
into the new environment, whose `pyrite` is then used. What is not: the packages that Pyrite needs
are not downloaded; pip finds them where the tests run, and takes them for installed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

from tests.docs.materials import ROOT

_FILES = (
    "pyproject.toml", "constraints.txt", "requirements.txt", "README.md", "LICENSE", "Makefile",
    "main",
)  # fmt: skip


def checkout(folder: Path) -> Path:
    """What a clone has that is needed to install and run Pyrite."""
    unwanted = shutil.ignore_patterns("__pycache__", "*.egg-info", ".mypy_cache")
    shutil.copytree(ROOT / "src", folder / "src", ignore=unwanted)
    for name in _FILES:
        shutil.copy(ROOT / name, folder / name)
    return folder


def offline(cache: Path) -> dict[str, str]:
    """Variables with which pip needs no network, and Pyrite's cache is another one."""
    unwanted = ("VIRTUAL_ENV", "PYTHONHOME")
    return {
        **{name: value for name, value in os.environ.items() if name not in unwanted},
        "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}",
        "PYTHONPATH": sysconfig.get_path("purelib"),
        "PYTHONNOUSERSITE": "1",
        "PYRITE_CACHE": str(cache),
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # pip reads it the other way round: off
        "PIP_QUIET": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
    }


def shell(
    text: str, *, folder: Path, environ: Mapping[str, str], timeout: float = 300
) -> subprocess.CompletedProcess[str]:
    """A script as it stands, in bash that stops at the first failure."""
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", text],
        cwd=folder,
        env=dict(environ),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
