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
    """Write a commented experiment for a model and data at hand.

    Both are looked at, and nothing of the model is executed. What could be read in several ways
    is said.
    """
    from pyrite.init import draft, refuse, write

    refuse(out, force=force)
    drafted = draft(model, data, file=str(out))
    write(drafted.text, out, force=force)
    for line in drafted.lines(out):
        typer.echo(one_line(line))
