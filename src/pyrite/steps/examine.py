"""Before a query scores its rows: the doctor looks at a few of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pyarrow as pa

from pyrite.config.sections import QuerySection
from pyrite.doctor import MOST_ROWS
from pyrite.errors import DoctorError
from pyrite.executors import Pool, Result, Task, Unit, Work
from pyrite.files import read_json, write_json
from pyrite.models import Limits, Model, Scorer
from pyrite.scoring.opening import ModelOpening, OpenedModel
from pyrite.steps.rows import Renderer, RowReader, RowStream, holds_pairs
from pyrite.types import Json

if TYPE_CHECKING:
    from pyrite.doctor._patient import Text
    from pyrite.doctor.examine import Examination
    from pyrite.steps import StepContext

__all__ = ["SAMPLED_FROM", "Admission", "DoctorTask", "admit", "examined", "recorded"]

Admission = Literal["fail", "warn", "off"]
"""What a failed check does: stop, be told, or nothing because none is made."""

SAMPLED_FROM = 2048
"""The sample is spread evenly over so many first rows, so that little is read."""
FILE = "doctor.json"


@dataclass(frozen=True)
class DoctorTask(Task):
    """Examine the opened model on some rows; `Result.about` is the `Examination`.

    Attributes:
        section: the query.
        opening: how the model is opened, for checks that need it in another way.
    """

    section: QuerySection
    opening: ModelOpening

    def prepare(self, opened: OpenedModel) -> Work:
        """Nothing is prepared before the rows are known."""
        return _Examining(self.section, self.opening, opened.scorer)


class _Examining(Work):
    def __init__(self, section: QuerySection, opening: ModelOpening, scorer: Scorer) -> None:
        self._section = section
        self._opening = opening
        self._scorer = scorer

    def do(self, rows: pa.Table) -> Result:
        from pyrite.doctor._patient import Patient
        from pyrite.doctor.examine import examine
        from pyrite.scoring.probe import Probe

        section, scorer = self._section, self._scorer
        renderer = Renderer(section, scorer)
        texts, pairs = _texts(rows, renderer, paired=section.pairs == "auto")
        limits = Limits(section.tokenizer.truncation, section.tokenizer.max_length)
        form = section.message.unravel
        patient = Patient(
            scorer=scorer,
            form=scorer.default_unravel if form == "default" else form,
            texts=texts,
            pairs=pairs,
            limits=limits,
            engine=Probe(scorer, limits=limits, batch_tokens=section.batch_tokens),
            render=renderer.render,
            reopen=_reopener(self._opening),
        )
        return Result(rows, about=examine(patient, rows=rows.num_rows))


def admit(
    section: QuerySection,
    pool: Pool,
    model: Model,
    rows: RowReader,
    context: StepContext,
    on_failure: Admission,
) -> None:
    """Examine a query before it scores; what was found goes into its folder and the run's events.

    Raises:
        DoctorError: a check failed and `on_failure` is `fail`.
        PyriteError: the sampled rows cannot be scored at all.
    """
    if on_failure == "off":
        return
    with context.progress.task(f"{section.id}: examining the model", unit="checks") as task:
        found = examined(section, pool, model, rows)
        task.advance(len(found.findings))
    content = {"findings": found.as_json(), "notes": found.notes(), "seconds": found.seconds}
    write_json(context.folder.path / FILE, content)
    context.event("doctor", id=section.id, **content)
    if found.failed and on_failure == "fail":
        lines = "\n".join(f"  {finding.line()}" for finding in found.failed)
        raise DoctorError(
            f"{section.id}: {len(found.failed)} of {len(found.findings)} checks of the model "
            f"failed, and nothing was scored:\n{lines}\n  to score all the same, with this on "
            "record, write `doctor: warn`; `pyrite doctor FILE` shows all checks"
        )


def recorded(folder: Path) -> tuple[list[Json] | str, list[str]]:
    """The findings of the last examination in a query's folder, and its notes."""
    content = read_json(folder / FILE)
    if not isinstance(content, dict):
        return "not examined", []
    return content["findings"], content["notes"]


def examined(section: QuerySection, pool: Pool, model: Model, rows: RowReader) -> Examination:
    """Run all checks on a sample of a query's rows, where the model is open.

    Raises:
        PyriteError: the sampled rows cannot be scored at all.
    """
    sample = _sample(RowStream(rows, all_columns=pool.about.takes_columns), rows.num_rows)
    task = DoctorTask(section, ModelOpening(model))
    (done,) = pool.run(task, [Unit(0, sample.num_rows, sample)])
    found: Examination = done.result.about
    return found


def _sample(stream: RowStream, num_rows: int) -> pa.Table:
    """Rows spread evenly over the first ones."""
    total = min(num_rows, SAMPLED_FROM)
    count = min(total, MOST_ROWS)
    return stream.read(0, total).take([index * total // count for index in range(count)])


def _texts(
    rows: pa.Table, renderer: Renderer, *, paired: bool
) -> tuple[list[Text], list[tuple[int, int]]]:
    """The items of a sample with their texts, and which of them are pairs."""
    records: list[Mapping[str, Json]] = rows.to_pylist()
    pairs = paired and holds_pairs(rows.column_names)
    sides = ("chosen", "rejected") if pairs else ("response",)
    items = [renderer.item(row, side) for side in sides for row in records]
    count = len(records)
    indices = [(index, count + index) for index in range(count)] if pairs else []
    return [(item, renderer.render(item)) for item in items], indices


def _reopener(opening: ModelOpening) -> Callable[[Mapping[str, object]], Scorer] | None:
    if "dtype" not in type(opening.model).model_fields:
        return None

    def reopen(fields: Mapping[str, object]) -> Scorer:
        known = type(opening.model).model_fields
        model = opening.model.model_copy(update={k: v for k, v in fields.items() if k in known})
        return replace(opening, model=model).open().scorer

    return reopen
