"""`pyrite replay`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pyrite.commands import FINDINGS
from pyrite.commands.options import Quiet, Set
from pyrite.commands.resumable import resumable
from pyrite.escape import one_line

__all__ = ["replay"]


def replay(
    suite: Annotated[
        Path, typer.Argument(help="exploits.jsonl of an exploit step, or its run directory.")
    ],
    file: Annotated[Path, typer.Argument(help="The experiment (YAML) with the other model.")],
    model: Annotated[
        str | None, typer.Option(metavar="ID", help="Which model of the experiment.")
    ] = None,
    data: Annotated[
        str | None, typer.Option(metavar="ID", help="Which data set of the experiment.")
    ] = None,
    verdict: Annotated[
        list[str] | None,
        typer.Option(metavar="VERDICT", help="Findings to try: exploit (default), bias, …"),
    ] = None,
    set_: Set = None,
    quiet: Quiet = False,
) -> None:
    """Try a model's exploits on another; exit 100 if one persists."""
    from pyrite import api
    from pyrite.exploits.replaying import REPLAYABLE, Status

    verdicts = verdict or ["exploit"]
    unknown = sorted(set(verdicts) - {str(one) for one in REPLAYABLE})
    if unknown:
        known = ", ".join(REPLAYABLE)
        raise typer.BadParameter(f"--verdict {unknown[0]}: expected one of {known}")
    with resumable():
        done = api.replay(
            suite,
            file,
            model=model,
            data=data,
            verdicts=verdicts,
            overrides=set_ or (),
            quiet=quiet,
        )
    for sentence in done.findings:
        typer.echo(f"- {one_line(sentence)}")
    typer.echo(f"run      {done.path}")
    if any(one["status"] == Status.PERSISTS for one in done.replayed):
        raise typer.Exit(FINDINGS)
