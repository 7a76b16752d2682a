"""Which kind of model a `model` section is: what its `entrypoint` names."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel

from pyrite.component import load_user_module, nearest, snake_case
from pyrite.config.names import component_of, is_reference
from pyrite.config.tree import Findings, Map, Mark, shown
from pyrite.errors import ComponentError
from pyrite.types import Json

if TYPE_CHECKING:
    from pyrite.component import Component

__all__ = ["DEFAULT_KIND", "kind_names", "kind_of", "reference_of", "takes_target"]

DEFAULT_KIND = "RewardModel"
CALLABLE_KIND = "python_callable"


def kind_of(section: Map, mark: Mark, findings: Findings) -> type[Component] | None:
    """The class of a model section, or None with a mistake."""
    from pyrite.models import MODELS

    written = section.get("entrypoint", DEFAULT_KIND)
    at = section.at("entrypoint") if "entrypoint" in section else mark
    if not isinstance(written, str):
        findings.mistake(at, f"is {shown(written)}, expected the name of a kind of model")
        return None
    if is_reference(written):
        return _from_file(written, at, findings)
    if ":" not in written and snake_case(written) not in MODELS.names():
        known = [x.class_name if written[:1].isupper() else x.name for x in MODELS.listings()]
        hint = nearest(written, known)
        findings.mistake(at, f"is {shown(written)}, and no kind of model is called so", hint)
        return None
    kind = component_of(MODELS, written, at, findings, what="kind of model")
    if kind is not None and takes_target(kind):
        findings.mistake(at, f"is {shown(written)}, which needs a target", "write ./file.py:name")
        return None
    return kind


def _from_file(written: str, mark: Mark, findings: Findings) -> type[Component] | None:
    """A user's own kind of model, or the kind that calls a user's function."""
    from pyrite.models import MODELS, Model

    file, _, attribute = written.rpartition(":")
    try:
        module = load_user_module(Path(file))
    except ComponentError as error:
        findings.mistake(mark, str(error))
        return None
    except OSError as error:
        findings.mistake(mark, f"is {shown(written)}: {error.strerror}")
        return None
    target = getattr(module, attribute, None)
    if isinstance(target, type) and issubclass(target, Model):
        return target
    if callable(target):
        return component_of(MODELS, CALLABLE_KIND, mark, findings, what="kind of model")
    if hasattr(module, attribute):
        findings.mistake(mark, f"{attribute!r} in {file} is neither a kind of model nor a function")
        return None
    own = [name for name, value in vars(module).items() if callable(value) and name[:1] != "_"]
    findings.mistake(mark, f"{file} defines no {attribute!r}", nearest(attribute, own))
    return None


def takes_target(kind: type[BaseModel]) -> bool:
    """Whether `entrypoint` names what a kind calls, instead of the kind itself."""
    field = kind.model_fields.get("entrypoint")
    return field is not None and field.is_required()


def kind_names(model: Component, written: Json) -> set[Json]:
    """All names under which the kind of an opened section may be given in a query."""
    name = type(model).__name__
    target = getattr(model, "entrypoint", None)
    return {name, snake_case(name), reference_of(model), written or DEFAULT_KIND, target}


def reference_of(component: BaseModel) -> str:
    """How a file names the class of a component: its name, or `./file.py:Name`."""
    cls = type(component)
    module = inspect.getmodule(cls)
    if cls.__module__.startswith("pyrite_user_") and module is not None and module.__file__:
        file = Path(module.__file__)
        here = Path.cwd()
        place = f"./{file.relative_to(here)}" if here in file.parents else str(file)
        return f"{place}:{cls.__name__}"
    return cls.__name__
