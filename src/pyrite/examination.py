"""Examining the queries of an experiment without running it: what `pyrite doctor` does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NoReturn

from pyrite.compile import compile_steps, pinned
from pyrite.component import nearest
from pyrite.config.sections import DataSection, Sample
from pyrite.errors import PyriteError
from pyrite.steps import StepContext
from pyrite.steps.data import ROWS, DataStep
from pyrite.steps.examine import SAMPLED_FROM, examined
from pyrite.steps.model import ModelStep
from pyrite.steps.query import QueryStep
from pyrite.steps.rows import RowReader
from pyrite.store import StepFolder

if TYPE_CHECKING:
    from pyrite.doctor.examine import Examination
    from pyrite.experiment import Experiment
    from pyrite.progress import Progress

__all__ = ["examine_queries"]


def examine_queries(
    experiment: Experiment, only: Sequence[str], progress: Progress
) -> dict[str, Examination]:
    """What all checks find, by the name of the query; nothing is left behind.

    Raises:
        PyriteError: there is no such query, a model cannot be opened, or the sampled rows cannot
            be scored at all.
    """
    steps = {step.id: step for step in pinned(compile_steps(experiment))}
    queries = [step for step in steps.values() if isinstance(step, QueryStep)]
    names = [query.id for query in queries]
    for name in only:
        if name not in names:
            raise PyriteError(f"--only: no query {name!r} ({nearest(name, names)})")
    if not queries:
        raise PyriteError("nothing to examine: the experiment has no query")
    found = {}
    with TemporaryDirectory(prefix="pyrite-doctor-") as folder:
        try:
            for query in queries:
                if only and query.id not in only:
                    continue
                data, model = steps[query.data], steps[query.model]
                assert isinstance(data, DataStep)
                assert isinstance(model, ModelStep)
                rows = _rows(data, Path(folder) / data.id, progress)
                with progress.task(f"{model.id}: opening the model"):
                    pool = model.workers()
                with progress.task(f"{query.id}: examining the model", unit="checks") as task:
                    found[query.id] = examined(query.section, pool, model.model, rows)
                    task.advance(len(found[query.id].findings))
        finally:
            for step in steps.values():
                step.close()
    return found


def _rows(step: DataStep, path: Path, progress: Progress) -> RowReader:
    """The rows that a sample is taken from; read once for all queries."""
    if not (path / ROWS).is_file():
        path.mkdir()
        context = StepContext(StepFolder(path), {}, progress, _no_table)
        replace(step, section=_shortened(step.section)).run(context)
    return RowReader(path / ROWS)


def _shortened(section: DataSection) -> DataSection:
    """The same first rows and no more than the sample is taken from, where that can be had."""
    sample = section.sample
    most = None if sample is None or sample.method == "all" else sample.n
    if sample is not None and sample.method == "random":
        return section
    first = Sample(method="first", n=SAMPLED_FROM if most is None else min(most, SAMPLED_FROM))
    return section.model_copy(update={"sample": first})


def _no_table(name: str) -> NoReturn:
    raise PyriteError(f"{name}: an examination stores no table")
