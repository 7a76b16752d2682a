"""Small data files in the forms that people have, and ways to look at what `init` wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.data.files import write
from tests.end_to_end.programs import Ended, pyrite

Rows = list[dict[str, Any]]


def question(index: int) -> str:
    return f"What is {index}, and why does it matter?"


def answer(index: int) -> str:
    """Answers that differ in length, lists, praise and closing."""
    start = "Great question! " if index % 3 == 0 else ""
    end = "\n- first\n- second" if index % 2 else " I hope this helps!"
    return f"{start}It is {'very ' * (index % 7)}well known.{end}"


def scored(count: int = 30) -> Rows:
    return [
        {"prompt": question(i), "answer": answer(i), "score": round((i * 37 % 17) / 17, 3)}
        for i in range(count)
    ]


def pairs(count: int = 30) -> Rows:
    return [
        {"prompt": question(i), "chosen": answer(i), "rejected": answer(i + 1)}
        for i in range(count)
    ]


def dialogues(count: int = 30) -> Rows:
    return [
        {
            "messages": [
                {"role": "user", "content": question(i)},
                {"role": "assistant", "content": answer(i)},
            ],
            "category": ["maths", "law"][i % 2],
        }
        for i in range(count)
    ]


def init(folder: Path, rows: Rows | None, name: str, *options: str) -> tuple[Ended, Path]:
    """`pyrite init --data name` in a folder, with rows written to that name first."""
    if rows is not None:
        write(folder / name, rows)
    out = folder / "experiment.yml"
    return pyrite("init", "--data", folder / name, "--out", out, *options), out


def content(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = YAML(typ="safe").load(out.read_text(encoding="utf-8"))
    return found
