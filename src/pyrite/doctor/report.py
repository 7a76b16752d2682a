"""The findings as a table for people: colours on a terminal, plain text elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO, TYPE_CHECKING

from pyrite.doctor import Status
from pyrite.doctor.examine import Examination, Finding

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["print_examination"]

_STYLES = {Status.PASS: "green", Status.WARN: "yellow", Status.FAIL: "bold red"}
_ORDER = (Status.FAIL, Status.WARN, Status.PASS, Status.NOT_APPLICABLE)
PLAIN_WIDTH = 110


def print_examination(name: str, examination: Examination, stream: IO[str]) -> None:
    """Print what was seen, why it matters and the cure.

    Args:
        name: of the query.
        examination: its findings.
        stream: where to; nothing but text is written where it is no terminal.
    """
    from rich.console import Console
    from rich.text import Text

    terminal = stream.isatty()
    console = Console(
        file=stream, width=None if terminal else PLAIN_WIDTH, highlight=False, markup=False
    )
    console.print(Text(f"\n{name}: {examination.summary}, {examination.seconds:.1f} s"))
    console.print(_table(examination.findings))
    for finding in examination.findings:
        if finding.verdict.detail:
            console.print(Text(f"{finding.check}, the shortest text of the sample:", style="bold"))
            console.print(Text(printable(finding.verdict.detail)))


def _table(findings: Sequence[Finding]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, expand=False, pad_edge=False)
    table.add_column("check", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("what was seen, why it matters, the cure", overflow="fold")
    for finding in sorted(findings, key=lambda found: _ORDER.index(found.status)):
        style = _STYLES.get(finding.status, "dim")
        said = Text(printable(finding.verdict.saw))
        if finding.status in (Status.FAIL, Status.WARN):
            said.append(f"\nwhy: {finding.why}", style="dim")
            said.append(f"\ncure: {printable(finding.verdict.cure)}", style="bold")
        table.add_row(
            Text(finding.check), Text(str(finding.status).replace("_", " "), style=style), said
        )
    return table


def printable(text: str) -> str:
    """The text with control and direction characters spelled out: a text may be hostile."""
    return "".join(c if c.isprintable() or c == "\n" else f"\\x{ord(c):02x}" for c in text)
