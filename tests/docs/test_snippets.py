"""Every block of every page of docs/ is run, or says why it is not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pyrite.config import loads
from tests.docs.materials import Block, blocks, furnish, pages
from tests.end_to_end.programs import pyrite

PAGES = [page for page in pages() if blocks(page)]

BASE = {
    "model": "{id: NAME, path: builtin:tiny-reward-model}",
    "data": "{id: NAME, path: builtin:demo/pairs.jsonl}",
}
KNOWN = {"yaml", "python", "sh", "text", ""}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    furnish(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_blocks_of_a_page_work(page: Path, folder: Path) -> None:
    for block in blocks(page):
        if block.why_not or block.language in ("text", ""):
            continue
        where = f"{block.page}:{block.line}"
        if block.title:
            (folder / block.title).write_text(block.text, encoding="utf-8")
        if block.language == "yaml":
            check_experiment(block, folder)
        elif block.language == "python" and not block.title:
            exec(compile(block.text, where, "exec"), {"__name__": "snippet"})
        elif block.language == "sh":
            run_commands(block, folder, where)


def check_experiment(block: Block, folder: Path) -> None:
    """A whole experiment, or some sections of one beside those that they require."""
    written = YAML(typ="safe").load(block.text)
    text = block.text
    required = [
        name
        for key in ("query", "exploit")
        for name in (written.get(key) or {}).get("requires", [])
    ]
    for kind, name in zip(("model", "data"), required, strict=False):
        if kind not in written:
            text += f"\n{kind}: {BASE[kind].replace('NAME', name)}\n"
    if "model" not in text and "doctor" in written:
        text += f"\nmodel: {BASE['model'].replace('NAME', 'm')}\n"
    loads(text, file=f"{block.page}:{block.line}", folder=folder)


def run_commands(block: Block, folder: Path, where: str) -> None:
    """`pyrite ...` in this process where that is enough, anything else in a shell."""
    for line in block.text.replace("\\\n", " ").splitlines():
        command = line.split(" #")[0].strip()
        if not command:
            continue
        if command.startswith("pyrite ") and ">" not in command:
            ended = pyrite(*command.split()[1:])
            assert ended.status == 0, f"{where}: {command}\n{ended.err}"
            continue
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-euc", command],
            cwd=folder,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{where}: {command}\n{done.stderr}"


def test_every_block_is_of_a_known_kind_and_reasons_are_given() -> None:
    found = [block for page in PAGES for block in blocks(page)]
    assert {block.language for block in found} <= KNOWN
    assert len([block for block in found if not block.why_not]) > 30
    for block in found:
        assert not block.why_not or len(block.why_not.split()) > 3, f"{block.page}:{block.line}"


def test_no_command_stands_outside_a_block() -> None:
    """An indented block would not be seen by these tests."""
    wrong = [
        f"{page.name}:{number}"
        for page in pages()
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1)
        if line.startswith(("    pyrite ", "    pip ", "    $ "))
    ]
    assert not wrong
