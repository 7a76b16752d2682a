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
    """Write the report of a run again: report.html for people, report.json for programs."""
    from pyrite import api

    typer.echo(api.report(run))
