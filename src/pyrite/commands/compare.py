"""`pyrite compare`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["compare"]


def compare(
    run_a: Annotated[Path, typer.Argument(help="Run directory: before.")],
    run_b: Annotated[Path, typer.Argument(help="Run directory: after.")],
    query: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only this query; A=B where the names differ."),
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="Column of the data whose values are subsets."),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write all numbers.")
    ] = None,
    markdown_file: Annotated[
        Path | None, typer.Option("--markdown", metavar="FILE", help="Write it as Markdown.")
    ] = None,
    different_rows: Annotated[
        bool,
        typer.Option("--allow-different-rows", help="Compare the rows that both have."),
    ] = False,
    different_template: Annotated[
        bool,
        typer.Option(
            "--allow-different-template", help="Compare texts that were made differently."
        ),
    ] = False,
) -> None:
    """Compare two models or checkpoints on the same rows."""
    from pyrite.compare import Allowed, compare_runs
    from pyrite.compare.blocks import blocks
    from pyrite.compare.render import as_markdown, print_blocks
    from pyrite.files import write_json, write_text

    allowed = Allowed(rows=different_rows, template=different_template)
    found = compare_runs(run_a, run_b, queries=query or (), by=by or (), allowed=allowed)
    said = blocks(found)
    if json_file is not None:
        write_json(json_file, found.as_json())
    if markdown_file is not None:
        write_text(markdown_file, as_markdown(said))
    print_blocks(said, sys.stdout)
