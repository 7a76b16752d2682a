"""What was audited, and whether its scores can be trusted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pyrite.report import Block, Fact, Facts, Level, Notice, Section
from pyrite.report.checks import checks
from pyrite.report.gaps import unfinished
from pyrite.report.material import Material, StepLeft
from pyrite.types import Json

__all__ = ["section"]

_FACTS = {
    "architecture": "architecture",
    "num_parameters": "parameters",
    "dtype": "computed in",
    "device": "device",
    "read_at": "score is read at",
    "wrapper": "text around an answer",
    "norm": "normalisation",
    "positions": "tokens it reads",
    "truncation_side": "side that is cut",
    "forward": "forward pass",
    "weights": "weights",
}


def section(material: Material) -> Section:
    """Models, data, queries; then the checks of the doctor."""
    blocks: list[Block] = list(_status(material))
    blocks += [_model(step) for step in material.steps("model")]
    blocks += [_data(step) for step in material.steps("data")]
    blocks += [_query(step) for step in material.steps("query")]
    blocks += checks(material)
    return Section(
        id="audited",
        title="What was audited, and can the scores be trusted?",
        lead="Which model read which rows, and how; then what was checked before it scored them.",
        blocks=blocks,
    )


def _status(material: Material) -> Iterator[Block]:
    status = str(material.manifest.get("status", "unknown"))
    missing = unfinished(material)
    if status == "finished" and not missing:
        return
    events = material.folder.events()
    message = next((str(x["message"]) for x in reversed(events) if x.get("message")), "")
    left = ", ".join(gap.short for gap in missing) or "nothing"
    told = f"This run is {status}; missing: {left}. The report holds what has finished."
    if status != "finished" and message:
        told += f" It ended with: {message}"
    yield Notice(level="bad", text=told, cure=f"run it again: {material.command}")


def _model(step: StepLeft) -> Facts:
    declared = step.declared
    facts: Mapping[str, Json] = step.meta.get("facts", {})
    kind = step.meta.get("entrypoint") or declared.get("component") or "model"
    items = [Fact(label="kind", value=str(kind))]
    if step.meta.get("unravel") is not None:
        items.append(Fact(label="template", value=str(step.meta["unravel"])))
    items += [
        Fact(label=label, value=_shown(facts[name]))
        for name, label in _FACTS.items()
        if facts.get(name) not in (None, "", "default")
    ]
    items += _content(step)
    if not step.finished:
        note = "It was not opened in this run: its scores were stored before."
        items.append(Fact(label="opened", value="no", note=note))
    return Facts(title=f"Model {step.id}", items=items)


def _content(step: StepLeft) -> list[Fact]:
    content: Mapping[str, Json] = step.described.get("content") or {}
    return [
        Fact(label=f"hash of {role}", value=str(value)) for role, value in content.items() if value
    ]


def _data(step: StepLeft) -> Facts:
    items = [Fact(label="rows", value=_count(step.meta.get("rows")))]
    for name in ("split", "name", "group", "pair", "where", "join", "pivot"):
        if step.declared.get(name):
            items.append(Fact(label=name, value=_shown(step.declared[name])))
    sample = step.declared.get("sample") or {}
    if sample:
        items.append(Fact(label="sample", value=_sampled(sample)))
    items += [Fact(label="found", value=str(said)) for said in step.meta.get("detected", ())]
    return Facts(title=f"Data {step.id}", items=[*items, *_content(step)])


def _sampled(sample: Mapping[str, Json]) -> str:
    most, seed = _count(sample.get("n")), sample.get("seed")
    if sample.get("method") == "all" or sample.get("n") is None:
        return "all rows"
    if sample.get("method") == "random":
        return f"at most {most} rows, drawn at random with seed {seed}"
    return f"the first {most} rows at most"


def _query(step: StepLeft) -> Facts:
    counts, rows = step.meta.get("counts", {}), step.meta.get("rows")
    message = step.declared.get("message") or {}
    items = [
        Fact(label="model", value=step.requires[0]),
        Fact(label="data", value=step.requires[1]),
        Fact(label="template asked for", value=_shown(message.get("unravel", "default"))),
        Fact(label="rows", value=_count(rows)),
    ]
    if message.get("base_prompt"):
        items.append(Fact(label="base prompt", value=str(message["base_prompt"])))
    for name, label in (("truncated", "rows truncated"), ("missing", "rows without a score")):
        count = counts.get(name)
        level: Level | None = None if count is None else "warning" if count else "good"
        items.append(Fact(label=label, value=_count(count), level=level))
    if step.finished:
        items.append(Fact(label="pairs", value="yes" if step.meta.get("pairs") else "no"))
    return Facts(title=f"Query {step.id}", items=items)


def _count(value: Json) -> str:
    return "not known" if value is None else f"{value:,}"


def _shown(value: Json) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {one}" for name, one in value.items() if one is not None)
    return str(value)
