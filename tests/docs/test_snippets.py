"""Every block of every page of docs/ is run; what takes too long is parsed, command by command."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pyrite.config import loads
from tests.docs.commands import lines_of, problems
from tests.docs.installs import checkout
from tests.docs.materials import (
    ROOT,
    Block,
    blocks,
    example_runs,
    furnish,
    furnish_exploits,
    inline,
    pages,
    place,
)
from tests.docs.workflow import run_job, runner
from tests.end_to_end.programs import pyrite

PAGES = [page for page in pages() if blocks(page)]

BASE = {
    "model": "{id: NAME, path: builtin:tiny-reward-model}",
    "data": "{id: NAME, path: builtin:demo/pairs.jsonl}",
}
GATED = "runs/my_experiment/0123456789ab"
STARTS = ("pyrite ", "python ", "python3 ", "pip ", "make ", "OMP_NUM_THREADS=", "$ ")
ELSEWHERE = {
    "--install-completion": "tests/end_to_end/test_completion.py",
    "pip install -r requirements.txt": "tests/end_to_end/test_readme.py",
}
"""What a block of commands holds that is run by another test, because of what it takes."""


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The runs that pages name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYRITE_CACHE", str(tmp_path_factory.mktemp("cache")))
        return example_runs(tmp_path_factory.mktemp("example"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    """Where the blocks of a page are run, with what the page takes for granted."""
    monkeypatch.chdir(tmp_path)
    page = request.node.callspec.params["page"].name
    if page in ("compare.md", "gate.md", "exploits.md"):
        place(request.getfixturevalue("runs"), tmp_path)
    if page == "exploits.md":
        furnish_exploits(tmp_path)
    elif page == "gate.md":
        (tmp_path / "policy.yml").write_text((ROOT / "examples/gate/policy.yml").read_text())
    else:
        furnish(tmp_path)
    return tmp_path


def way_of(block: Block) -> str:
    """How a block is checked; a block that fits nowhere is a mistake of the page or of this."""
    if block.why_not:
        return "parsed" if block.language == "sh" else "unchecked"
    if block.language == "yaml":
        written = YAML(typ="safe").load(block.text)
        if "jobs" in written:
            return "workflow"
        return "policy" if block.page == "gate.md" else "experiment"
    if block.language == "sh":
        return "elsewhere" if any(mark in block.text for mark in ELSEWHERE) else "commands"
    if block.language == "text":
        told = [line for line in block.text.splitlines() if line.lstrip().startswith(STARTS)]
        return "unchecked" if told else "shown"
    return {"python": "file" if block.title else "python"}.get(block.language, "unchecked")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_blocks_of_a_page_work(page: Path, folder: Path) -> None:
    for block in blocks(page):
        way = way_of(block)
        if block.title:
            (folder / block.title).write_text(block.text, encoding="utf-8")
        if way == "experiment":
            check_experiment(block, folder)
        elif way == "policy":
            check_policy(block, folder)
        elif way == "workflow":
            check_workflow(block, folder)
        elif way == "python":
            exec(compile(block.text, block.where, "exec"), {"__name__": "snippet"})
        elif way == "commands":
            run_commands(block, folder)
        elif way == "parsed":
            check_script(block)


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
    loads(text, file=block.where, folder=folder)


def check_policy(block: Block, folder: Path) -> None:
    """A gate takes it, and a run passes that has everything it asks for."""
    (folder / "shown.yml").write_text(block.text, encoding="utf-8")
    ended = pyrite("gate", GATED, "--policy", "shown.yml")
    assert ended.status == 0, f"{block.where}: {ended.out}{ended.err}"


def check_workflow(block: Block, folder: Path) -> None:
    """Its lines run from a checkout as the page describes it, and its gate passes and stops."""
    job, outside = folder / "checkout", folder / "runner"
    for place_ in (job, outside):
        place_.mkdir()
    furnish_exploits(job)
    (job / "experiment.yml").write_text(
        (job / "after.yml").read_text().replace(": after", ": experiment", 1)
        + "analyze: {id: surface, requires: [pair_scores], compute: [num_words], bootstrap: 200}\n"
    )
    policy = (ROOT / "examples/gate/policy.yml").read_text()
    (job / "policy.yml").write_text(policy)
    checkout(job / "pyrite")
    on = runner(job, outside)
    status, said = run_job(block.text, on)
    assert status == 0, said
    assert (outside / "python" / "bin" / "pyrite").is_file()
    assert "# Gate passed" in on.summary.read_text()
    assert 'failures="0"' in (job / "gate.xml").read_text()
    assert (job / "gate.json").is_file()
    assert "::error" not in said
    # Again, with everything stored, under a policy that asks for more.
    on.variables.write_text("")
    (job / "policy.yml").write_text(policy.replace("min: 0.65", "min: 0.9999"))
    status, said = run_job(block.text, on)
    assert status == 100, said
    assert "::error title=pyrite gate%3A accuracy::pair_scores: accuracy " in said
    assert "# Gate not passed" in on.summary.read_text()


def run_commands(block: Block, folder: Path) -> None:
    """`pyrite ...` in this process where that is enough, anything else in a shell."""
    for command in lines_of(block):
        if command.startswith("pyrite ") and ">" not in command:
            ended = pyrite(*command.split()[1:])
            assert ended.status == 0, f"{block.where}: {command}\n{ended.err}"
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
        assert done.returncode == 0, f"{block.where}: {command}\n{done.stderr}"


def check_script(block: Block) -> None:
    """Commands that are not run: bash reads them, and programs, scripts and options exist."""
    done = subprocess.run(["bash", "-n"], input=block.text, text=True, check=False)
    assert done.returncode == 0, block.where
    wrong = problems({f"{block.where}: {one}": one for one in lines_of(block)})
    assert not wrong, "\n".join(wrong.values())


def test_nothing_is_unchecked() -> None:
    found = [block for page in PAGES for block in blocks(page)]
    ways = {block.where: way_of(block) for block in found}
    assert [where for where, way in ways.items() if way == "unchecked"] == []
    assert len([way for way in ways.values() if way not in ("shown", "parsed")]) > 40
    for block in found:
        if block.why_not:
            assert len(block.why_not.split()) > 3, f"{block.where}: why is it not run?"


def test_what_is_run_elsewhere_is_run_there() -> None:
    """The other tests take the block's text from the page."""
    for mark, file in ELSEWHERE.items():
        assert f'"{mark}"' in (ROOT / file).read_text(encoding="utf-8"), file


def test_what_the_exploit_step_leaves_is_what_the_page_lists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    furnish_exploits(tmp_path)
    page = (ROOT / "docs" / "exploits.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"^pyrite run .*--only exploit$", page, re.MULTILINE)
    assert pyrite(*command.split()[1:]).status == 0
    (step,) = tmp_path.glob("runs/experiment/*/steps/my_exploits")
    table = page.split("leaves in `steps/my_exploits/`:")[1].split("\n\n")[1]
    cells = [row.split("|")[1] for row in table.splitlines()[2:]]
    named = [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]
    assert len(named) > 5
    for name in named:
        pattern = f"cards/*{name}" if name.startswith(".") else name
        assert list(step.glob(pattern)), name


def test_commands_within_the_text_exist() -> None:
    """`pyrite compare A B` in a sentence: command and options are real; so are scripts."""
    everywhere = [*pages(), ROOT / "README.md", *ROOT.glob("training/*/README.md")]
    found: dict[str, str] = {}
    for page in everywhere:
        for where, code in inline(page):
            if re.sub(r"^\w+=\S+ ", "", code).startswith(STARTS) and "…" not in code:
                found[f"{where} {code}"] = code
    assert len(found) > 30
    assert not problems(found)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("python benchmarks/scoring.py --quicker", "unrecognized arguments: --quicker"),
        ("OMP_NUM_THREADS=1 python benchmarks/gone.py", "there is no such script"),
        ("python -m benchmarks.plantrm --tier 7", "invalid choice"),
        ("/x/bin/pip install --no-depz pandas", "no such option: --no-depz"),
        ("pip install -r gone.txt", "no file gone.txt"),
        ("pyrite compare A B --allow-everything", "No such option"),
        ("pyrite audit", "no such command"),
        ("make coffee", "no target"),
        ("nosuchprogram --help", "no such program"),
    ],
)
def test_a_wrong_command_is_seen(command: str, said: str) -> None:
    (wrong,) = problems({"here": command}).values()
    assert said in wrong


def test_no_command_stands_outside_a_block() -> None:
    """An indented block would not be seen by these tests."""
    wrong = [
        f"{page.name}:{number}"
        for page in pages()
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1)
        if line.startswith(("    pyrite ", "    pip ", "    $ "))
    ]
    assert not wrong
