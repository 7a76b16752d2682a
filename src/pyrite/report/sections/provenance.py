"""Versions, seeds, hardware, the resolved file and the command: what makes the run again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pyrite.errors import CorruptArtifactError
from pyrite.report import Block, Fact, Facts, Section, Table
from pyrite.report.cells import columns
from pyrite.report.material import SEED, Material
from pyrite.types import Json

__all__ = ["section"]


def section(material: Material) -> Section:
    """All of it, from the manifest, the events and the resolved file."""
    blocks: list[Block] = [_run(material), _packages(material), _steps(material)]
    blocks.append(_file(material))
    return Section(
        id="provenance",
        title="How to make this run again",
        lead=material.command,
        blocks=blocks,
    )


def _run(material: Material) -> Facts:
    manifest = material.manifest
    environment: Mapping[str, Json] = manifest.get("environment") or {}
    hardware: Mapping[str, Json] = environment.get("hardware") or {}
    gpus = hardware.get("gpus") or []
    git = environment.get("git") or {}
    items = [
        Fact(label="command", value=material.command),
        Fact(label="run", value=str(manifest.get("plan"))),
        Fact(label="status", value=str(manifest.get("status"))),
        Fact(label="written", value=str(manifest.get("written"))),
        Fact(label="seed", value=str(manifest.get("seed"))),
        *_seeds(material),
        Fact(label="rows scored by", value=str((manifest.get("engine") or {}).get("kind"))),
        Fact(label="Python", value=str(environment.get("python"))),
        Fact(label="system", value=str(environment.get("platform"))),
        Fact(
            label="hardware",
            value=f"{hardware.get('cores')} cores, {hardware.get('machine')}, "
            f"{', '.join(map(str, gpus)) or 'no GPU seen'}",
        ),
    ]
    if git.get("commit"):
        dirty = ", with changes that are not committed" if git.get("dirty") else ""
        items.append(Fact(label="git commit of the folder", value=f"{git['commit']}{dirty}"))
    items += [
        Fact(label="warning", value=str(said), level="warning")
        for said in manifest.get("warnings") or ()
    ]
    return Facts(title="Run", items=items)


def _seeds(material: Material) -> Iterator[Fact]:
    for step in material.steps("data", "analyze", "exploit"):
        declared = step.declared
        sample = declared.get("sample") or {}
        seed = sample.get("seed") if step.kind == "data" else declared.get("seed")
        if step.kind == "data" and sample.get("method") != "random":
            continue
        if seed is not None:
            yield Fact(label=f"seed of {step.id}", value=str(seed))
    yield Fact(label="seed of this report's samples and resamples", value=str(SEED))


def _packages(material: Material) -> Facts:
    packages = (material.manifest.get("environment") or {}).get("packages") or {}
    items = [Fact(label=str(name), value=str(found)) for name, found in packages.items()]
    return Facts(title="Versions", items=items)


def _steps(material: Material) -> Table:
    seconds: dict[str, Json] = {}
    for event in material.folder.events():
        if event.get("event") == "step done":
            seconds[str(event.get("id"))] = event.get("seconds")
    rows = [
        [
            step.kind,
            step.id,
            step.identity,
            step.how if step.finished or step.kind == "model" else f"{step.how}, not finished",
            seconds.get(step.id),
        ]
        for step in material.steps()
    ]
    return Table(
        id="steps",
        caption="The steps, and the identity under which each result may be reused.",
        columns=columns(
            ("kind", "kind", "text"),
            ("step", "step", "text"),
            ("identity", "identity", "text"),
            ("how", "how it came about", "text"),
            ("seconds", "seconds when it ran", "number", "s"),
        ),
        rows=rows,
        total=len(rows),
    )


def _file(material: Material) -> Table:
    path = material.path / "experiment.yml"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CorruptArtifactError(
            f"{path}: the resolved experiment cannot be read ({error}); run the experiment again, "
            "what is stored is reused"
        ) from error
    return Table(
        id="experiment",
        caption="The experiment as resolved: defaults filled in, values of the environment as "
        "${NAME}.",
        columns=columns(("file", "file", "text"), ("text", "content", "long")),
        rows=[["experiment.yml", text]],
        total=1,
    )
