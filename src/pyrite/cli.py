"""The command line: thin, and silent about what it does not need (heavy imports are inside).

Exit status: 0 done, 1 an error, 2 a mistake in the experiment or the command, 100 a check of
`pyrite doctor` failed, `pyrite gate` has findings or `pyrite replay` an exploit that persists, 130
interrupted.
Results go to stdout, progress and notes to stderr.
"""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from pyrite import escape
from pyrite.commands import FINDINGS
from pyrite.commands.compare import compare
from pyrite.commands.gate import gate
from pyrite.commands.init import init
from pyrite.commands.options import Quiet, Set
from pyrite.commands.replay import replay
from pyrite.commands.report import report
from pyrite.commands.resumable import resumable
from pyrite.errors import ConfigError, PyriteError
from pyrite.listing import FAMILIES, lines

if TYPE_CHECKING:
    from pyrite.runs import Run

__all__ = ["app", "main"]

app = typer.Typer(
    name="pyrite",
    help="Tells gold from fool's gold in reward models.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(init)

SHOWN = 13
"""Findings of a step that a run prints; all are in a file."""

Only = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="STEP", help="Run only these steps or kinds of steps."),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Print the plan and what is stored; load nothing.")
]


@app.command()
def run(
    file: Annotated[Path, typer.Argument(help="The experiment (YAML).")],
    set_: Set = None,
    only: Only = None,
    dry_run: DryRun = False,
    quiet: Quiet = False,
) -> None:
    """Run an experiment; what is stored already is not run again."""
    from pyrite import api

    names = [name for part in only or () for name in part.split(",") if name]
    if dry_run:
        for line in api.dry_run(file, overrides=set_ or (), only=names, quiet=quiet):
            print(line)
        return
    with resumable():
        finished = api.run(file, overrides=set_ or (), only=names, quiet=quiet)
    _print_run(finished)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the run.")] = Path("runs"),
    set_: Set = None,
    quiet: Quiet = False,
) -> None:
    """Run all steps on the reward model that ships with Pyrite."""
    from pyrite import api
    from pyrite.assets import asset_path

    file = asset_path("demo/experiment.yml")
    with resumable():
        finished = api.run(file, overrides=[f"out={out}", *(set_ or ())], quiet=quiet)
    _print_run(finished)


@app.command()
def doctor(
    file: Annotated[Path, typer.Argument(help="The experiment (YAML).")],
    set_: Set = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="QUERY", help="Only these queries.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Check that models are scored as they were trained; exit 100 if not."""
    from pyrite import api
    from pyrite.doctor.report import print_examination

    names = [name for part in only or () for name in part.split(",") if name]
    found = api.examine(file, overrides=set_ or (), only=names, quiet=quiet)
    for name, examination in found.items():
        print_examination(name, examination, sys.stdout)
    if any(examination.failed for examination in found.values()):
        raise typer.Exit(FINDINGS)


app.command()(report)
app.command()(compare)
app.command()(gate)
app.command()(replay)


@app.command("list")
def list_components(
    family: Annotated[
        str | None,
        typer.Argument(
            help=f"One of: {', '.join(FAMILIES)}.", autocompletion=lambda: list(FAMILIES)
        ),
    ] = None,
) -> None:
    """List the components of a family; without one, the families."""
    for line in lines(family) if family else sorted(FAMILIES):
        print(line)


@app.command()
def schema() -> None:
    """Print the JSON Schema of the experiment file, for editors."""
    import json

    from pyrite.config import schema as experiment_schema

    print(json.dumps(experiment_schema(), indent=2))


@app.command()
def cache(
    prune: Annotated[bool, typer.Option("--prune", help="Delete scores: say which.")] = False,
    older_than: Annotated[
        float | None,
        typer.Option(metavar="DAYS", min=0, help="Of models not used for so many days."),
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="KEY", help="Of the model whose key begins so.")
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Of all models.")] = False,
) -> None:
    """Show the stored scores that all runs share, or delete some."""
    from pyrite.scoring import cached

    chosen = all_ or bool(model) or older_than is not None
    if prune != chosen or (all_ and (model or older_than is not None)):
        raise typer.BadParameter("--prune needs --older-than DAYS, --model KEY (or both), or --all")
    lines = cached.pruned_lines(key=model, older_than=older_than) if prune else cached.shown_lines()
    for line in lines:
        print(escape.lines(line))


def main(arguments: list[str] | None = None) -> NoReturn:
    """Entry point: runs a command and turns errors into a message and an exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    try:
        try:
            # Usage errors (2), Ctrl-C (130) and a pipe that nobody reads (1) leave from inside.
            app(args=[x for x in given if x != "--debug"], prog_name="pyrite")
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        _nobody_reads()
    except ConfigError as error:
        _complain(error, debug)
        raise SystemExit(2) from None
    except (PyriteError, OSError) as error:
        _complain(error, debug)
        raise SystemExit(1) from None
    raise SystemExit(0)


def _nobody_reads() -> NoReturn:
    """Whoever read stdout (`| head`) has what it wanted: no message, and none at exit either."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise SystemExit(1)


def _complain(error: PyriteError | OSError, debug: bool) -> None:
    if debug:
        raise error
    text = str(error) if isinstance(error, PyriteError) else _refused(error)
    print(f"pyrite: {escape.lines(text)}", file=sys.stderr)


def _refused(error: OSError) -> str:
    """What the operating system refused, where no step had more to say of it."""
    reason = error.strerror or str(error) or type(error).__name__
    where = f"{error.filename}: " if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        reason += "; what is finished is kept: free some space and run the same command again"
    return f"{where}{reason} (--debug shows where this happened)"


def _print_run(finished: Run) -> None:
    for name, findings in finished.findings_by_step.items():
        if findings:
            print()
        for sentence in findings[:SHOWN]:
            print(f"- {escape.lines(sentence)}")
        if len(findings) > SHOWN:
            print(f"- {len(findings) - SHOWN} more in {finished.findings_files[name]}")
    cards = finished.cards
    if cards:
        print(f"\ncards    {cards[0].parent} ({len(cards)}, each as Markdown, HTML and JSON)")
    for suite in finished.suites:
        if suite.stat().st_size:
            print(f"exploits {suite} (another checkpoint: pyrite replay)")
    for pairs in finished.pairs:
        print(f"pairs    {pairs} (for retraining, as TRL reads them)")
    figures = finished.figures
    if figures:
        print(f"\nfigures  {figures[0].parent} ({len(figures)} PNG, the same interactive as HTML)")
    print(f"tables   {finished.path / 'steps'} (or pyrite.Run({str(finished.path)!r}).table(...))")
    print(f"run      {finished.path}")
    if finished.report is not None:
        print(f"report   {finished.report}")
    else:
        print(
            f"pyrite: THE REPORT WAS NOT WRITTEN, all results are stored (why: "
            f"{finished.path / 'events.jsonl'}); try again: pyrite report {finished.path}",
            file=sys.stderr,
        )
