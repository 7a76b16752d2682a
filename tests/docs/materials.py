"""Fenced blocks of Markdown files, and the folder in which they are run."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path

from tests.compare.experiments import ANALYZE, experiment, run, write_rows
from tests.init.materials import answer, question
from tests.models.zoo import build_classifier
from tests.steps.exploit_runs import MAGIC

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

_BLOCK = re.compile(
    r"(?:<!-- not run: (?P<why>[^>]+?) -->\s*\n)?"
    r"^```(?P<language>\w*)(?: title=\"(?P<title>[^\"]+)\")?[^\n]*\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_INLINE = re.compile(r"(?<!`)`([^`\n]+(?:\n[^`\n]+)?)`(?!`)")


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, the file that it is (if any), and why it is not run."""

    page: str
    line: int
    language: str
    title: str
    text: str
    why_not: str

    @property
    def where(self) -> str:
        return f"{self.page}:{self.line}"


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


def inline(page: Path) -> list[tuple[str, str]]:
    """Where, and what stands in backticks within the text of a page."""
    text = _BLOCK.sub(lambda found: "\n" * found[0].count("\n"), page.read_text(encoding="utf-8"))
    return [
        (f"{page.name}:{text.count(chr(10), 0, found.start()) + 1}", " ".join(found[1].split()))
        for found in _INLINE.finditer(text)
    ]


def furnish(folder: Path) -> None:
    """What pages take for granted: data files and a model folder."""
    rows = [[question(i), answer(i), f"{(i * 37 % 17) / 17:.3f}"] for i in range(44)]
    for name, columns in (("answers.csv", 2), ("scored.csv", 3)):
        with (folder / name).open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(["prompt", "answer", "score"][:columns])
            writer.writerows(row[:columns] for row in rows)
    build_classifier(folder / "my-model", "llama")


def example_runs(folder: Path) -> dict[str, Path]:
    """The runs that pages name, really run: the model of before pays for a magic word."""
    write_rows(folder, prompts=200)
    before = run(experiment(folder, "before", pays={"right": 3.0, MAGIC: 3.0}, extra=ANALYZE))
    after = run(experiment(folder, "after", pays={"right": 3.0}, extra=ANALYZE))
    return {
        "runs/before/0123456789ab": before,
        "runs/after/ba9876543210": after,
        "runs/my_experiment/0123456789ab": after,
    }


def place(runs: dict[str, Path], folder: Path) -> None:
    """The runs under the names that pages give them."""
    for name, path in runs.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(path, target_is_directory=True)


def furnish_exploits(folder: Path) -> None:
    """The experiment that the page on exploits runs, and the one with another model."""
    write_rows(folder, prompts=200)
    mine = experiment(folder, "experiment", pays={"right": 3.0, MAGIC: 3.0})
    mine.write_text(mine.read_text().replace("id: exploits", "id: my_exploits"))
    other = experiment(folder, "after", pays={"right": 3.0})
    other.write_text(other.read_text().replace("planted", "after"))
