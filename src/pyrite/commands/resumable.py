"""What Ctrl-C in a run says."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import typer

__all__ = ["INTERRUPTED", "resumable"]

INTERRUPTED = 130
"""Exit status, as shells have it for Ctrl-C."""


@contextlib.contextmanager
def resumable() -> Iterator[None]:
    """Ctrl-C in a run says how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo(
            "pyrite: interrupted; what is finished is kept: run the same command again to go on",
            err=True,
        )
        raise typer.Exit(INTERRUPTED) from None
