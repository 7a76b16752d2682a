"""The command line itself: its commands and options, its lists, its mistakes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer.main

from pyrite.cli import app
from pyrite.listing import FAMILIES
from tests.end_to_end.programs import main_script, pyrite, pyrite_process, write_jsonl

RUN = {"file", "--set", "--only", "--dry-run", "--quiet", "-q"}

COMMANDS = {
    "run": RUN,
    "demo": {"--out", "--set", "--quiet", "-q"},
    "doctor": {"file", "--set", "--only", "--quiet", "-q"},
    "cache": {"--prune", "--older-than", "--model", "--all"},
    "init": {"--model", "--data", "--out", "--force"},
    "report": {"run"},
    "compare": {
        "--allow-different-rows",
        "--allow-different-template",
        "--by",
        "--json",
        "--markdown",
        "--query",
        "run_a",
        "run_b",
    },
    "gate": {"--json", "--junit", "--policy", "--summary", "run"},
    "replay": {
        "--data",
        "--model",
        "--quiet",
        "--set",
        "--verdict",
        "-q",
        "file",
        "suite",
    },
    "list": {"family"},
    "schema": set(),
}
"""Every command and option; people's scripts hold on to them, so a change here is on purpose."""


def test_commands_and_options_are_these() -> None:
    group = typer.main.get_group(app)
    found = {
        name: {option for parameter in command.params for option in parameter.opts}
        for name, command in group.commands.items()
    }
    assert found == COMMANDS


def test_help_names_every_command() -> None:
    ended = pyrite("--help")
    assert (ended.status, ended.err) == (0, "")
    for name in COMMANDS:
        assert f"  {name} " in ended.out
        assert pyrite(name, "--help").status == 0


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_listed_with_a_line_each(family: str) -> None:
    ended = pyrite("list", family)
    assert (ended.status, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines
    names = [line.split()[0] for line in lines]
    assert len(set(names)) == len(names)
    for line in lines:
        assert len(line.split()) > 2, f"{line}: says nothing of it"
        assert "Traceback" not in line


def test_lists_name_what_an_experiment_can_say() -> None:
    known = {family: pyrite("list", family).out for family in FAMILIES}
    assert "reward_model" in known["models"]
    assert "num_words" in known["features"]
    assert "wandb" in known["trackers"]
    assert "chat_template" in known["renderings"]


def test_a_family_that_does_not_exist() -> None:
    ended = pyrite("list", "feature")
    assert (ended.status, ended.out) == (1, "")
    assert ended.err.startswith("pyrite: no family 'feature' (")
    assert "'features'" in ended.err


@pytest.mark.parametrize(
    "arguments", [("nothing",), ("run",), ("run", "x.yml", "--nothing"), ("list", "a", "b")]
)
def test_mistakes_in_the_command_end_with_2(arguments: tuple[str, ...]) -> None:
    ended = pyrite(*arguments)
    assert (ended.status, ended.out) == (2, "")
    assert "Usage: pyrite" in ended.err
    assert "Traceback" not in ended.err


def test_a_file_that_does_not_exist(tmp_path: Path) -> None:
    ended = pyrite("run", tmp_path / "nothing.yml")
    assert (ended.status, ended.out) == (2, "")
    assert f"{tmp_path}/nothing.yml" in ended.err
    assert "Traceback" not in ended.err


FAILING = """
out: {folder}/runs
model: {{id: m, path: builtin:tiny-reward-model, reading: native}}
data: {{id: d, path: {folder}/rows.jsonl}}
query: {{id: q, requires: [m, d]}}
"""


def test_debug_shows_where_an_error_comes_from(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "rows.jsonl", [])
    file = tmp_path / "failing.yml"
    file.write_text(FAILING.format(folder=tmp_path))
    plain = pyrite_process("run", file, "-q")
    assert (plain.status, plain.out) == (1, "")
    assert plain.err == f"pyrite: {tmp_path}/rows.jsonl: no rows in it\n"
    debug = pyrite_process("--debug", "run", file, "-q")
    assert (debug.status, debug.out) == (1, "")
    assert "Traceback" in debug.err
    assert f"DataError: {tmp_path}/rows.jsonl: no rows in it" in debug.err


def test_the_old_script_is_the_same_command(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "rows.jsonl", [{"prompt": "p", "response": "r"}])
    file = tmp_path / "failing.yml"
    file.write_text(FAILING.format(folder=tmp_path))
    wanted = pyrite("run", file, "--dry-run").out
    assert main_script("--config", file, "--dry-run").out == wanted
    assert main_script(f"--config={file}", "--dry-run").out == wanted
    assert main_script("--dry-run", f"--config={file}", "--set", "seed=0").out == wanted
    assert main_script("schema").out == pyrite("schema").out
    assert json.loads(pyrite("schema").out)["type"] == "object"
    nothing = main_script("--config")
    assert nothing.status == 2
    assert "Traceback" not in nothing.err
