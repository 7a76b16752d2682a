"""Whether `python SCRIPT ...` takes its options: each is parsed by the script's own parser.

Reads a JSON list of arguments of `python` from stdin and writes, for each, what is wrong with it
(null: nothing). The script is started and left as soon as its parser is done.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import json
import runpy
import sys
from pathlib import Path
from typing import Any, NoReturn

_parse_args = argparse.ArgumentParser.parse_args


class ParsedError(BaseException):
    """The options were taken; nothing else is to happen."""


def _leave(parser: argparse.ArgumentParser, *given: Any, **named: Any) -> NoReturn:
    _parse_args(parser, *given, **named)
    raise ParsedError


def wrong(arguments: list[str]) -> str | None:
    """What is wrong with the arguments of a `python`."""
    name, *options = arguments[1:] if arguments[0] == "-m" else arguments
    source = _source(name) if arguments[0] == "-m" else Path(name)
    if source is None or not source.is_file():
        return "there is no such script"
    if "argparse" not in source.read_text(encoding="utf-8") and name != "venv":
        return "it has no parser for its options" if options else None
    sys.argv = [str(source), *options]
    sys.path[0] = str(Path.cwd() if arguments[0] == "-m" else source.resolve().parent)
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            if arguments[0] == "-m":
                runpy.run_module(name, run_name="__main__", alter_sys=True)
            else:
                runpy.run_path(str(source), run_name="__main__")
    except ParsedError:
        return None
    except SystemExit:
        return said.getvalue().strip()[-300:]
    return "it ended before it looked at its options"


def _source(module: str) -> Path | None:
    sys.path[0] = str(Path.cwd())
    found = importlib.util.find_spec(module)
    if found is not None and found.submodule_search_locations:
        found = importlib.util.find_spec(f"{module}.__main__")
    return Path(found.origin) if found is not None and found.origin else None


if __name__ == "__main__":
    argparse.ArgumentParser.parse_args = _leave  # type: ignore[assignment]
    answers = [wrong(one) for one in json.load(sys.stdin)]
    json.dump(answers, sys.__stdout__)
