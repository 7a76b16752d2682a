"""Finders that come with the benchmark: Pyrite's own and what it is compared with, one per file.

Every module has a function `find`; `FINDERS` is their order in tables.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import cast

from benchmarks.plantrm.contract import Find

__all__ = ["FINDERS", "REFERENCES", "WITH_REFERENCE", "load"]

FINDERS = ("pyrite", "edits_only", "random_search", "gcg", "surrogate", "random_tokens")
REFERENCES = ("oracle", "silent")
"""Finders that show that the harness itself is right; the oracle is told the plants."""

WITH_REFERENCE = ("pyrite_reference",)
"""Finders of a track of their own, which are given the clean twin; in no table with the others."""


def load(name: str) -> Find:
    """The finder of this name, or of `./file.py:function`.

    Raises:
        SystemExit: there is none.
    """
    if ":" not in name:
        if name not in (*FINDERS, *REFERENCES, *WITH_REFERENCE):
            raise SystemExit(f"no finder is called {name!r}; there are: {', '.join(FINDERS)}")
        return cast("Find", importlib.import_module(f"{__name__}.{name}").find)
    path, _, function = name.rpartition(":")
    spec = importlib.util.spec_from_file_location("plantrm_finder", Path(path))
    if spec is None or spec.loader is None or not Path(path).is_file():
        raise SystemExit(f"{path}: no such Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules["plantrm_finder"] = module
    spec.loader.exec_module(module)
    if not hasattr(module, function):
        raise SystemExit(f"{path} defines no {function!r}")
    return cast("Find", getattr(module, function))
