"""The `analyze` section as written -> its canonical form."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePath

from pyrite.config.entries import entries, texts
from pyrite.config.tree import Findings, Map, Mark, Seq
from pyrite.types import Json

__all__ = ["COMPUTE_FIELDS", "analysis"]

COMPUTE_FIELDS = frozenset({"id", "name", "of", "args"})
ESTIMATOR_FIELDS = frozenset({"id", "name", "args"})
PREDICT_FIELDS = frozenset({"target", "x", "estimator", "folds"})
PLOT_FIELDS = frozenset({"y", "x"})

ON_THE_QUESTION = ("num_words", "avg_word_length", "median_word_length")
"""Features that the older dialect measured on the question, without saying so."""


def analysis(section: Map, findings: Findings, *, old: bool) -> Map:
    """Rewrite one analysis; `old` says that the file is in the older list dialect."""
    result = Map(section.mark)
    for key, value in section.items():
        mark = section.at(key)
        if key in ("requires", "compute", "estimators", "predict", "plot") and value is None:
            continue
        if key == "requires":
            value = texts(value, mark)
        elif key == "compute" and isinstance(value, str | Map | Seq):
            value = _compute(value, mark)
        elif key == "estimators" and isinstance(value, str | Map | Seq):
            value = _estimators(value, mark)
        elif key == "predict" and isinstance(value, Map | Seq):
            value = _predict(value, mark)
        elif key == "plot" and isinstance(value, str | Map | Seq):
            value = _plot(value, mark)
        result.put(key, value, mark)
    if old:
        _measure_on_the_question(result, findings)
    _name_columns(result, findings)
    return result


def _compute(value: Json, mark: Mark) -> Seq:
    items = Seq(mark)
    for name, at, body in entries(value, mark, COMPUTE_FIELDS):
        if name is None and not isinstance(body, Map):
            items.add(body, at)
            continue
        written = body if isinstance(body, Map) else Map(at)
        if isinstance(body, str):
            written.put("of", body, at)
        items.add(_compute_item(name, at, written), at)
    return items


def _compute_item(head: str | None, mark: Mark, written: Map) -> Map:
    item = Map(mark)
    name = written.get("name", head)
    # `my_vectors: {name: embedding}` is called by its head.
    default = head if head is not None else name
    identifier = written.get("id", default_id(default) if isinstance(default, str) else default)
    if identifier is not None:
        item.put("id", identifier, written.at("id") if "id" in written else mark)
    if name is not None:
        item.put("name", name, written.at("name") if "name" in written else mark)
    if written.get("of") is not None:
        item.put("of", written["of"], written.at("of"))
    others = written.without(*COMPUTE_FIELDS)
    given = written.get("args")
    if isinstance(given, Map):
        for key in given:
            others.put(key, given[key], given.at(key))
    elif given is not None:
        item.put("args", given, written.at("args"))
        return item
    others.mark = written.at("args") if "args" in written else mark
    item.put("args", others, others.mark)
    return item


def default_id(name: str) -> str:
    """What a computed item is called: its feature's name, for a user's own the class's name."""
    from pyrite.component import snake_case

    _, colon, attribute = PurePath(name).name.rpartition(":")
    return snake_case(attribute) if colon else name


def _estimators(value: Json, mark: Mark) -> Seq:
    return _rewritten(value, mark, ESTIMATOR_FIELDS, _estimator)


def _estimator(item: Map, name: Json, at: Mark, body: Json) -> Map:
    if isinstance(body, str):
        item.put("name", body, at)
    head = name if name is not None else item.get("name")
    for key in ("id", "name"):
        if key not in item and head is not None:
            item.put(key, head, at)
    return item.without("args") if item.get("args", 0) is None else item


def _predict(value: Json, mark: Mark) -> Seq:
    return _rewritten(value, mark, PREDICT_FIELDS, _prediction)


def _prediction(item: Map, name: Json, at: Mark, body: Json) -> Map:
    if isinstance(body, str | Seq):
        item.put("x", body, at)
    if name is not None and "target" not in item:
        item.put("target", name, at)
    return _with_list(item)


def _plot(value: Json, mark: Mark) -> Seq:
    return _rewritten(value, mark, PLOT_FIELDS, _figure)


def _figure(item: Map, name: Json, at: Mark, body: Json) -> Map:
    if name is not None and "y" not in item:
        item.put("y", name, at)
    if not isinstance(body, Map) and body is not None:
        item.put("x", body, at)
    return _with_list(item)


def _rewritten(
    value: Json, mark: Mark, fields: frozenset[str], fill: Callable[[Map, Json, Mark, Json], Map]
) -> Seq:
    """Named or unnamed entries as a list; what is no mapping and has no name stays as it is."""
    items = Seq(mark)
    for name, at, body in entries(value, mark, fields):
        if name is None and not isinstance(body, Map):
            items.add(body, at)
            continue
        item = body.copy() if isinstance(body, Map) else Map(at)
        items.add(fill(item, name, at, body), at)
    return items


def _with_list(item: Map) -> Map:
    """`x` as a list, also where one name was written."""
    if "x" in item:
        item.put("x", texts(item["x"], item.at("x")), item.at("x"))
    return item


def _measure_on_the_question(result: Map, findings: Findings) -> None:
    compute = result.get("compute")
    items = [
        item
        for item in (compute if isinstance(compute, Seq) else ())
        if isinstance(item, Map) and item.get("name") in ON_THE_QUESTION and "of" not in item
    ]
    for item in items:
        item.put("of", "question", item.mark)
    if items:
        names = ", ".join(str(item["name"]) for item in items)
        findings.warn(
            items[0].mark,
            f"{names}: measured on the question, as files of this form always were; "
            "write `of: response` for the response",
        )


def _name_columns(result: Map, findings: Findings) -> None:
    """`x: embedding` means the computed item of that id, or else the only one of that name."""
    compute = result.get("compute")
    ids: dict[str, list[str]] = {}
    for item in compute if isinstance(compute, Seq) else ():
        if isinstance(item, Map) and isinstance(item.get("id"), str):
            ids.setdefault(str(item.get("name")), []).append(item["id"])
    known = {one for many in ids.values() for one in many}
    for key in ("predict", "plot"):
        items = result.get(key)
        for item in items if isinstance(items, Seq) else ():
            columns = item.get("x") if isinstance(item, Map) else None
            if isinstance(columns, Seq):
                item.put("x", _resolved(columns, ids, known, findings), item.at("x"))


def _resolved(columns: Seq, ids: dict[str, list[str]], known: set[str], findings: Findings) -> Seq:
    result = Seq(columns.mark)
    for column, mark in columns.pairs():
        named = ids.get(column, []) if isinstance(column, str) and column not in known else []
        if len(named) > 1:
            findings.mistake(
                mark,
                f"is {column!r}, and {len(named)} computed items are called so",
                f"write one of their ids: {', '.join(named)}",
            )
        result.add(named[0] if len(named) == 1 else column, mark)
    return result
