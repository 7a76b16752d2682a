"""What a user may write -> the canonical form of `sections.py`.

This file and `dialect_analyze.py` are the only ones that know the dialect of the first
experiment files and the shorthands. Nothing is rejected here: what is not understood stays as it
is, and validation then says what was expected.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pyrite.config.dialect_analyze import analysis
from pyrite.config.entries import entries, has_null_heads, texts
from pyrite.config.tree import Findings, Map, Mark, Seq, plant, shown
from pyrite.types import Json

__all__ = ["ALIASES", "LOGICAL", "SECTIONS", "TENSOR_ARGS", "Dialect", "canonical"]

SECTIONS = ("model", "data", "query", "analyze", "exploit")
"""The keys whose value is one section or a list of them, in the order in which they run."""

ALIASES = {"analysis": "analyze"}
LOGICAL = {"question": "prompt", "answer": "response", "completion": "response"}
"""Logical fields under their older names."""

DEFAULT_SAMPLE = {"method": "first", "n": 1000}
TENSOR_ARGS = (
    "input_ids",
    "past_key_values",
    "attention_mask",
    "token_type_ids",
    "position_ids",
    "head_mask",
    "inputs_embeds",
    "mc_token_ids",
    "labels",
)
"""Arguments of a forward pass that the tool supplies itself; only null may be written."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """A file in canonical form, and whether it was written in the older list dialect."""

    root: Map
    old: bool


def canonical(root: Map, findings: Findings, *, old: bool = False) -> Dialect:
    """Rewrite a whole file.

    Args:
        root: the file as written.
        findings: gets warnings and mistakes.
        old: the text itself already needed the repair of the older dialect.
    """
    old = old or _is_old(root)
    result = Map(root.mark)
    for key, value in root.items():
        name = ALIASES.get(key, key)
        if name in result or (name != key and name in root):
            findings.mistake(
                root.at(key), f"'{key}' and '{name}' mean the same section", "keep one"
            )
        elif name in SECTIONS:
            result.put(name, _sections(value, root.at(key)), root.at(key))
        elif name != "entrypoint":
            result.put(name, value, root.at(key))
    if "entrypoint" in root:
        _give_to_model(root, result, findings)
    rewrite: dict[str, Callable[[Map], Map]] = {
        "model": _model,
        "data": lambda section: _data(section, findings),
        "query": lambda section: _query(section, findings),
        "analyze": lambda section: analysis(section, findings, old=old),
        "exploit": _exploit,
    }
    for name, function in rewrite.items():
        if name in result:
            result.put(name, _each(result[name], function), result.at(name))
    _track(result, old=old)
    _engine(result)
    if isinstance(result.get("doctor"), bool):
        # `off` and `on` are truths in older YAML, and editors write them so.
        result.put("doctor", "fail" if result["doctor"] else "off", result.at("doctor"))
    if "tags" in result:
        result.put("tags", texts(result["tags"], result.at("tags")), result.at("tags"))
    return Dialect(result, old)


def _is_old(root: Map) -> bool:
    for section in _all(root, "data"):
        schema = section.get("schema")
        if has_null_heads(schema) or (
            isinstance(schema, Map) and any(has_null_heads(rows) for rows in schema.values())
        ):
            return True
    lists = ("compute", "estimators", "predict")
    analyses = [*_all(root, "analyze"), *_all(root, "analysis")]
    return any(has_null_heads(section.get(key)) for section in analyses for key in lists)


def _all(root: Map, key: str) -> list[Map]:
    value = root.get(key)
    sections = _sections(value, root.at(key))
    return [s for s in sections if isinstance(s, Map)] if isinstance(sections, list) else []


def _sections(value: Json, mark: Mark) -> Json:
    """A section or a list of them as a list; `- id: x`, `- path: y` one after another are one."""
    if isinstance(value, Map):
        alone = Seq(mark)
        alone.add(value, value.mark)
        return alone
    if not isinstance(value, Seq) or len(value) < 2:
        return Seq(mark) if value is None else value
    heads = [next(iter(item)) for item in value if isinstance(item, Map) and len(item) == 1]
    if len(heads) < len(value) or len(set(heads)) < len(heads) or "id" not in heads:
        return value
    joined = Map(value.mark)
    for item in value:
        for key in item:
            joined.put(key, item[key], item.at(key))
    alone = Seq(mark)
    alone.add(joined, value.mark)
    return alone


def _each(sections: Json, function: Callable[[Map], Map]) -> Json:
    if not isinstance(sections, Seq):
        return sections
    done = Seq(sections.mark)
    for section, mark in sections.pairs():
        done.add(function(section) if isinstance(section, Map) else section, mark)
    return done


def _give_to_model(root: Map, result: Map, findings: Findings) -> None:
    """A top-level `entrypoint` belongs to the only model."""
    models = [m for m in result.get("model") or () if isinstance(m, Map)]
    mark = root.at("entrypoint")
    if len(models) != 1:
        findings.mistake(mark, "belongs to a model", "write it inside the `model` section")
    elif models[0].get("entrypoint", root["entrypoint"]) != root["entrypoint"]:
        findings.mistake(mark, "the model has another entrypoint already", "keep one")
    else:
        models[0].put("entrypoint", root["entrypoint"], mark)


def _model(section: Map) -> Map:
    """`None` is null; `default` is whatever the kind of model has as its default."""
    result = Map(section.mark)
    for key, value in section.items():
        if value == "default" and key in ("tokenizer", "embedding", "norm"):
            continue
        result.put(key, None if value == "None" else value, section.at(key))
    return result


def _data(section: Map, findings: Findings) -> Map:
    result = section.without("sample", "schema", "columns")
    for key in ("schema", "columns"):
        if section.get(key) is not None:
            _schema(section[key], section.at(key), result, findings)
    sample, mark = section.get("sample"), section.at("sample")
    if sample == "default":
        sample = plant(DEFAULT_SAMPLE, mark)
    elif isinstance(sample, int) and not isinstance(sample, bool):
        sample = plant({"method": "first", "n": sample}, mark)
    elif sample in ("first", "random", "all"):
        sample = plant({"method": sample}, mark)
    if "sample" in section:
        result.put("sample", sample, mark)
    return result


def _schema(value: Json, mark: Mark, result: Map, findings: Findings) -> None:
    """Logical field -> column, from a flat mapping or from split -> rows."""
    if isinstance(value, Map) and value:
        splits = [key for key, inner in value.items() if isinstance(inner, Map | Seq)]
        if splits:
            if len(value) > 1:
                findings.mistake(
                    value.at(list(value)[1]),
                    "one data section reads one split",
                    "make one data section of each split",
                )
            _split(value, splits[0], result, findings)
            value, mark = value[splits[0]], value.at(splits[0])
    fields = _row(value, mark, findings) if isinstance(value, Map | Seq) else value
    result.put("schema", fields, mark)


def _split(value: Map, split: str, result: Map, findings: Findings) -> None:
    if result.get("split") not in (None, split):
        findings.mistake(value.at(split), f"the section says split {result['split']!r}")
    result.put("split", split, value.at(split))


def _row(value: Map | Seq, mark: Mark, findings: Findings) -> Map:
    """One mapping of fields from the forms of a row, fields under their canonical names."""
    fields = Map(mark)
    for row, at in value.pairs() if isinstance(value, Seq) else [(value, mark)]:
        if isinstance(row, Map):
            _add_fields(row, fields, findings)
        else:
            findings.mistake(at, f"is {shown(row)}, expected a row", "write `field: column`")
    return fields


def _add_fields(written: Map, fields: Map, findings: Findings) -> None:
    """Add the fields of a row; `row` itself only holds them, or says nothing."""
    for key, column in written.items():
        name, mark = LOGICAL.get(key, key), written.at(key)
        if key == "row" and isinstance(column, Map):
            _add_fields(column, fields, findings)
        elif key == "row" and column is not None:
            findings.mistake(mark, f"is {shown(column)}, expected the fields of a row")
        elif key != "row" and name in fields:
            findings.mistake(mark, f"{name!r} has a column already", "keep one")
        elif key != "row":
            fields.put(name, key if column is None else column, mark)


def _query(section: Map, findings: Findings) -> Map:
    result = Map(section.mark)
    for key, value in section.items():
        mark = section.at(key)
        if key == "metrics":
            if "store" in section:
                findings.mistake(mark, "'metrics' and 'store' mean the same", "keep one")
            key = "store"
        if key in ("message", "tokenizer", "forward") and value in (None, "default"):
            continue
        if key in ("requires", "store") and value is None:
            continue
        if key == "requires":
            value = texts(value, mark)
        elif key == "store":
            value = _store(value, mark)
        elif key == "forward" and isinstance(value, Map):
            value = _forward(value, findings)
        result.put(key, value, mark)
    return result


_MAY_BE_NULL = ("requires", "edits", "search", "gold", "reference", "transfer", "confirm")


def _exploit(section: Map) -> Map:
    result = Map(section.mark)
    for key, value in section.items():
        mark = section.at(key)
        if key in ("message", "tokenizer") and value in (None, "default"):
            continue
        if value is None and key in _MAY_BE_NULL:
            continue
        if key in ("requires", "transfer"):
            value = texts(value, mark)
        elif key in ("edits", "search") and isinstance(value, str | Map | Seq):
            value = _components(value, mark)
        result.put(key, value, mark)
    return result


def _components(value: Json, mark: Mark) -> Seq:
    items = Seq(mark)
    for name, at, body in entries(value, mark, frozenset({"name", "args"})):
        if name is None:
            items.add(body, at)
            continue
        item = Map(at)
        item.put("name", name, at)
        if body is not None:
            item.put("args", body, at)
        items.add(item, at)
    return items


def _store(value: Json, mark: Mark) -> Json:
    if not isinstance(value, str | Map | Seq):
        return value
    items = Seq(mark)
    known = frozenset({"name", "pool", "layer", "dtype"})
    for name, at, body in entries(value, mark, known):
        item = Map(at)
        if name is not None:
            item.put("name", name, at)
        if isinstance(body, Map):
            for key in body:
                item.put(key, body[key], body.at(key))
        elif body is not None and name is None:
            items.add(body, at)
            continue
        elif body is not None:
            item.put("pool", body, at)
        items.add(item, at)
    return items


def _forward(section: Map, findings: Findings) -> Map:
    result = section.without("args")
    written = section.get("args")
    if not isinstance(written, Map):
        if written is not None:
            result.put("args", written, section.at("args"))
        return result
    args = Map(written.mark)
    for key, value in written.items():
        value = None if value == "None" else value
        if key == "topk" and value is not None:
            if "topk" in section and section["topk"] != value:
                findings.mistake(written.at(key), "forward.topk says otherwise", "keep one")
            result.put("topk", value, written.at(key))
        elif not (value is None and key in (*TENSOR_ARGS, "topk")):
            args.put(key, value, written.at(key))
    result.put("args", args, section.at("args"))
    return result


def _track(result: Map, *, old: bool) -> None:
    """Trackers as mappings with their `kind`; a file in the older dialect is shown on wandb."""
    mark = result.at("track")
    if "track" not in result:
        if old:
            result.put("track", plant([{"kind": "wandb"}], mark), mark)
        return
    value = result["track"]
    if not isinstance(value, str | Map | Seq):
        if value is None:
            result.put("track", Seq(mark), mark)
        return
    items = Seq(mark)
    for name, at, body in entries(value, mark, frozenset({"kind"})):
        item = Map(at)
        if name is not None:
            item.put("kind", name, at)
        if isinstance(body, Map):
            for key in body:
                item.put(key, body[key], body.at(key))
        elif body is not None:
            items.add(body, at)
            continue
        items.add(item, at)
    result.put("track", items, mark)


def _engine(result: Map) -> None:
    """`ray` and `{ray: {...}}` as a mapping with its `kind`."""
    value, mark = result.get("engine"), result.at("engine")
    if isinstance(value, str):
        result.put("engine", _of_kind(value, mark, None), mark)
    elif isinstance(value, Map) and len(value) == 1 and "kind" not in value:
        name = next(iter(value))
        if value[name] is None or isinstance(value[name], Map):
            result.put("engine", _of_kind(name, value.at(name), value[name]), mark)


def _of_kind(kind: str, mark: Mark, body: Map | None) -> Map:
    item = Map(mark)
    item.put("kind", kind, mark)
    if body is not None:
        for key in body:
            item.put(key, body[key], body.at(key))
    return item
