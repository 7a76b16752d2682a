"""`pyrite init`: a first experiment for a model and data at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pyrite.escape import one_line

__all__ = ["init"]


def init(
    data: Annotated[str, typer.Option(help="File, folder of splits, or hub id.")],
    model: Annotated[
        str | None,
        typer.Option(
            help="Folder, hub id, builtin:name, URL or ./file.py:function; none: scores in data."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Where to write.")] = Path("experiment.yml"),
    force: Annotated[bool, typer.Option("--force", help="Write over a file.")] = False,
) -> None:
    """Look at a model and a data file, and write a commented experiment for them."""
    from pyrite.init import draft, refuse, write

    refuse(out, force=force)
    drafted = draft(model, data)
    write(drafted.text, out, force=force)
    for line in drafted.lines(out):
        typer.echo(one_line(line))
