"""What a run was made with: versions, hardware, code state."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pyrite.types import Json

__all__ = ["environment"]

PACKAGES = (
    "pyrite",
    "torch",
    "transformers",
    "tokenizers",
    "safetensors",
    "datasets",
    "huggingface_hub",
    "pyarrow",
    "numpy",
    "scipy",
    "scikit-learn",
    "sentence-transformers",
    "wandb",
    "ray",
)


def environment() -> dict[str, Json]:
    """Versions of what can change a result, the machine, and the git commit of the folder."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
        "hardware": {"cores": os.cpu_count(), "machine": platform.machine(), "gpus": _gpus()},
        "git": _git_commit(),
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _gpus() -> list[str]:
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return []
    return [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]


def _git_commit() -> Json:
    """Commit of the working directory and whether it has uncommitted changes; None outside git."""
    command = ["git", "-C", str(Path.cwd()), "status", "--porcelain=v2", "--branch"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    lines = done.stdout.splitlines()
    commit = next((x.split()[-1] for x in lines if x.startswith("# branch.oid")), None)
    return {"commit": commit, "dirty": any(not x.startswith("#") for x in lines)}
