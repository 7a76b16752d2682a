"""Small runs of every kind, and changes to what they left."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import pyrite
from pyrite import Run
from pyrite.files import read_json, write_json
from pyrite.report import Block, Fact, Facts, Report, Section, Table
from pyrite.types import Json

HOSTILE = (
    "<script>alert('x')</script> {0} %s ${HOME} \u202e\u0000\x1b[31m\r\n|`*_ </textarea>&amp; 😀"
)

RECORDED = """
name: {name}
out: {folder}/runs
model: {{id: rec, entrypoint: recorded, {scores}}}
data: {{id: rows, path: {folder}/rows.jsonl, sample: {{method: all}}}}
query: {{id: scores, requires: [rec, rows]}}
"""
ANALYSED = """
analyze:
  id: surface
  requires: [scores]
  gold: correct
  compute: [num_words, num_chars]
  plot: [{score: [num_words]}]
"""


def trained_rows(count: int, *, prompts: int = 100) -> list[dict[str, Json]]:
    """Answers along a training in which the reward rises and correctness falls."""
    draw = random.Random(3)
    rows = []
    for i in range(count):
        late = i % 5
        correct = int(draw.random() < 0.8 - 0.12 * late)
        rows.append(
            {
                "prompt": f"prompt {i // 5 % prompts}",
                "response": "word " * draw.randint(1, 40) + str(i),
                "rm": draw.gauss(0, 1) + 0.8 * late + correct,
                "rm2": draw.gauss(0, 1) + correct,
                "correct": correct,
                "step": 100 * late,
                "subset": ["math", "<i>code</i>", "chat"][i % 3],
            }
        )
    return rows


def recorded_run(
    folder: Path,
    rows: list[dict[str, Json]],
    *,
    scores: str = "column: rm",
    extra: str = "",
    name: str = "recorded",
) -> Run:
    """A finished run over recorded scores."""
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "rows.jsonl").write_text(text, encoding="utf-8")
    file = folder / f"{name}.yml"
    file.write_text(RECORDED.format(folder=folder, scores=scores, name=name) + extra)
    return pyrite.run(file, quiet=True)


def copied(run: Run, folder: Path) -> Run:
    """The same run in a folder of its own, to be damaged."""
    target = folder / "runs" / run.path.parent.name / run.path.name
    shutil.copytree(run.path, target)
    return Run(target)


def change_meta(run: Run, step: str, **changes: Json) -> None:
    """Change what a step left, the recorded sizes of its files too."""
    folder = run.path / "steps" / step
    meta = read_json(folder / "meta.json")
    files = {str(p.relative_to(folder)): p.stat().st_size for p in folder.rglob("*") if p.is_file()}
    files.pop("meta.json", None)
    write_json(folder / "meta.json", {**meta, "files": files, **changes})


def section(report: Report, name: str) -> Section:
    (found,) = [one for one in report.sections if one.id == name]
    return found


def table(report: Report, name: str) -> Table:
    (found,) = [b for b in blocks(report) if isinstance(b, Table) and b.id == name]
    return found


def facts(report: Report, title: str) -> dict[str, Fact]:
    (found,) = [b for b in blocks(report) if isinstance(b, Facts) and b.title.startswith(title)]
    return {item.label: item for item in found.items}


def blocks(report: Report) -> list[Block]:
    return [block for one in report.sections for block in one.blocks]


def cells(found: Table, column: str) -> list[Json]:
    at = [c.name for c in found.columns].index(column)
    return [row[at] for row in found.rows]
