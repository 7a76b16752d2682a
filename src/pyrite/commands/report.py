"""`pyrite report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["report"]


def report(
    run: Annotated[
        Path, typer.Argument(help="A run directory, or an experiment (YAML): its newest run.")
    ],
) -> None:
    """Write the report of a run again, as HTML and as JSON."""
    from pyrite import api

    typer.echo(api.report(run))
