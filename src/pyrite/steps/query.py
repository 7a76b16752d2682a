"""The `query` step: every row through the model, chunk by chunk, into one table."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from pyrite.config.sections import QuerySection
from pyrite.errors import ConfigError
from pyrite.executors import Unit
from pyrite.models import Capability
from pyrite.steps import Step, StepContext, StepResult
from pyrite.steps.chunks import ChunkStore
from pyrite.steps.data import ROWS
from pyrite.steps.examine import Admission, admit, recorded
from pyrite.steps.model import model_input
from pyrite.steps.rows import RowReader, RowStream
from pyrite.steps.windows import Windows
from pyrite.types import Json, Location, Mistake

if TYPE_CHECKING:
    from pyrite.scoring.opening import About

__all__ = ["QueryStep"]

_NEEDS = {
    "hidden_states": Capability.HIDDEN_STATES,
    "embeddings": Capability.EMBEDDINGS,
    "tokens": Capability.TOKENS,
    "token_rewards": Capability.TOKEN_REWARDS,
    "scores": Capability.VECTOR,
    "topk_uids": Capability.VECTOR,
    "entropy": Capability.VECTOR,
    "score": Capability.SCORE,
    "loss": Capability.SCORE,
    "margin": Capability.SCORE,
    "chosen_end_scores": Capability.SCORE,
    "rejected_end_scores": Capability.SCORE,
}


_WHY = {
    Capability.TOKEN_REWARDS: ", which is a linear head read at every token of a causal model",
}


@dataclass(frozen=True, slots=True)
class _Scored:
    """How the missing rows were scored: the time, what there is to say, by whom."""

    seconds: float = 0.0
    said: Sequence[str] = ()
    where: str = "not scored in this run"
    workers: int = 0


@dataclass
class QueryStep(Step):
    """Score the rows of one data set with one model."""

    kind: ClassVar[str] = "query"
    VERSION: ClassVar[int] = 1

    section: QuerySection
    model: str
    data: str
    doctor: Admission = field(default="fail", compare=False)

    @property
    def id(self) -> str:  # type: ignore[override]
        """The query's name."""
        return self.section.id

    @property
    def requires(self) -> tuple[str, ...]:  # type: ignore[override]
        """The model and the data set."""
        return (self.model, self.data)

    def declared(self) -> Json:
        """The fields that decide the text that is scored and what is kept of it."""
        declared = self.section.identity()
        if self.section.pairs == "adjacent":
            declared["chunk_size"] = self.section.chunk_size
        return declared

    def run(self, context: StepContext) -> StepResult:
        """Score what is not yet in the folder; the model is opened only if something is missing.

        Raises:
            ConfigError: the model cannot give what `store` names.
            ScoringError: a forward pass failed.
        """
        (_, data_folder) = context.inputs[self.data]
        rows = RowReader(data_folder.require(ROWS))
        chunks = ChunkStore(context.folder.path)
        missing = chunks.missing(rows.num_rows)
        reused = rows.num_rows - sum(stop - start for start, stop in missing)
        scored = self._score(context, rows, chunks, missing) if missing else _Scored()
        counts = chunks.counts()
        todo = rows.num_rows - reused
        notes = [f"{self.id}: {sentence}" for sentence in self._sentences(counts, rows)]
        if reused:
            notes.insert(0, f"{self.id}: {reused} of {rows.num_rows} rows were already scored")
        findings, told = recorded(context.folder.path)
        notes += [f"{self.id}: {sentence}" for sentence in (*scored.said, *told)]
        meta = {
            "rows": rows.num_rows,
            "pairs": self._pairs(rows),
            "counts": counts,
            "engine": {"where": scored.where, "workers": scored.workers},
            "doctor": findings,
        }
        scalars = {"rows": float(rows.num_rows), **{k: float(v) for k, v in counts.items()}}
        if scored.seconds:
            scalars["rows_per_second"] = todo / scored.seconds
        return StepResult(meta, tuple(notes), scalars)

    def _score(
        self,
        context: StepContext,
        rows: RowReader,
        chunks: ChunkStore,
        missing: list[tuple[int, int]],
    ) -> _Scored:
        from pyrite.steps.score_task import Recalled, ScoreTask

        step, folder = model_input(context, self.model)
        pool = step.workers()
        model: About = pool.about
        self._check(model)
        admit(self.section, pool, step.model, rows, context, self.doctor)
        about = {
            "outputs": list(model.output_names),
            "outputs_are": model.outputs_are,
            "norm": model.facts.get("norm"),
        }
        windows = Windows(
            missing,
            interval=self.section.save_interval,
            multiple=self._multiple(),
            workers=pool.workers,
        )
        stream = RowStream(rows, all_columns=model.takes_columns)
        units = (Unit(start, stop, stream.read(start, stop)) for start, stop in windows)
        scoring = pool.run(ScoreTask(self.section, folder.identity, step.called()), units)
        recalled, lost = Recalled(), pool.lost
        where = "" if pool.here else f" on {pool.where}"
        total = sum(stop - start for start, stop in missing)
        started = time.monotonic()
        name = f"{self.id}: scoring{where}"
        with context.progress.task(name, total=total) as task, closing(scoring):
            for done in scoring:
                table, vectors = done.result.table, done.result.vectors
                chunks.write(done.start, done.stop, table, vectors, about)
                recalled.add(done.result.about)
                task.advance(done.stop - done.start)
                windows.measured(done.stop - done.start, done.seconds)
        said = [f"scored{where}"] if where else []
        said += _unexamined(model) if self.doctor == "off" else []
        if pool.lost > lost:
            said.append(f"workers lost: {pool.lost - lost}; their rows were scored again")
        seconds = time.monotonic() - started
        return _Scored(seconds, [*said, *recalled.said()], pool.where, pool.workers)

    def _check(self, model: About) -> None:
        mistakes = []
        for item in self.section.store:
            needed = _NEEDS.get(item.name)
            if needed and needed not in model.capabilities:
                given = ", ".join(sorted(k for k, v in _NEEDS.items() if v in model.capabilities))
                why = _WHY.get(needed, "")
                mistakes.append(
                    Mistake(
                        Location(""),
                        f"query.{self.id}.store",
                        f"the model {self.model!r} cannot give {item.name!r}{why}",
                        f"it gives: {given}",
                    )
                )
        if mistakes:
            raise ConfigError(mistakes)

    def _pairs(self, rows: RowReader) -> bool:
        return rows.has_pairs and self.section.pairs == "auto"

    def _multiple(self) -> int:
        return self.section.chunk_size if self.section.pairs == "adjacent" else 1

    def _sentences(self, counts: Mapping[str, int], rows: RowReader) -> list[str]:
        found = []
        if counts["truncated"]:
            found.append(
                f"{counts['truncated']} of {rows.num_rows} rows were truncated (column `truncated`)"
            )
        if counts["problems"]:
            found.append(f"{_have(counts['problems'])} no score (column `problem` says why)")
        if counts["missing"] > counts["problems"]:
            found.append(f"{_have(counts['missing'] - counts['problems'])} a missing score")
        named = {item.name for item in self.section.store}
        if not rows.has_pairs and self.section.pairs != "adjacent":
            absent = sorted(named & {"loss", "rejected_end_scores", "margin"})
            if absent:
                found.append(
                    f"{', '.join(absent)}: not measured, because the data has no pairs; "
                    "a text scored alone has no loss"
                )
        elif "loss" in named and self.section.forward.inference:
            found.append("loss: not measured, because forward.inference scores every text alone")
        return found


def _unexamined(model: About) -> list[str]:
    from pyrite.doctor.precision import asked_for, described

    if not asked_for(model.facts):
        return []
    used = described(model.facts)
    return [f"{used}: difference from float32 not measured, because the doctor is off"]


def _have(rows: int) -> str:
    return "1 row has" if rows == 1 else f"{rows} rows have"
