"""`pyrite gate`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from pyrite.commands import FINDINGS

__all__ = ["gate"]


def gate(
    run: Annotated[Path, typer.Argument(help="Run directory.")],
    policy: Annotated[Path, typer.Option(metavar="FILE", help="The policy (YAML).")],
    junit_file: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Write JUnit XML.")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write all checks and numbers.")
    ] = None,
    summary_file: Annotated[
        Path | None,
        typer.Option(
            "--summary",
            metavar="FILE",
            envvar="GITHUB_STEP_SUMMARY",
            help="Append a summary (Markdown).",
        ),
    ] = None,
) -> None:
    """Check a run against a policy; exit 100 if it has findings."""
    from pyrite.files import atomic_path, write_json
    from pyrite.gate import gate_run, load_policy
    from pyrite.gate.junit import junit
    from pyrite.gate.show import append_summary, print_gate

    gated = gate_run(run, load_policy(policy), called=str(policy))
    if junit_file is not None:
        with atomic_path(junit_file) as temporary:
            temporary.write_bytes(junit(gated))
    if json_file is not None:
        write_json(json_file, gated.as_json())
    if summary_file is not None:
        append_summary(gated, summary_file)
    print_gate(gated, sys.stdout, os.environ)
    if not gated.passed:
        raise typer.Exit(FINDINGS)
