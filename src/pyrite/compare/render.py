"""Blocks for a terminal, for a pipe, and as Markdown; texts of data cannot drive any of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO, TYPE_CHECKING

from pyrite.compare.blocks import Block
from pyrite.escape import markdown, one_line

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["PLAIN_WIDTH", "as_markdown", "print_blocks"]

PLAIN_WIDTH = 140


def print_blocks(blocks: Sequence[Block], stream: IO[str]) -> None:
    """Print to a terminal; nothing but text is written where it is none."""
    from rich.console import Console
    from rich.text import Text

    terminal = stream.isatty()
    console = Console(
        file=stream, width=None if terminal else PLAIN_WIDTH, highlight=False, markup=False
    )
    for block in blocks:
        console.print(Text(f"\n{one_line(block.heading)}", style="bold"))
        for line in block.before:
            console.print(Text(f"  {one_line(line)}"))
        if block.table:
            console.print(_table(block.table))
        for line in block.after:
            console.print(Text(f"  {one_line(line)}"))


def _table(lines: Sequence[Sequence[str]]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, expand=False, pad_edge=False)
    for name in lines[0]:
        table.add_column(Text(name), overflow="fold")
    for line in lines[1:]:
        table.add_row(*(Text(one_line(cell)) for cell in line))
    return table


def as_markdown(blocks: Sequence[Block]) -> str:
    """The same as Markdown."""
    lines: list[str] = []
    for level, block in enumerate(blocks):
        lines += [f"{'##' if level else '#'} {markdown(block.heading)}", ""]
        lines += _sentences(block.before)
        if block.table:
            head, *rows = block.table
            lines += [_row(head), f"|{'---|' * len(head)}", *(_row(row) for row in rows), ""]
        lines += _sentences(block.after)
    return "\n".join(lines)


def _sentences(texts: Sequence[str]) -> list[str]:
    return [*(f"- {markdown(text)}" for text in texts), ""] if texts else []


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(markdown(cell) for cell in cells)} |"
