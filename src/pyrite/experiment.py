"""An experiment: everything that a file says, typed, checked and linked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

from pydantic import BaseModel
from pydantic_core import PydanticSerializationError

from pyrite.config.assemble import Given, Parts, Templates, assemble
from pyrite.config.dialect import SECTIONS
from pyrite.config.environment import escape
from pyrite.config.kinds import reference_of, takes_target
from pyrite.config.sections import AnalyzeSection, DataSection, ExploitSection, QuerySection
from pyrite.config.tree import Findings, Map, Mark, plant
from pyrite.config.write import to_yaml
from pyrite.errors import ConfigError
from pyrite.types import Json, Location

if TYPE_CHECKING:
    from pyrite.executors import Executor
    from pyrite.models import Model
    from pyrite.trackers import Tracker

__all__ = ["Experiment", "SourceText"]

T = TypeVar("T")
OneOrMany: TypeAlias = T | Sequence[T]


@dataclass(frozen=True, slots=True)
class SourceText:
    """The file that an experiment was read from, and the overrides that were applied."""

    file: str
    text: str
    overrides: tuple[str, ...] = ()


@dataclass(frozen=True, init=False)
class Experiment:
    """A valid experiment; the same object from a file and from Python.

    ::

        Experiment(
            model=RewardModel(path="builtin:tiny-reward-model"),
            data=DataSection(path="rows.jsonl", sample=Sample(n=100)),
            query=QuerySection(store=[StoreItem(name="score")]),
        )

    Attributes:
        name: the folder of its runs.
        models, data, queries, analyses, exploits: the sections; every query and every exploit
            step requires exactly one model and one data set, in this order.
        track: the trackers that get copies.
        engine: where rows are scored; no result depends on it.
        doctor: what happens where a check of a model fails before a query scores (`pyrite.doctor`).
        warnings: what was understood, in a way that the user should know.
        source: the file it was read from; None if it was built from Python objects.
    """

    name: str
    models: tuple[Model, ...]
    data: tuple[DataSection, ...]
    queries: tuple[QuerySection, ...]
    analyses: tuple[AnalyzeSection, ...]
    exploits: tuple[ExploitSection, ...]
    track: tuple[Tracker, ...]
    engine: Executor
    doctor: Literal["fail", "warn", "off"]
    seed: int
    tags: tuple[str, ...]
    group: str | None
    job_type: str | None
    out: str
    warnings: tuple[str, ...] = field(compare=False)
    source: SourceText | None = field(compare=False, repr=False)
    _templates: Templates = field(compare=False, repr=False)

    def __init__(
        self,
        *,
        model: OneOrMany[Model] = (),
        data: OneOrMany[DataSection] = (),
        query: OneOrMany[QuerySection] = (),
        analyze: OneOrMany[AnalyzeSection] = (),
        exploit: OneOrMany[ExploitSection] = (),
        track: OneOrMany[Tracker] = (),
        **settings: Any,
    ) -> None:
        """Build from Python objects.

        Args:
            model, data, query, analyze, exploit, track: one section or several.
            settings: `name`, `doctor`, `seed`, `tags`, `group`, `job_type`, `out`, and `engine`,
                which is an executor, its name, or a mapping as in a file.

        Raises:
            ConfigError: with every mistake that was found.
        """
        models, trackers = _many(model), _many(track)
        mark = Mark(Location(""))
        findings = Findings()
        root = Map(mark)
        sections = {
            "model": models,
            "data": _many(data),
            "query": _many(query),
            "analyze": _many(analyze),
            "exploit": _many(exploit),
            "track": trackers,
        }
        for key, objects in sections.items():
            root.put(key, plant(_dumped(key, objects, findings), mark.child(key)))
        engine = _executor(settings)
        for key, value in settings.items():
            if key != "engine" or engine is None:
                root.put(key, plant(value, mark.child(key)))
        given = Given(models, trackers, engine)
        parts = None if findings.mistakes else assemble(root, findings, given=given)
        if parts is None:
            raise ConfigError(findings.sorted())
        warnings = [str(warning).strip() for warning in findings.warnings]
        self._fill(parts, warnings=warnings, source=None)

    @classmethod
    def of_parts(
        cls, parts: Parts, *, warnings: Sequence[str], source: SourceText | None
    ) -> Experiment:
        """The experiment of checked parts (what reading a file ends with)."""
        experiment = object.__new__(cls)
        experiment._fill(parts, warnings=warnings, source=source)
        return experiment

    def _fill(self, parts: Parts, *, warnings: Sequence[str], source: SourceText | None) -> None:
        settings = parts.settings
        values: dict[str, Any] = {
            "name": settings.name,
            "models": parts.models,
            "data": parts.data,
            "queries": parts.queries,
            "analyses": parts.analyses,
            "exploits": parts.exploits,
            "track": parts.track,
            "engine": parts.engine,
            "doctor": settings.doctor,
            "seed": settings.seed,
            "tags": tuple(settings.tags),
            "group": settings.group,
            "job_type": settings.job_type,
            "out": settings.out,
            "warnings": tuple(warnings),
            "source": source,
            "_templates": parts.templates,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def canonical(self) -> dict[str, Json]:
        """Everything that the experiment says, defaults filled in, as plain JSON.

        Equal for a file and for Python objects that mean the same. It has the true values of what
        came from the environment: store or show `public()` instead.
        """
        return {
            "name": self.name,
            "engine": _with_kind(self.engine),
            "doctor": self.doctor,
            "seed": self.seed,
            "tags": list(self.tags),
            "group": self.group,
            "job_type": self.job_type,
            "out": self.out,
            "track": [_with_kind(tracker) for tracker in self.track],
            "model": [_component(model) for model in self.models],
            "data": [_section(section) for section in self.data],
            "query": [_section(section) for section in self.queries],
            "analyze": [_section(section) for section in self.analyses],
            "exploit": [_section(section) for section in self.exploits],
        }

    def public(self) -> dict[str, Json]:
        """`canonical()` with `${NAME}` where a value came from the environment."""
        return self._with_templates(self.canonical())

    def to_yaml(self) -> str:
        """The resolved file: defaults filled in, `${NAME}` kept; reads back as this experiment."""
        content = self._with_templates(_escaped(self.canonical()))
        for key in SECTIONS:
            if len(content[key]) == 1:
                content[key] = content[key][0]
            elif not content[key]:
                del content[key]
        return to_yaml(content)

    def _with_templates(self, content: dict[str, Json]) -> dict[str, Json]:
        for path, template in self._templates.items():
            _replace(content, path, template)
        return content


def _executor(settings: Mapping[str, Any]) -> Executor | None:
    from pyrite.executors import Executor

    engine = settings.get("engine")
    return engine if isinstance(engine, Executor) else None


def _many(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def _dumped(key: str, objects: Sequence[Any], findings: Findings) -> list[Json]:
    dump = {"model": _component, "track": _with_kind}.get(key, _section)
    expected = _expected(key)
    dumped = []
    for index, one in enumerate(objects):
        mark = Mark(Location(""), f"{key}.{index}" if len(objects) > 1 else key)
        if not isinstance(one, expected):
            name = type(one).__name__
            findings.mistake(mark, f"is a {name}, expected a {expected.__name__}")
            continue
        try:
            dumped.append(dump(one))
        except PydanticSerializationError as error:
            findings.mistake(mark, f"has a value that cannot be written to a file: {error}")
    return dumped


def _expected(key: str) -> type[BaseModel]:
    from pyrite.models import Model
    from pyrite.trackers import Tracker

    kinds: dict[str, type[BaseModel]] = {
        "model": Model,
        "data": DataSection,
        "query": QuerySection,
        "analyze": AnalyzeSection,
        "exploit": ExploitSection,
        "track": Tracker,
    }
    return kinds[key]


def _section(section: BaseModel) -> dict[str, Json]:
    return section.model_dump(mode="json", by_alias=True)


def _component(model: BaseModel) -> dict[str, Json]:
    """A model as its section; `entrypoint` says its kind, or what a callable one calls."""
    dumped = _section(model)
    target = dumped.get("entrypoint") if takes_target(type(model)) else None
    return {**dumped, "entrypoint": target or reference_of(model)}


def _with_kind(component: BaseModel) -> dict[str, Json]:
    """A tracker or executor as its mapping; `kind` says which one."""
    from pyrite.component import snake_case

    name = reference_of(component)
    return {"kind": name if ":" in name else snake_case(name), **_section(component)}


def _escaped(value: Json) -> Json:
    if isinstance(value, str):
        return escape(value)
    if isinstance(value, Mapping):
        return {key: _escaped(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_escaped(inner) for inner in value]
    return value


def _replace(content: Json, path: Sequence[str | int], template: str) -> None:
    """Put a template at (section, id, *path), or at the path of a setting."""
    here = content
    for depth, segment in enumerate(path):
        if depth == 1 and isinstance(segment, str) and isinstance(here, list):
            segment = next((i for i, x in enumerate(here) if x.get("id") == segment), len(here))
        is_key = isinstance(here, dict) and segment in here
        is_index = isinstance(here, list) and isinstance(segment, int) and segment < len(here)
        if not (is_key or is_index):
            return
        if depth == len(path) - 1:
            here[segment] = template
        here = here[segment]
