"""Just enough of JSON Schema to test ours without another dependency."""

from __future__ import annotations

import re
from typing import Any

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
_KEYWORDS = {
    *("$schema", "$defs", "$ref", "title", "description", "default", "type", "enum", "const"),
    *("anyOf", "not", "properties", "additionalProperties", "required", "items", "prefixItems"),
    *("minItems", "maxItems", "minProperties", "maxProperties", "minLength", "maxLength"),
    *("pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
}


def accepts(root: dict[str, Any], value: Any, schema: Any = None) -> bool:
    """Whether a schema accepts a value; an unknown keyword fails the test that asks."""
    schema = root if schema is None else schema
    unknown = set(schema) - _KEYWORDS
    assert not unknown, f"keywords that this checker does not know: {unknown}"
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/$defs/")
        if not accepts(root, value, root["$defs"][name]):
            return False
    if "anyOf" in schema and not any(accepts(root, value, inner) for inner in schema["anyOf"]):
        return False
    if "not" in schema and accepts(root, value, schema["not"]):
        return False
    checks = (_type(schema, value), _scalar(schema, value), _size(schema, value))
    return all(checks) and _inside(root, schema, value)


def _type(schema: dict[str, Any], value: Any) -> bool:
    wanted = schema.get("type")
    if wanted is None:
        return True
    names = [wanted] if isinstance(wanted, str) else wanted
    return any(
        isinstance(value, _TYPES[name]) and (name == "boolean" or not isinstance(value, bool))
        for name in names
    )


def _scalar(schema: dict[str, Any], value: Any) -> bool:
    if "enum" in schema and value not in schema["enum"]:
        return False
    if "const" in schema and value != schema["const"]:
        return False
    if isinstance(value, str):
        return re.search(schema.get("pattern", ""), value) is not None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return True
    inf = float("inf")
    closed = schema.get("minimum", -inf) <= value <= schema.get("maximum", inf)
    opened = schema.get("exclusiveMinimum", -inf) < value < schema.get("exclusiveMaximum", inf)
    return bool(closed and (opened or abs(value) == inf))


def _size(schema: dict[str, Any], value: Any) -> bool:
    noun = {dict: "Properties", list: "Items", str: "Length"}.get(type(value))
    if noun is None:
        return True
    return bool(schema.get(f"min{noun}", 0) <= len(value) <= schema.get(f"max{noun}", 1e9))


def _inside(root: dict[str, Any], schema: dict[str, Any], value: Any) -> bool:
    if isinstance(value, list):
        first = schema.get("prefixItems", [])
        rest = schema.get("items", {})
        pairs = [(x, first[i] if i < len(first) else rest) for i, x in enumerate(value)]
        return all(accepts(root, x, inner) for x, inner in pairs)
    if not isinstance(value, dict):
        return True
    if not set(schema.get("required", ())) <= set(value):
        return False
    properties, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    for key, inner in value.items():
        form = properties.get(key, others)
        if form is False or (isinstance(form, dict) and not accepts(root, inner, form)):
            return False
    return True
