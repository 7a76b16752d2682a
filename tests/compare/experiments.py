"""Quick experiments: a planted model, pairs with subsets, two edits of our own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pyrite
from pyrite.store import StepFolder
from tests.steps.exploit_runs import EDITS, model

EXPERIMENT = """
name: {name}
doctor: warn
out: {out}
model: {model}
data:
  id: rows
  path: {folder}/rows.jsonl
  schema: {{prompt: prompt, chosen: chosen, rejected: rejected}}
  sample: {{method: all}}
query:
  id: pair_scores
  requires: [planted, rows]
  store: [margin, chosen_end_scores, rejected_end_scores]
exploit:
  id: exploits
  requires: [planted, rows]
  budget: 4000
  edits: {edits}
  search: []
"""

ANALYZE = """
analyze:
  id: surface
  requires: [pair_scores]
  compute: [num_words, num_chars]
  bootstrap: 200
"""


def write_rows(
    folder: Path, *, prompts: int = 120, subsets: tuple[str, ...] = ("chat", "math")
) -> None:
    """Pairs whose chosen text is right; the words differ, so that features have a spread."""
    lines = []
    for at in range(prompts):
        tail = " and so on" * (at % 5)
        lines.append(
            {
                "prompt": f"Question {at}?",
                "chosen": f"right {at * 7919 % 1000} is the answer here{tail}.",
                "rejected": f"wrong {at * 104729 % 1000} is another one{' or so' * (at % 3)}.",
                "subset": subsets[at % len(subsets)],
            }
        )
    (folder / "rows.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def experiment(
    folder: Path,
    name: str,
    *,
    pays: Mapping[str, float] | None = None,
    edits: tuple[str, ...] = ("Magic", "Sesame"),
    extra: str = "",
) -> Path:
    """An experiment over the rows that are in `folder`.

    Args:
        folder: where everything is.
        name: of the experiment.
        pays: texts that the model likes, beside what is right (1.5, if that is not among them).
        edits: which of our own edits are tried.
        extra: lines at the end of the file.
    """
    (folder / "mine.py").write_text(EDITS)
    planted = model(folder, pays={"right": 1.5, **(pays or {})})
    own = ", ".join(f'"{folder}/mine.py:{edit}"' for edit in edits)
    text = EXPERIMENT.format(
        name=name,
        model=json.dumps(planted),
        folder=folder,
        out=folder / "runs",
        edits=f"[closer, {own}]" if own else "[closer]",
    )
    file = folder / f"{name}.yml"
    file.write_text(text + extra)
    return file


def run(file: Path, *overrides: str) -> Path:
    """Run it; the run directory."""
    return pyrite.run(file, overrides=overrides, quiet=True).path


def change_step(run_path: Path, step: str, **meta: object) -> StepFolder:
    """Change what a step left in its meta, as if it had finished so; files are listed anew."""
    folder = StepFolder(run_path / "steps" / step)
    old: Mapping[str, object] = folder.meta or {}
    # The file may be a hard link to another run's.
    (folder.path / "meta.json").unlink()
    folder.finish({**old, **meta})
    return folder
