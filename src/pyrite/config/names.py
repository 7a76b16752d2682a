"""Names inside sections that must exist: features, stored values, targets, estimators, forms."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pyrite.component import nearest, snake_case
from pyrite.config.dialect import TENSOR_ARGS
from pyrite.config.tree import Findings, Map, Mark, Seq, shown
from pyrite.config.validate import close
from pyrite.errors import ComponentError
from pyrite.types import Json

if TYPE_CHECKING:
    from pyrite.component import Component, Family

__all__ = [
    "FIELDS",
    "FORWARD_ARGS",
    "STORE",
    "TARGETS",
    "VECTORS",
    "check_analysis",
    "check_data",
    "check_query",
    "component_of",
    "is_reference",
]

FIELDS = ("prompt", "response", "chosen", "rejected", "messages", "system", "group")
"""Logical fields of a schema."""
VECTORS = ("hidden_states", "embeddings")
SCORES = ("score", "chosen_end_scores", "rejected_end_scores", "margin", "loss", "entropy")
STORE = (*SCORES, *VECTORS, "tokens", "token_rewards", "scores", "topk_uids")
TARGETS = (*SCORES, "softmax")
"""Scores that an analysis may name: what is stored, and what is worked out from it."""
FORWARD_ARGS = ("return_dict", "output_attentions", "output_hidden_states", "use_cache")
"""Arguments of a forward pass that are accepted, and change no score."""

EMBEDDING = "embedding"


def is_reference(name: str) -> bool:
    """Whether a name is a user's own component, `./file.py:Name`."""
    path, _, attribute = name.rpartition(":")
    return path.endswith(".py") and attribute.isidentifier() and "\0" not in path


def component_of(
    family: Family, name: str, mark: Mark, findings: Findings, *, what: str
) -> type[Component] | None:
    """The component called `name`, or a mistake that says what is near."""
    if ":" not in name or is_reference(name):
        try:
            return family.get(name)
        except ComponentError as error:
            if is_reference(name):
                findings.mistake(mark, str(error))
                return None
        except OSError as error:
            findings.mistake(mark, f"is {name!r}: {error.strerror}")
            return None
    findings.mistake(
        mark, f"is {shown(name)}, and no {what} is called so", nearest(name, family.names())
    )
    return None


def check_data(section: Map, findings: Findings) -> None:
    """Other names than the fields of a row are extra columns, unless they look like slips."""
    schema = section.get("schema")
    if not isinstance(schema, Map):
        return
    for key in schema:
        hint = "" if key in FIELDS else close(key, [*FIELDS, "question", "answer"], cutoff=0.8)
        if hint:
            findings.warn(schema.at(key), f"{key!r} becomes an extra column; {hint}")


def check_query(section: Map, findings: Findings) -> None:
    """What is stored, the arguments of the forward pass, and the form of the text."""
    _check_store(section, findings)
    forward = section.get("forward")
    args = forward.get("args") if isinstance(forward, Map) else None
    if isinstance(args, Map):
        _check_args(args, findings)
    message = section.get("message")
    unravel = message.get("unravel") if isinstance(message, Map) else None
    if isinstance(message, Map) and isinstance(unravel, str) and unravel != "default":
        from pyrite.rendering import RENDERINGS

        mark = message.at("unravel")
        component_of(RENDERINGS, unravel, mark, findings, what="form of the text")


def _check_store(section: Map, findings: Findings) -> None:
    seen: set[str] = set()
    for item, mark in _maps(section, "store"):
        name = item.get("name")
        if not isinstance(name, str):
            continue
        if name not in STORE:
            findings.mistake(
                mark, f"is {shown(name)}, which no query stores", nearest(name, list(STORE))
            )
        elif name in seen:
            findings.mistake(mark, f"{name!r} is there twice", "keep one")
        elif name in VECTORS and section.get("pairs") == "adjacent":
            findings.mistake(
                mark,
                f"{name!r} is not kept of adjacent pairs",
                "leave it out, or query every text alone with `pairs: none`",
            )
        seen.add(name)
        options = [key for key in item if key in ("pool", "layer", "dtype")]
        if name in STORE and name not in VECTORS and options and not _is_filled_in(item):
            findings.mistake(
                item.at(options[0]), f"{name!r} is not a vector", f"only {' and '.join(VECTORS)}"
            )


def _is_filled_in(item: Map) -> bool:
    """Whether the options are only the defaults that a resolved file spells out."""
    defaults = {"pool": "last", "layer": -1, "dtype": "float16"}
    return all(item.get(key, default) == default for key, default in defaults.items())


def _check_args(args: Map, findings: Findings) -> None:
    for key, value in args.items():
        if key in TENSOR_ARGS and value is not None:
            findings.mistake(
                args.at(key),
                f"is {shown(value)}, but the query itself supplies {key}",
                "leave it out, or write null",
            )
        elif key not in TENSOR_ARGS and key not in FORWARD_ARGS:
            known = [*FORWARD_ARGS, *TENSOR_ARGS, "topk"]
            findings.mistake(args.at(key), "unknown key", nearest(key, known))


def check_analysis(section: Map, findings: Findings) -> None:
    """Features, targets, columns and estimators."""
    from pyrite.features import FEATURES

    features = FEATURES.names()
    computed = _unique(section, "compute", "computed items", findings)
    estimators = _unique(section, "estimators", "estimators", findings)
    for item, _ in _maps(section, "compute"):
        if features and isinstance(item.get("name"), str):
            _check_feature(item, features, findings)
    for item, mark in _maps(section, "predict"):
        _check_target(item, "target", mark, findings)
        _check_columns(item, computed, features, findings)
        estimator = item.get("estimator")
        if isinstance(estimator, str) and estimator not in estimators:
            findings.mistake(
                item.at("estimator"),
                f"is {shown(estimator)}, and no estimator has this id",
                nearest(estimator, estimators) if estimators else "add it to `estimators`",
            )
    for item, mark in _maps(section, "plot"):
        _check_target(item, "y", mark, findings)
        _check_columns(item, computed, features, findings)


def _check_feature(item: Map, features: list[str], findings: Findings) -> None:
    from pyrite.config.validate import validate
    from pyrite.features import FEATURES

    name, mark = str(item["name"]), item.at("name")
    if name == EMBEDDING:
        return
    if not is_reference(name) and snake_case(name) not in features:
        known = [*features, EMBEDDING]
        findings.mistake(
            mark, f"is {shown(name)}, and no feature is called so", nearest(name, known)
        )
        return
    found = component_of(FEATURES, name, mark, findings, what="feature")
    args = item.get("args")
    if found is not None and isinstance(args, Map):
        validate(found, args, findings, also_known=("id", "name", "of", "args"))


def _check_target(item: Map, key: str, mark: Mark, findings: Findings) -> None:
    target = item.get(key)
    if isinstance(target, str) and target not in TARGETS and not target.startswith("scores."):
        place = item.at(key) if key in item else mark
        findings.mistake(
            place,
            f"is {shown(target)}, which is not a target",
            nearest(target, [*TARGETS, "scores.max", "scores.mean", "scores.argmax"]),
        )


def _check_columns(item: Map, computed: list[str], features: list[str], findings: Findings) -> None:
    columns = item.get("x")
    for column, mark in columns.pairs() if isinstance(columns, Seq) else ():
        if not isinstance(column, str) or column in computed:
            continue
        if column in features or column == EMBEDDING:
            findings.mistake(mark, f"{column!r} is not computed", "add it to `compute`")
        # Any other name may be a column of the data, which only the data can tell.
        elif not column.endswith(tuple(computed)) and (
            hint := close(column, computed, cutoff=0.85)
        ):
            findings.mistake(mark, f"is {shown(column)}, which is not computed", hint)


def _unique(section: Map, key: str, what: str, findings: Findings) -> list[str]:
    ids: list[str] = []
    for item, mark in _maps(section, key):
        identifier = item.get("id")
        if not isinstance(identifier, str):
            continue
        if identifier in ids:
            findings.mistake(mark, f"two {what} have the id {identifier!r}", "give one an `id`")
        ids.append(identifier)
    return ids


def _maps(section: Map, key: str) -> Iterable[tuple[Map, Mark]]:
    value: Json = section.get(key)
    if not isinstance(value, Seq):
        return []
    return [(item, mark) for item, mark in value.pairs() if isinstance(item, Map)]
