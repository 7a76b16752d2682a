"""Two runs on the same rows: what changed between two models or two checkpoints.

::

    two run directories ──sameness──► matched rows ──paired statistics──► Comparison ──► text, JSON,
                                      matched edits                                     Markdown

`compare_runs` reads what the runs left and scores nothing. A comparison of different rows, or of
texts that were rendered or cut differently, is refused unless the caller says that it is meant.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyrite.compare.between import Allowed, compare_runs
    from pyrite.compare.result import Comparison

_PLACES = {
    "Allowed": "pyrite.compare.between",
    "Comparison": "pyrite.compare.result",
    "compare_runs": "pyrite.compare.between",
}

__all__ = ["Allowed", "Comparison", "compare_runs"]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'pyrite.compare' has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)
