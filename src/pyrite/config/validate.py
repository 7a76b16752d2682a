"""Canonical data -> typed sections; every mistake in the user's words, with place and cure."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from pyrite.component import nearest
from pyrite.config.tree import EnvText, Findings, Map, Mark, Seq, mark_at, shown
from pyrite.types import Json

__all__ = ["bare", "close", "fields_of", "is_missing", "validate"]

Model = TypeVar("Model", bound=BaseModel)
Path = tuple[str | int, ...]

_EXPECTED = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a smaller number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "a text",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "none_required": "null",
    "string_pattern_mismatch": "letters, digits, '_', '-' and '.', a letter or digit first",
    "greater_than_equal": "a number of at least {ge}",
    "greater_than": "a number above {gt}",
    "less_than_equal": "a number of at most {le}",
    "less_than": "a number below {lt}",
    "string_too_long": "at most {max_length} characters",
    "string_too_short": "at least {min_length} characters",
    "too_long": "at most {max_length} elements",
    "too_short": "at least {min_length} elements",
}


def validate(
    cls: type[Model], data: Map, findings: Findings, *, also_known: Iterable[str] = ()
) -> Model | None:
    """Build a typed section from canonical data.

    Args:
        cls: what to build.
        data: its fields.
        findings: gets every mistake.
        also_known: keys beside the fields that the user may write, for the hints.

    Returns:
        The section, or None where there was a mistake.
    """
    try:
        return cls.model_validate(bare(data))
    except ValidationError as error:
        for path, problems in _grouped(error, data).items():
            _tell(cls, data, path, problems, findings, tuple(also_known))
        return None


def bare(value: Json) -> Json:
    """The same data without marks."""
    if isinstance(value, dict):
        return {key: bare(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [bare(inner) for inner in value]
    return value


def is_missing(mark: Mark, findings: Findings, hint: str = "") -> None:
    """Tell that a required key is not there; `mark` names the key at its section's place."""
    findings.mistake(mark, "is required and missing", hint)


def close(value: Json, names: Sequence[str], *, cutoff: float = 0.6) -> str:
    """A hint with the nearest of `names`, or no hint where none is near."""
    found = get_close_matches(value, names, n=1, cutoff=cutoff) if isinstance(value, str) else []
    return f"did you mean {found[0]!r}?" if found else ""


def _grouped(error: ValidationError, data: Map) -> dict[Path, list[Mapping[str, Any]]]:
    """Problems by the path in the data; the alternatives of a union stand at one path."""
    grouped: dict[Path, list[Mapping[str, Any]]] = {}
    for problem in error.errors(include_url=False):
        location = problem["loc"]
        _, depth = mark_at(data, location)
        if problem["type"] == "missing":
            depth = len(location)
        grouped.setdefault(tuple(location[:depth]), []).append(problem)
    return grouped


def _tell(
    cls: type[BaseModel],
    data: Map,
    path: Path,
    problems: list[Mapping[str, Any]],
    findings: Findings,
    also_known: tuple[str, ...],
) -> None:
    mark, depth = mark_at(data, path)
    assert mark is not None
    for segment in path[depth:]:
        mark = mark.child(segment)
    if findings.told(mark):
        return
    kinds = {problem["type"] for problem in problems}
    if "missing" in kinds:
        is_missing(mark, findings)
        return
    if "extra_forbidden" in kinds:
        extra = also_known if len(path) == 1 else ()
        known = sorted({*fields_of(cls, path[:-1]), *extra})
        findings.mistake(mark, "unknown key", nearest(str(path[-1]), known))
        return
    value = _value_at(data, path)
    own_words = [str(p["ctx"]["error"]) for p in problems if p["type"] == "value_error"]
    if own_words:
        words = "; ".join(own_words)
        if isinstance(value, EnvText) and value:
            words = words.replace(value, value.template)
        findings.mistake(mark, f"is {shown(value)}: {words}" if path else words)
        return
    expected = list(dict.fromkeys(_expected(problem) for problem in problems))
    if "null" not in expected and _accepts_null(cls, path):
        expected.append("null")
    findings.mistake(
        mark, f"is {shown(value)}, expected {' or '.join(expected)}", _cure(value, problems)
    )


def _expected(problem: Mapping[str, Any]) -> str:
    context = problem.get("ctx", {})
    if problem["type"] in ("literal_error", "enum"):
        options = str(context["expected"])
        return f"one of {options}" if "," in options or " or " in options else options
    form = _EXPECTED.get(problem["type"])
    return form.format(**context) if form else f"otherwise: {problem['msg']}"


def _cure(value: Json, problems: list[Mapping[str, Any]]) -> str:
    options = [
        option
        for problem in problems
        if problem["type"] in ("literal_error", "enum")
        for option in str(problem["ctx"]["expected"]).split("'")[1::2]
    ]
    if options:
        return close(value, options)
    wants_text = any(problem["type"] == "string_type" for problem in problems)
    if wants_text and isinstance(value, bool | int | float):
        return "write it in quotes"
    return ""


def _value_at(data: Json, path: Path) -> Json:
    for segment in path:
        if isinstance(data, Map) and segment in data:
            data = data[str(segment)]
        elif isinstance(data, Seq) and isinstance(segment, int):
            data = data[segment]
    return data


def fields_of(cls: type[BaseModel], path: Sequence[str | int]) -> list[str]:
    """The keys that the section at `path` inside `cls` has, as they are written."""
    current: type[BaseModel] | None = cls
    for segment in path:
        if isinstance(segment, int):
            continue
        annotation = None if current is None else _annotation(current, segment)
        current = _section_in(annotation)
    if current is None:
        return []
    return [field.alias or name for name, field in current.model_fields.items()]


def _annotation(cls: type[BaseModel], key: str) -> Any:
    for name, field in cls.model_fields.items():
        if key in (name, field.alias):
            return field.annotation
    return None


def _accepts_null(cls: type[BaseModel], path: Path) -> bool:
    current: type[BaseModel] | None = cls
    annotation: Any = None
    for segment in path:
        if isinstance(segment, int):
            annotation = None
            continue
        annotation = None if current is None else _annotation(current, segment)
        current = _section_in(annotation)
    union = typing.get_origin(annotation) in (typing.Union, types.UnionType)
    return union and types.NoneType in typing.get_args(annotation)


def _section_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in typing.get_args(annotation):
        found = _section_in(argument)
        if found is not None:
            return found
    return None
