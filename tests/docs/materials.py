"""Fenced blocks of Markdown files, and the folder in which they are run."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path

from tests.init.materials import answer, question
from tests.models.zoo import build_classifier

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

_BLOCK = re.compile(
    r"(?:<!-- not run: (?P<why>[^>]+?) -->\s*\n)?"
    r"^```(?P<language>\w*)(?: title=\"(?P<title>[^\"]+)\")?[^\n]*\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, the file that it is (if any), and why it is not run."""

    page: str
    line: int
    language: str
    title: str
    text: str
    why_not: str


def pages() -> list[Path]:
    """All pages with text written by hand."""
    return sorted([*DOCS.glob("*.md"), ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"])


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            page.name,
            text.count("\n", 0, found.start("text")),
            found["language"],
            found["title"] or "",
            found["text"],
            found["why"] or "",
        )
        for found in _BLOCK.finditer(text)
    ]


def furnish(folder: Path) -> None:
    """What pages take for granted: data files, a model folder, and a run to look at."""
    rows = [[question(i), answer(i), f"{(i * 37 % 17) / 17:.3f}"] for i in range(44)]
    for name, columns in (("answers.csv", 2), ("scored.csv", 3)):
        with (folder / name).open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(["prompt", "answer", "score"][:columns])
            writer.writerows(row[:columns] for row in rows)
    build_classifier(folder / "my-model", "llama")
