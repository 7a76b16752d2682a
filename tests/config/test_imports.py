"""Importing the package is cheap, and reading a file imports nothing heavy."""

from __future__ import annotations

import subprocess
import sys

import pytest

import pyrite.config


def modules_after(code: str) -> set[str]:
    program = f"{code}\nimport sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split())


def test_importing_the_package_imports_no_pydantic_and_no_yaml() -> None:
    assert not modules_after("import pyrite.config") & {"pydantic", "ruamel.yaml"}


def test_reading_imports_nothing_heavy() -> None:
    code = "from pyrite.config import loads; loads('data: {path: set}', env={})"
    heavy = {"torch", "transformers", "datasets", "pandas", "polars", "sklearn", "scipy", "wandb"}
    assert not modules_after(code) & {*heavy, "plotly", "matplotlib", "numpy", "pyarrow"}


def test_the_public_names() -> None:
    assert pyrite.config.__all__ == ["load", "loads", "schema"]
    assert all(callable(getattr(pyrite.config, name)) for name in pyrite.config.__all__)
    with pytest.raises(AttributeError, match="no attribute 'lod'"):
        pyrite.config.lod  # noqa: B018
