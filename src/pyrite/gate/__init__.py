"""A run against a policy: may this reward model go on?

::

    run directory ─┐
                   ├──gate_run()──► Gated (one line for each thing that was asked) ──► exit status,
    policy.yml ────┘                JUnit, JSON, a GitHub summary

A rule that finds nothing to look at is a finding, not a pass: what was not measured is not good.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyrite.gate.policy import Policy
    from pyrite.gate.read import load_policy
    from pyrite.gate.result import Gated
    from pyrite.gate.rules import gate_run

_PLACES = {
    "Gated": "pyrite.gate.result",
    "Policy": "pyrite.gate.policy",
    "gate_run": "pyrite.gate.rules",
    "load_policy": "pyrite.gate.read",
}

__all__ = ["Gated", "Policy", "gate_run", "load_policy"]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'pyrite.gate' has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)
