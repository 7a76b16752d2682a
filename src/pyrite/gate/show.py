"""A gate for people: on a terminal, as a GitHub summary, as annotations of a GitHub run."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from pyrite.compare.blocks import Block
from pyrite.compare.render import as_markdown, print_blocks
from pyrite.escape import github_message, github_property
from pyrite.files import storage_errors
from pyrite.gate.result import Gated, Outcome

__all__ = ["append_summary", "print_gate"]

ANNOTATIONS = 10
"""GitHub shows so many of one step; all findings are in the summary."""
_ORDER = (Outcome.FINDING, Outcome.NOT_MEASURED, Outcome.IGNORED, Outcome.PASSED)


def gate_blocks(gated: Gated) -> list[Block]:
    """The verdict, then every check, what keeps the gate shut first."""
    said = "passed" if gated.passed else "not passed"
    before = (f"run {gated.run}", f"policy {gated.policy}", gated.summary, *gated.notes)
    ranked = sorted(gated.checked, key=lambda one: _ORDER.index(one.outcome))
    rows = [(str(x.outcome).replace("_", " "), x.rule, x.subject, x.message) for x in ranked]
    table = (("", "rule", "what", "what was seen"), *rows) if rows else ()
    return [Block(f"Gate {said}: {gated.name}", before, table)]


def print_gate(gated: Gated, stream: IO[str], environ: Mapping[str, str]) -> None:
    """Print the gate; on GitHub also an annotation for each finding.

    Args:
        gated: what was found.
        stream: where to.
        environ: `GITHUB_ACTIONS` says whether a GitHub runner reads it.
    """
    if environ.get("GITHUB_ACTIONS") != "true":
        print_blocks(gate_blocks(gated), stream)
        return
    with _commands_stopped(stream):
        print_blocks(gate_blocks(gated), stream)
    for one in gated.bad[:ANNOTATIONS]:
        title = github_property(f"pyrite gate: {one.rule}")
        stream.write(f"::error title={title}::{github_message(f'{one.subject}: {one.message}')}\n")
    stream.flush()


@contextmanager
def _commands_stopped(stream: IO[str]) -> Iterator[None]:
    """What a text of the data says in between is no command to the runner."""
    token = secrets.token_hex(16)
    stream.write(f"::stop-commands::{token}\n")
    stream.flush()
    try:
        yield
    finally:
        stream.write(f"::{token}::\n")


def append_summary(gated: Gated, path: Path) -> None:
    """Append the gate as Markdown, as `$GITHUB_STEP_SUMMARY` wants it.

    Raises:
        StoreError: the file cannot be written.
    """
    text = as_markdown(gate_blocks(gated))
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8", errors="replace") as stream:
            stream.write(f"{text}\n")
