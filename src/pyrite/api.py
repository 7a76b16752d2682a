"""Running experiments from Python: what `pyrite.run` and the command line both call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pyrite.compile import compile_steps, pinned
from pyrite.plan import Plan
from pyrite.progress import Progress
from pyrite.runner import Runner, raise_unknown_only
from pyrite.status import PlanLine, plan_lines

if TYPE_CHECKING:
    from pyrite.doctor.examine import Examination
    from pyrite.experiment import Experiment
    from pyrite.runs import Run

__all__ = ["dry_run", "examine", "replay", "report", "run"]


def run(
    experiment: str | Path | Experiment,
    *,
    overrides: Sequence[str] = (),
    only: Sequence[str] = (),
    quiet: bool = False,
) -> Run:
    """Run an experiment.

    Args:
        experiment: a YAML file, or an `Experiment` built from Python objects.
        overrides: `key=value` strings as after `--set`, for a YAML file.
        only: names or kinds of steps; empty runs all.
        quiet: no progress and no notes on stderr.

    Returns:
        The finished run: `.table("my_query")`, `.figures`, `.findings`, `.path`.

    Raises:
        ConfigError: the experiment has mistakes; nothing was started.
        PyriteError: a step failed; what was finished before is kept and reused next time.
    """
    loaded = _loaded(experiment, overrides)
    with _shown(loaded, quiet=quiet) as progress:
        planned = Plan.of(loaded.name, pinned(compile_steps(loaded)))
        raise_unknown_only(only, planned)
        return Runner(loaded, planned, progress, only).run()


def dry_run(
    experiment: str | Path | Experiment,
    *,
    overrides: Sequence[str] = (),
    only: Sequence[str] = (),
    quiet: bool = False,
) -> list[PlanLine]:
    """What `run` would do: every step with its identity and what of it is stored.

    Loads no model, reads no data beyond hashing local files, and needs no network.
    """
    loaded = _loaded(experiment, overrides)
    with _shown(loaded, quiet=quiet):
        planned = Plan.of(loaded.name, compile_steps(loaded))
        raise_unknown_only(only, planned)
        return plan_lines(planned, Path(loaded.out), only)


def examine(
    experiment: str | Path | Experiment,
    *,
    overrides: Sequence[str] = (),
    only: Sequence[str] = (),
    quiet: bool = False,
) -> dict[str, Examination]:
    """Look whether the models are scored as they were trained, and store nothing.

    Args:
        experiment: a YAML file, or an `Experiment` built from Python objects.
        overrides: `key=value` strings as after `--set`, for a YAML file.
        only: names of queries; empty examines all.
        quiet: no progress and no notes on stderr.

    Returns:
        What all checks found, by the name of the query.

    Raises:
        ConfigError: the experiment has mistakes.
        PyriteError: a model cannot be opened, or the sampled rows cannot be scored at all.
    """
    from pyrite.examination import examine_queries

    loaded = _loaded(experiment, overrides)
    with _shown(loaded, quiet=quiet) as progress:
        return examine_queries(loaded, only, progress)


def replay(
    suite: str | Path,
    experiment: str | Path | Experiment,
    *,
    model: str | None = None,
    data: str | None = None,
    verdicts: Sequence[str] = ("exploit",),
    overrides: Sequence[str] = (),
    quiet: bool = False,
) -> Run:
    """Try the exploits that another run has proved on a model of an experiment.

    Args:
        suite: an `exploits.jsonl`, or the run directory that holds one.
        experiment: a YAML file, or an `Experiment` built from Python objects.
        model, data: which of its models and data sets; None where it leaves no choice.
        verdicts: of the findings that are tried.
        overrides: `key=value` strings as after `--set`, for a YAML file.
        quiet: no progress and no notes on stderr.

    Returns:
        The finished run: `.replayed` says what became of each.

    Raises:
        ConfigError: the experiment has mistakes, or its model gives no score of a text.
        StoreError: the suite cannot be read, or an edit of it is not what it was.
        PyriteError: a step failed; what was finished before is kept and reused next time.
    """
    from pyrite.compile import compile_replay
    from pyrite.exploits.suite import read_suite

    entries = [one for one in read_suite(Path(suite)) if str(one.verdict) in verdicts]
    loaded = _loaded(experiment, overrides)
    with _shown(loaded, quiet=quiet) as progress:
        steps = compile_replay(loaded, entries, str(suite), model=model, data=data)
        planned = Plan.of(f"{loaded.name}-replay", pinned(steps))
        return Runner(loaded, planned, progress).run()


def report(run: str | Path) -> Path:
    """Write the report of a run again, from what the run directory holds.

    Args:
        run: a run directory, finished or not; or an experiment's file, of which the newest run is
            taken.

    Returns:
        The path of `report.html`; `report.json` is beside it.

    Raises:
        ConfigError: the experiment has mistakes.
        StoreError: there is no run, or a file of it is gone or damaged.
    """
    from pyrite.report.write import find_run, write_report

    return write_report(find_run(Path(run)))


def _loaded(experiment: str | Path | Experiment, overrides: Sequence[str]) -> Experiment:
    if isinstance(experiment, str | Path):
        from pyrite.config import load

        return load(Path(experiment), overrides=overrides)
    if overrides:
        raise ValueError("overrides are for YAML files; change the Experiment object instead")
    return experiment


@contextmanager
def _shown(loaded: Experiment, *, quiet: bool) -> Iterator[Progress]:
    """Where what is done is shown, the experiment's warnings first."""
    with Progress(style="quiet" if quiet else "auto") as progress:
        for warning in loaded.warnings:
            progress.say(f"warning: {warning}")
        yield progress
