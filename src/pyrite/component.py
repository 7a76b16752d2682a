"""Components: things that a stranger adds in one file.

A component is a frozen class whose fields are its whole configuration. A *family* is a folder:
every public class in it that derives from the family's base is a component, and its name is the
class name in snake case. There is no table to edit. Listing a family parses its files and imports
none of them; asking for one name imports one file. A user's own component is `./file.py:Name`, or
comes from a package that declares the entry-point group `pyrite.<family>`.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.util
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from pyrite.errors import ComponentError
from pyrite.types import Json

__all__ = [
    "Component",
    "Family",
    "Listing",
    "load_user_module",
    "nearest",
    "snake_case",
    "user_reference",
]


_USER_MODULE = "pyrite_user_"
"""Modules of users' files are called so, then the file's stem and the hash of its content."""


class Component(BaseModel):
    """Base of all components: frozen, keyword-only, and strict about unknown fields.

    `VERSION` is raised when the code changes a result; `NOT_IDENTITY` names the fields that never
    change one (device, batch size). Both decide what a stored result may be reused for.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", protected_namespaces=(), populate_by_name=True
    )

    VERSION: ClassVar[int] = 1
    NOT_IDENTITY: ClassVar[frozenset[str]] = frozenset({"id"})

    def identity(self) -> dict[str, Json]:
        """The declared part of this component's identity, as plain JSON."""
        fields = self.model_dump(mode="json", by_alias=True, exclude=set(self.NOT_IDENTITY))
        return {**self.code_identity(), **fields}

    @classmethod
    def code_identity(cls) -> dict[str, Json]:
        """What names this component's code; for a user's file its content."""
        name = cls.__name__
        if cls.__module__.startswith(_USER_MODULE):
            # The module's name ends in the hash of the file.
            name = f"{cls.__module__}.{name}"
        return {"component": name, "version": cls.VERSION}


def snake_case(name: str) -> str:
    """`RewardModel` -> `reward_model`; a name that is snake case already stays as it is.

    A class whose name Python keeps for itself ends in `_`: `None_` -> `none`.
    """
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return words.lower().removesuffix("_")


def nearest(name: str, known: Iterator[str] | list[str]) -> str:
    """A hint naming the closest known name, or all of them where none is close."""
    names = list(known)
    close = get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    shown = ", ".join(sorted(names)[:20])
    return f"known: {shown}" if names else ""


@dataclass(frozen=True, slots=True)
class Listing:
    """One line of `pyrite list`: a component's name, what it is, and where it is defined."""

    name: str
    summary: str
    module: str
    class_name: str


@dataclass(frozen=True)
class Family:
    """A folder of components that share one base class."""

    name: str
    package: str
    base: str

    def listings(self) -> list[Listing]:
        """All components of this family, from the docstrings; nothing is imported."""
        return sorted(_scan(self.package, self.base), key=lambda listing: listing.name)

    def names(self) -> list[str]:
        """The names of all components of this family, installed plug-ins included."""
        return sorted({x.name for x in self.listings()} | {x.name for x in self._plugins()})

    def get(self, name: str) -> type[Component]:
        """The class called `name`: snake case, class name, `./file.py:Name` or a plug-in.

        Raises:
            ComponentError: no component has this name, or a user's file does not load.
        """
        if ":" in name:
            return self._from_file(name)
        wanted = snake_case(name)
        for listing in self.listings():
            if listing.name == wanted:
                found = getattr(importlib.import_module(listing.module), listing.class_name)
                return self._checked(found, name)
        for plugin in self._plugins():
            if plugin.name in (name, wanted):
                return self._checked(plugin.load(), name)
        raise ComponentError(
            f"no {self.name} component is called {name!r} ({nearest(wanted, self.names())})"
        )

    def _plugins(self) -> tuple[EntryPoint, ...]:
        return tuple(entry_points(group=f"pyrite.{self.name}"))

    def _from_file(self, reference: str) -> type[Component]:
        path, _, attribute = reference.rpartition(":")
        module = load_user_module(Path(path))
        if not hasattr(module, attribute):
            raise ComponentError(f"{path} defines no {attribute!r}")
        return self._checked(getattr(module, attribute), reference)

    def _checked(self, found: Any, reference: str) -> type[Component]:
        base = getattr(importlib.import_module(self.package), self.base)
        if not (isinstance(found, type) and issubclass(found, base)):
            raise ComponentError(f"{reference!r} is not a {self.base} ({self.package})")
        return found


def load_user_module(path: Path) -> ModuleType:
    """Import a user's Python file by path, once per content.

    Raises:
        ComponentError: the file is missing or raises while it is imported.
    """
    path = path.expanduser().resolve()
    if not path.is_file():
        raise ComponentError(f"{path}: no such Python file")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    name = f"{_USER_MODULE}{path.stem}_{digest}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ComponentError(f"{path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        kind = type(error).__name__
        raise ComponentError(f"{path}: cannot be imported: {kind}: {error}") from error
    return module


def user_reference(component: str) -> str | None:
    """`/where/file.py:Name` of a component's name in an identity, where a user's file has it."""
    module, _, name = component.rpartition(".")
    if not module.startswith(_USER_MODULE) or module not in sys.modules:
        return None
    return f"{sys.modules[module].__file__}:{name}"


@cache
def _scan(package: str, base: str) -> tuple[Listing, ...]:
    folder = _package_folder(package)
    found: list[Listing] = []
    for path in sorted(folder.rglob("*.py")):
        relative = path.relative_to(folder).with_suffix("")
        if relative.name == "__init__" or any(part.startswith("_") for part in relative.parts):
            continue
        module = ".".join([package, *relative.parts])
        found.extend(_components_of(path, module, base))
    return tuple(found)


def _package_folder(package: str) -> Path:
    # Found from this file, so that listing does not import the package.
    return Path(__file__).parent.joinpath(*package.split(".")[1:])


def _components_of(path: Path, module: str, base: str) -> Iterator[Listing]:
    family = {base}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if not isinstance(node, ast.ClassDef):
            continue
        bases = {x.id for x in node.bases if isinstance(x, ast.Name)}
        if not bases & family:
            continue
        family.add(node.name)
        if node.name.startswith("_"):
            continue
        doc = (ast.get_docstring(node) or "").strip().splitlines()
        yield Listing(snake_case(node.name), doc[0] if doc else "", module, node.name)
