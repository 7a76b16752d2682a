"""Command lines that are too long to run: programs, scripts, options and files must exist."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer.main

from pyrite.cli import app
from tests.docs.materials import ROOT, Block

_VARIABLE = re.compile(r"\w+=\S*")
_REDIRECTED = re.compile(r"\s>{1,2}\s*(\"[^\"]*\"|\S+)")


def lines_of(block: Block) -> list[str]:
    """The command lines of a block, without comments."""
    joined = block.text.replace("\\\n", " ").splitlines()
    return [line for line in (re.sub(r"\s#\s.*", "", one).strip() for one in joined) if line]


def problems(commands: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with command lines.

    Args:
        commands: where it stands -> the command line.
    """
    found: dict[str, str] = {}
    scripts: dict[str, list[str]] = {}
    for where, line in commands.items():
        words = shlex.split(_REDIRECTED.sub("", line))
        while words and _VARIABLE.fullmatch(words[0]):
            words.pop(0)
        program = Path(words[0]).name
        if program == "python3" and words[1:3] == ["main", "--config"]:
            continue  # the seed's way; a test of the README runs it
        if program in ("python", "python3"):
            scripts[where] = words[1:]
        else:
            said = _CHECKS.get(program, _exists)(words)
            if said:
                found[where] = said
    answers = _asked(list(scripts.values()))
    found |= {where: said for where, said in zip(scripts, answers, strict=True) if said}
    return {where: f"{commands[where]}: {said}" for where, said in found.items()}


def _asked(arguments: Sequence[Sequence[str]]) -> list[str | None]:
    """The scripts' own parsers, in one process."""
    if not arguments:
        return []
    done = subprocess.run(
        [sys.executable, "-m", "tests.docs.parse_options"],
        input=json.dumps(arguments),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers: list[str | None] = json.loads(done.stdout)
    return answers


def _pyrite(words: Sequence[str]) -> str:
    """The command is one, and takes these options; a name alone is only a name."""
    command: Any = typer.main.get_command(app)
    if len(words) == 1:
        return ""
    if words[1] not in command.commands:
        return "there is no such command"
    if len(words) > 2:
        try:
            command.commands[words[1]].make_context(words[1], list(words[2:]))
        except Exception as error:  # typer has its own copy of click, or takes click's
            if not hasattr(error, "format_message"):
                raise
            return str(error.format_message())
    return ""


def _make(words: Sequence[str]) -> str:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^(\w+):", makefile, re.MULTILINE)
    wrong = [word for word in words[1:] if word not in targets]
    return f"no target {wrong[0]!r}" if wrong else ""


def _pip(words: Sequence[str]) -> str:
    """Its own parser takes the options, files are there, and the rest are requirements."""
    from packaging.requirements import InvalidRequirement, Requirement

    code = (
        "import json, sys\n"
        "from pip._internal.commands import create_command\n"
        "given, rest = create_command(sys.argv[1]).parse_args(sys.argv[2:])\n"
        "print(json.dumps([given.requirements + given.constraints, rest]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words[1:]], capture_output=True, text=True, check=False
    )
    if done.returncode:
        return done.stderr.strip()[-300:]
    files, packages = json.loads(done.stdout)
    missing = [name for name in files if not (ROOT / name).is_file()]
    if missing:
        return f"no file {missing[0]}"
    for package in packages:
        try:
            Requirement(package)
        except InvalidRequirement:
            if not (ROOT / package).exists():
                return f"neither a requirement nor a file: {package}"
    return ""


def _exists(words: Sequence[str]) -> str:
    builtin = subprocess.run(["bash", "-c", 'type -t "$0"', words[0]], check=False)
    return "" if builtin.returncode == 0 or shutil.which(words[0]) else "no such program"


_CHECKS = {"pyrite": _pyrite, "make": _make, "pip": _pip}
