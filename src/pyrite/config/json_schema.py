"""JSON Schema (draft 2020-12) of the experiment file, for editors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyrite.config.dialect import SECTIONS
from pyrite.config.kinds import DEFAULT_KIND, takes_target
from pyrite.config.sections import (
    AnalyzeSection,
    DataSection,
    ExploitSection,
    QuerySection,
    Settings,
)
from pyrite.types import Json

__all__ = ["schema"]

Schema = dict[str, Json]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REFERENCE = r"\.py:[A-Za-z_]\w*$"
_TEXT: Schema = {"type": "string"}
_NULL: Schema = {"type": "null"}
_ANY_MAPPING: Schema = {"type": "object"}


def schema() -> Schema:
    """The schema of a whole file: the canonical form, the shorthands and the older dialect.

    It is built from the types and the installed components, so that an editor completes the names
    of this very installation. A file that it accepts may still have mistakes that only `load`
    sees (names that refer to nothing); what `load` accepts, it accepts.
    """
    definitions: Schema = {}
    data = _definition(DataSection, definitions)
    query = _definition(QuerySection, definitions)
    analyze = _definition(AnalyzeSection, definitions)
    exploit = _definition(ExploitSection, definitions)
    _relax_data(data)
    _relax_query(query, definitions)
    _relax_analyze(analyze, definitions)
    _relax_exploit(exploit, definitions)
    settings = _definition(Settings, definitions)
    definitions |= {"data": data, "query": query, "analyze": analyze, "exploit": exploit}
    definitions["model"] = _model(definitions)
    many = {name: _one_or_many(name) for name in SECTIONS}
    properties = {
        **many,
        "analysis": many["analyze"],
        "entrypoint": _TEXT,
        "track": _track(definitions),
        "engine": _engine(definitions),
        **settings["properties"],
    }
    properties["doctor"] = {"anyOf": [properties["doctor"], {"type": "boolean"}]}
    properties["tags"] = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]}
    return {
        "$schema": DIALECT,
        "title": "Pyrite experiment",
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "not": {"required": ["analyze", "analysis"]},
        "$defs": _with_environment(definitions),
    }


def _definition(cls: Any, definitions: Schema) -> Schema:
    """The schema of a class; what it refers to goes into `definitions`."""
    own: Schema = cls.model_json_schema(by_alias=True, ref_template="#/$defs/{model}")
    definitions.update(own.pop("$defs", {}))
    return own


def _one_or_many(name: str) -> Schema:
    one = {"$ref": f"#/$defs/{name}"}
    pieces = {"type": "array", "items": {"type": "object", "maxProperties": 1}, "minItems": 2}
    many = {"type": "array", "items": one}
    return {"anyOf": [one, many, pieces, _NULL]}


def _model(definitions: Schema) -> Schema:
    """Every kind of model, told apart by `entrypoint`."""
    from pyrite.models import MODELS

    kinds: list[Schema] = []
    named: list[str] = []
    for listing in MODELS.listings():
        cls = MODELS.get(listing.name)
        if takes_target(cls):
            continue
        own = _definition(cls, definitions)
        names = [listing.class_name, listing.name]
        named += names
        own["properties"] = {
            key: {"anyOf": [value, {"enum": ["None", "default"]}]}
            for key, value in own["properties"].items()
        }
        own["properties"]["entrypoint"] = {"enum": names}
        if listing.class_name != DEFAULT_KIND:
            own["required"] = [*own.get("required", []), "entrypoint"]
        definitions[listing.class_name] = own
        kinds.append({"$ref": f"#/$defs/{listing.class_name}"})
    entrypoint = {
        "anyOf": [
            {"type": "string", "pattern": _REFERENCE},
            {"type": "string", "not": {"enum": named}},
        ]
    }
    user = {"type": "object", "properties": {"entrypoint": entrypoint}, "required": ["entrypoint"]}
    # `entrypoint` may also stand at the top of the file, after an older section without it.
    return {"anyOf": [*kinds, user]}


def _relax_data(data: Schema) -> None:
    """Rows by split, null columns, and the short forms of `sample`."""
    column: Schema = {"type": ["string", "null"]}
    fields: Schema = {"type": "object", "additionalProperties": column}
    row: Schema = {"type": "object", "additionalProperties": {"anyOf": [column, fields]}}
    rows: Schema = {"type": "array", "items": row}
    splits: Schema = {"type": "object", "additionalProperties": {"anyOf": [row, rows]}}
    form = {"anyOf": [fields, splits, rows, _NULL]}
    data["properties"]["schema"] = {**_described(data["properties"]["schema"]), **form}
    data["properties"]["columns"] = form
    sample = data["properties"]["sample"]
    words = {"enum": ["default", "first", "random", "all"]}
    sample["anyOf"] = [*sample["anyOf"], words, {"type": "integer", "minimum": 1}]


def _relax_query(query: Schema, definitions: Schema) -> None:
    from pyrite.config.names import FORWARD_ARGS, STORE
    from pyrite.rendering import RENDERINGS

    properties = query["properties"]
    properties["requires"] = _texts()
    for key in ("message", "tokenizer", "forward"):
        properties[key] = {"anyOf": [properties[key], {"const": "default"}, _NULL]}
    store = _named(definitions, "StoreItem", names=STORE)
    properties["store"] = store
    properties["metrics"] = store
    unravel = definitions["MessageSpec"]["properties"]["unravel"]
    unravel.pop("type")
    known = {"enum": ["default", *RENDERINGS.names()]}
    unravel["anyOf"] = [known, {"type": "string", "pattern": _REFERENCE}]
    args: Schema = {name: {} for name in FORWARD_ARGS}
    definitions["Forward"]["properties"]["args"] = {
        "type": ["object", "null"],
        "properties": args | _forward_args(),
        "additionalProperties": False,
    }


def _forward_args() -> Schema:
    from pyrite.config.dialect import TENSOR_ARGS

    null: Schema = {"enum": [None, "None"]}
    args: Schema = dict.fromkeys(TENSOR_ARGS, null)
    return args | {"topk": {"anyOf": [{"type": "integer", "minimum": 1}, null]}}


def _relax_analyze(analyze: Schema, definitions: Schema) -> None:
    from pyrite.features import FEATURES

    features = [*FEATURES.names(), "embedding"]
    properties = analyze["properties"]
    properties["requires"] = _texts()
    properties["compute"] = _named(definitions, "Compute", names=features, open_body=True)
    properties["estimators"] = _named(definitions, "EstimatorSpec")
    predict = definitions["Predict"]["properties"]
    predict["x"] = _texts()
    properties["predict"] = _named(definitions, "Predict", shorthand=_texts())
    plot = definitions["Plot"]["properties"]
    plot["x"] = _texts()
    properties["plot"] = _named(definitions, "Plot", shorthand=_texts())


def _relax_exploit(exploit: Schema, definitions: Schema) -> None:
    from pyrite.exploits import EDITS
    from pyrite.exploits.search import SEARCHES

    properties = exploit["properties"]
    properties["requires"] = properties["transfer"] = _texts()
    for key in ("message", "tokenizer"):
        properties[key] = {"anyOf": [properties[key], {"const": "default"}, _NULL]}
    properties["confirm"] = {"anyOf": [properties["confirm"], _NULL]}
    for key, spec, family in (("edits", "EditSpec", EDITS), ("search", "SearchSpec", SEARCHES)):
        names = ["default", *family.names()]
        forms = _named(definitions, spec, names=names, open_body=True)
        properties[key] = {**forms, "description": "default, or names with their fields"}


def _named(
    definitions: Schema,
    name: str,
    *,
    names: tuple[str, ...] | list[str] = (),
    shorthand: Schema | None = None,
    open_body: bool = False,
) -> Schema:
    """A list of named things in all its forms; see `pyrite.config.entries`."""
    whole = definitions[name]
    body: Schema = {
        "type": "object",
        "properties": whole["properties"],
        "additionalProperties": open_body,
    }
    definitions[f"{name}Body"] = body
    if open_body:
        whole["additionalProperties"] = True
    # The name may also be the key, so that none of the fields is required in the mapping itself.
    whole["required"] = [key for key in whole.get("required", []) if key in ("name", "target", "y")]
    inside = {"anyOf": [{"$ref": f"#/$defs/{name}Body"}, shorthand or _TEXT, _NULL]}
    headed = {"type": "object", "additionalProperties": inside, "maxProperties": 1}
    # The first key is null and its siblings are the fields.
    siblings = {
        "type": "object",
        "properties": whole["properties"],
        "additionalProperties": {} if open_body else _NULL,
        "minProperties": 2,
    }
    text = {"anyOf": [{"enum": list(names)}, _TEXT]} if names else _TEXT
    item = {"anyOf": [text, {"$ref": f"#/$defs/{name}"}, headed, siblings]}
    mapping = {"type": "object", "additionalProperties": inside}
    one = {"$ref": f"#/$defs/{name}"}
    return {"anyOf": [{"type": "array", "items": item}, mapping, one, _TEXT, _NULL]}


def _track(definitions: Schema) -> Schema:
    from pyrite.trackers import TRACKERS

    bodies: list[Schema] = []
    names: list[str] = []
    for listing in TRACKERS.listings():
        definitions[listing.class_name] = _definition(TRACKERS.get(listing.name), definitions)
        names.append(listing.name)
        bodies.append({"$ref": f"#/$defs/{listing.class_name}"})
    text = {"anyOf": [{"enum": names}, {"type": "string", "pattern": _REFERENCE}, _TEXT]}
    with_kind = {"type": "object", "required": ["kind"]}
    headed = {"type": "object", "additionalProperties": {"anyOf": [*bodies, _ANY_MAPPING, _NULL]}}
    item = {"anyOf": [text, with_kind, headed]}
    return {"anyOf": [{"type": "array", "items": item}, item, _NULL]}


def _engine(definitions: Schema) -> Schema:
    """An executor by name, or a mapping with its `kind` or headed by it."""
    from pyrite.executors import EXECUTORS

    names = EXECUTORS.names()
    reference: Schema = {"type": "string", "pattern": _REFERENCE}
    forms: list[Schema] = [{"enum": names}, reference, _NULL]
    for listing in EXECUTORS.listings():
        own = _definition(EXECUTORS.get(listing.name), definitions)
        definitions[listing.class_name] = own
        body: Schema = {"$ref": f"#/$defs/{listing.class_name}"}
        headed: Schema = {listing.name: {"anyOf": [body, _NULL]}}
        forms.append(_mapping({"kind": {"const": listing.name}, **own["properties"]}, "kind"))
        forms.append(_mapping(headed, listing.name))
    users: Schema = {"kind": {"anyOf": [reference, {"type": "string", "not": {"enum": names}}]}}
    forms.append({"type": "object", "properties": users, "required": ["kind"]})
    return {"anyOf": forms, "description": "where rows are scored; no score depends on it"}


def _mapping(properties: Schema, required: str) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": [required],
        "additionalProperties": False,
    }


def _texts() -> Schema:
    return {"anyOf": [_TEXT, {"type": "array", "items": _TEXT}, _NULL]}


def _described(form: Mapping[str, Json]) -> Schema:
    return {key: value for key, value in form.items() if key in ("title", "description")}


def _with_environment(node: Json) -> Json:
    """The same schema, with `${NAME}` allowed where a number, a truth or a choice is expected."""
    if isinstance(node, list):
        return [_with_environment(inner) for inner in node]
    if not isinstance(node, dict):
        return node
    typed = node.get("type") in ("integer", "number", "boolean")
    if typed or (node.get("type") == "string" and "enum" in node):
        return {"anyOf": [node, {"type": "string", "pattern": r"\$\{"}]}
    return {key: _with_environment(inner) for key, inner in node.items()}
