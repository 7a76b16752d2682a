"""The experiment file: YAML to a typed `Experiment`, and its JSON Schema.

`load` reads a file, `loads` a text, `schema` describes the file for editors. Importing this
package imports nothing else; each name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyrite.config.json_schema import schema
    from pyrite.config.read import load, loads

_PLACES = {
    "load": "pyrite.config.read",
    "loads": "pyrite.config.read",
    "schema": "pyrite.config.json_schema",
}

__all__ = ["load", "loads", "schema"]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'pyrite.config' has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)
