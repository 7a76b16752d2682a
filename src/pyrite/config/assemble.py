"""Marked data of a whole file -> typed, linked sections. Both ways to an experiment end here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from pyrite.component import nearest, snake_case
from pyrite.config.dialect import SECTIONS, canonical
from pyrite.config.document import retype
from pyrite.config.kinds import kind_names, kind_of, takes_target
from pyrite.config.links import Linked, Node, link
from pyrite.config.names import check_analysis, check_data, check_query, component_of
from pyrite.config.names_exploit import check_exploit
from pyrite.config.places import settle
from pyrite.config.sections import (
    AnalyzeSection,
    DataSection,
    ExploitSection,
    QuerySection,
    Section,
    Settings,
)
from pyrite.config.tree import EnvText, Findings, Map, Mark, Seq, leaves, plant, shown
from pyrite.config.validate import validate
from pyrite.types import Json

if TYPE_CHECKING:
    from pyrite.component import Component
    from pyrite.executors import Executor
    from pyrite.models import Model
    from pyrite.trackers import Tracker

__all__ = ["Given", "Parts", "Templates", "assemble"]

Templates = dict[tuple[str | int, ...], str]
"""What was written where a value came from the environment: (section, id, *path) -> text."""

Typed = TypeVar("Typed", bound=Section)
Linkable = TypeVar("Linkable", QuerySection, AnalyzeSection, ExploitSection)

CHECKS = {
    "data": check_data,
    "query": check_query,
    "analyze": check_analysis,
    "exploit": check_exploit,
}
"""What is checked of the sections of a kind before they are typed."""


@dataclass(frozen=True)
class Given:
    """Components that exist as Python objects already, in the order of their sections."""

    models: Sequence[Model] = ()
    track: Sequence[Tracker] = ()
    engine: Executor | None = None


@dataclass(frozen=True)
class Parts:
    """A valid experiment, in pieces."""

    settings: Settings
    models: tuple[Model, ...]
    data: tuple[DataSection, ...]
    queries: tuple[QuerySection, ...]
    analyses: tuple[AnalyzeSection, ...]
    exploits: tuple[ExploitSection, ...]
    track: tuple[Tracker, ...]
    engine: Executor
    templates: Templates = field(default_factory=dict)


def assemble(
    root: Map,
    findings: Findings,
    *,
    folder: Path | None = None,
    old: bool = False,
    given: Given | None = None,
) -> Parts | None:
    """Turn a file as written into its sections.

    Args:
        root: the file as written.
        findings: gets all mistakes and warnings.
        folder: of the file, for relative paths.
        old: the text needed the repair of the older dialect.
        given: models and trackers that are objects already.

    Returns:
        The parts, or None where there is any mistake.
    """
    tree = canonical(root, findings, old=old).root
    lists = {name: _list_of(tree, name, findings) for name in (*SECTIONS, "track")}
    if not any(lists[name] for name in SECTIONS) and not findings.mistakes:
        choice = ", ".join(SECTIONS)
        findings.mistake(tree.mark, "there is nothing to do", f"write at least one of: {choice}")
    settle(tree, folder, findings)
    for name, check in CHECKS.items():
        for section, _ in lists[name]:
            check(section, findings)
    templates = _templates(tree, lists)
    _retype(lists)
    settings = _settings(tree, findings)
    models = _models(lists["model"], findings, given)
    data = [validate(DataSection, section, findings) for section, _ in lists["data"]]
    queries = [
        validate(QuerySection, section, findings, also_known=("metrics",))
        for section, _ in lists["query"]
    ]
    analyses = [validate(AnalyzeSection, section, findings) for section, _ in lists["analyze"]]
    exploits = [validate(ExploitSection, section, findings) for section, _ in lists["exploit"]]
    track = _trackers(lists["track"], findings, given)
    engine = _engine(tree, findings, given)
    linked = link(_nodes(lists), findings)
    _check_entrypoints(lists, linked, models, findings)
    if findings.mistakes or settings is None or engine is None:
        return None
    return Parts(
        settings,
        tuple(model for model in models if model is not None),
        tuple(section for section in data if section is not None),
        _as_linked(queries, linked, "query"),
        _as_linked(analyses, linked, "analyze"),
        _as_linked(exploits, linked, "exploit"),
        tuple(tracker for tracker in track if tracker is not None),
        engine,
        _fan_out(templates, {"query": queries, "exploit": exploits}, linked),
    )


def _nodes(lists: dict[str, list[tuple[Map, Mark]]]) -> list[Node]:
    return [
        Node.of(kind, index, section, mark)
        for kind in SECTIONS
        for index, (section, mark) in enumerate(lists[kind])
    ]


def _list_of(tree: Map, name: str, findings: Findings) -> list[tuple[Map, Mark]]:
    value = tree.get(name)
    if value is None:
        return []
    if not isinstance(value, Seq):
        findings.mistake(
            tree.at(name), f"is {shown(value)}, expected a mapping or a list of mappings"
        )
        return []
    for element, mark in value.pairs():
        if not isinstance(element, Map):
            findings.mistake(mark, f"is {shown(element)}, expected a mapping")
    return [(element, mark) for element, mark in value.pairs() if isinstance(element, Map)]


def _settings(tree: Map, findings: Findings) -> Settings | None:
    own = tree.without(*SECTIONS, "track", "engine")
    return validate(Settings, own, findings, also_known=(*SECTIONS, "track", "engine"))


def _models(
    sections: list[tuple[Map, Mark]], findings: Findings, given: Given | None
) -> list[Model | None]:
    if given is not None:
        return list(given.models)
    found: list[Model | None] = []
    for section, mark in sections:
        kind = kind_of(section, mark, findings)
        if kind is None:
            found.append(None)
            continue
        fields = section if takes_target(kind) else section.without("entrypoint")
        model = validate(kind, fields, findings, also_known=("entrypoint",))
        found.append(cast("Model | None", model))
    return found


def _trackers(
    sections: list[tuple[Map, Mark]], findings: Findings, given: Given | None
) -> list[Tracker | None]:
    if given is not None:
        return list(given.track)
    from pyrite.trackers import TRACKERS

    found: list[Tracker | None] = []
    for section, mark in sections:
        name = section.get("kind")
        if not isinstance(name, str):
            findings.mistake(mark, "does not say which tracker", nearest("", TRACKERS.names()))
            continue
        at = section.at("kind")
        kind = component_of(TRACKERS, name, at, findings, what="tracker")
        if kind is not None:
            tracker = validate(kind, section.without("kind"), findings)
            found.append(cast("Tracker | None", tracker))
    return found


def _engine(tree: Map, findings: Findings, given: Given | None) -> Executor | None:
    """The executor that `engine` names; by default the work is done in this process."""
    from pyrite.executors import EXECUTORS

    if given is not None and given.engine is not None:
        return given.engine
    mark = tree.at("engine")
    value = tree.get("engine") or plant({"kind": "local"}, mark)
    name = value.get("kind") if isinstance(value, Map) else None
    if not isinstance(value, Map) or not isinstance(name, str):
        message = f"is {shown(value)}" if not isinstance(value, Map) else "does not say which one"
        findings.mistake(mark, message, f"write `kind:` {', '.join(EXECUTORS.names())}")
        return None
    kind = component_of(EXECUTORS, name, value.at("kind"), findings, what="engine")
    if kind is None:
        return None
    return cast("Executor | None", validate(kind, value.without("kind"), findings))


def _id_of(section: Map, kind: str) -> str:
    """The section's id; an id that is no text is a mistake that validation tells."""
    return str(section.get("id", kind))


def _check_entrypoints(
    lists: Mapping[str, list[tuple[Map, Mark]]],
    linked: Sequence[Linked],
    models: Sequence[Component | None],
    findings: Findings,
) -> None:
    """`entrypoint` of a query names the kind of the model that it queries."""
    by_id = {
        _id_of(section, "model"): (section, model)
        for (section, _), model in zip(lists["model"], models, strict=True)
    }
    for query in linked:
        if query.kind != "query":
            continue
        section, _ = lists["query"][query.index]
        written = section.get("entrypoint")
        model_section, model = by_id.get(query.requires[0], (None, None))
        if not isinstance(written, str) or model is None or model_section is None:
            continue
        names = kind_names(model, model_section.get("entrypoint"))
        if written not in names and snake_case(written) not in names:
            findings.mistake(
                section.at("entrypoint"),
                f"is {shown(written)}, but the model {query.requires[0]!r} is a "
                f"{type(model).__name__}",
                "leave it out, or correct the model's `entrypoint`",
            )


def _as_linked(
    sections: Sequence[Linkable | None], linked: Sequence[Linked], kind: str
) -> tuple[Linkable, ...]:
    """Typed sections with the ids and references that the links gave them."""
    result = []
    for one in linked:
        section = sections[one.index] if one.kind == kind else None
        if section is not None:
            update: dict[str, Json] = {"id": one.id, "requires": list(one.requires)}
            if one.others and isinstance(section, ExploitSection) and not section.transfer:
                update["transfer"] = list(one.others)
            result.append(section.model_copy(update=update))
    return tuple(result)


def _templates(tree: Map, lists: Mapping[str, list[tuple[Map, Mark]]]) -> Templates:
    found: Templates = {}
    trees: list[tuple[tuple[str | int, ...], Json]] = [((), tree.without(*lists))]
    for name, sections in lists.items():
        for index, (section, _) in enumerate(sections):
            key = index if name == "track" else _id_of(section, name)
            trees.append(((name, key), section))
    for prefix, part in trees:
        for path, value in leaves(part):
            if isinstance(value, EnvText):
                found[(*prefix, *path)] = value.template
    return found


def _fan_out(
    templates: Templates,
    fanned: Mapping[str, Sequence[QuerySection | ExploitSection | None]],
    linked: Sequence[Linked],
) -> Templates:
    """The templates of a section for every step that it became."""
    result = {path: text for path, text in templates.items() if path[0] not in fanned}
    for one in linked:
        section = fanned[one.kind][one.index] if one.kind in fanned else None
        for path, text in templates.items():
            if section is not None and path[:2] == (one.kind, section.id):
                result[(one.kind, one.id, *path[2:])] = text
    return result


def _retype(lists: Mapping[str, list[tuple[Map, Mark]]]) -> None:
    """Where any type is allowed, a value from the environment is what its text spells."""
    for sections in lists.values():
        for section, _ in sections:
            _retype_within(section, free=False)


def _retype_within(value: Json, *, free: bool) -> None:
    if isinstance(value, Map):
        for key, inner in value.items():
            if free:
                value[key] = retype(inner)
            _retype_within(inner, free=free or key in ("args", "where", "edits", "search"))
    elif isinstance(value, Seq):
        for index, inner in enumerate(value):
            if free:
                value[index] = retype(inner)
            _retype_within(inner, free=free)
