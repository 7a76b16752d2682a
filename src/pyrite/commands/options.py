"""Options that several commands have, each declared once."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["Quiet", "Set"]

Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override, e.g. query.chunk_size=8."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no notes.")]
