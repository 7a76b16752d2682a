"""The `query` step: every row through the model, chunk by chunk, into one table."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pyrite.config.sections import QuerySection
from pyrite.errors import ConfigError
from pyrite.models import Capability, Limits, Pooled, Scorer, Want
from pyrite.steps import Step, StepContext, StepResult
from pyrite.steps.chunks import ChunkStore
from pyrite.steps.data import ROWS
from pyrite.steps.rows import RowReader, RowStream
from pyrite.types import Json, Location, Mistake

if TYPE_CHECKING:
    from pyrite.scoring import ScoreMemory
    from pyrite.steps.model import ModelStep

__all__ = ["QueryStep"]

SAVE_SECONDS = 20.0
"""A kill loses about this much work where `save_interval` is not given."""
FIRST_WINDOW, SMALLEST_WINDOW, LARGEST_WINDOW = 512, 32, 16_384

VECTORS = ("hidden_states", "embeddings")
_NEEDS = {
    "hidden_states": Capability.HIDDEN_STATES,
    "embeddings": Capability.EMBEDDINGS,
    "tokens": Capability.TOKENS,
    "scores": Capability.VECTOR,
    "topk_uids": Capability.VECTOR,
    "entropy": Capability.VECTOR,
    "score": Capability.SCORE,
    "loss": Capability.SCORE,
    "margin": Capability.SCORE,
    "chosen_end_scores": Capability.SCORE,
    "rejected_end_scores": Capability.SCORE,
}


@dataclass
class QueryStep(Step):
    """Score the rows of one data set with one model."""

    kind: ClassVar[str] = "query"
    VERSION: ClassVar[int] = 1

    section: QuerySection
    model: str
    data: str

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
        seconds, said = self._score(context, rows, chunks, missing) if missing else (0.0, [])
        counts = chunks.counts()
        todo = rows.num_rows - reused
        notes = [f"{self.id}: {sentence}" for sentence in self._sentences(counts, rows)]
        if reused:
            notes.insert(0, f"{self.id}: {reused} of {rows.num_rows} rows were already scored")
        notes += [f"{self.id}: {sentence}" for sentence in said]
        meta = {"rows": rows.num_rows, "pairs": self._pairs(rows), "counts": counts}
        scalars = {"rows": float(rows.num_rows), **{k: float(v) for k, v in counts.items()}}
        if seconds:
            scalars["rows_per_second"] = todo / seconds
        return StepResult(meta, tuple(notes), scalars)

    def _score(
        self,
        context: StepContext,
        rows: RowReader,
        chunks: ChunkStore,
        missing: list[tuple[int, int]],
    ) -> tuple[float, list[str]]:
        """Seconds that it took, and what there is to say of the score store."""
        from pyrite.scoring import Engine
        from pyrite.steps.scoring_rows import score_rows

        step = context.inputs[self.model][0]
        scorer = _opened(step)
        self._check(scorer)
        memory = self._memory(context, scorer)
        engine = Engine(
            scorer,
            limits=self._limits(),
            want=self._want(),
            batch_tokens=self.section.batch_tokens,
            memory=memory,
        )
        stream = RowStream(rows, self.section, scorer)
        about = {"outputs": list(scorer.output_names), "outputs_are": scorer.outputs_are}
        started = time.monotonic()
        total = sum(stop - start for start, stop in missing)
        with context.progress.task(f"{self.id}: scoring", total=total) as task:
            size = self._first_window()
            for start, stop in missing:
                while start < stop:
                    end = min(start + size, stop)
                    began = time.monotonic()
                    table, vectors = score_rows(
                        stream.read(start, end), engine, self.section, stream
                    )
                    chunks.write(start, end, table, vectors, about)
                    task.advance(end - start)
                    size = self._next_window(size, end - start, time.monotonic() - began)
                    start = end
        if memory is None:
            return time.monotonic() - started, []
        memory.close()
        return time.monotonic() - started, memory.said()

    def _memory(self, context: StepContext, scorer: Scorer) -> ScoreMemory | None:
        """What any run has stored of this model's scores, unless the query says `cache: false`."""
        from pyrite.scoring import open_memory

        step, folder = context.inputs[self.model]
        if not self.section.cache or folder.identity is None:
            return None
        return open_memory(scorer, identity=folder.identity, about=_about(step))

    def _check(self, scorer: Scorer) -> None:
        mistakes = []
        for item in self.section.store:
            needed = _NEEDS.get(item.name)
            if needed and needed not in scorer.capabilities:
                given = ", ".join(sorted(k for k, v in _NEEDS.items() if v in scorer.capabilities))
                mistakes.append(
                    Mistake(
                        Location(""),
                        f"query.{self.id}.store",
                        f"the model {self.model!r} cannot give {item.name!r}",
                        f"it gives: {given}",
                    )
                )
        if mistakes:
            raise ConfigError(mistakes)

    def _limits(self) -> Limits:
        spec = self.section.tokenizer
        return Limits(spec.truncation, spec.max_length)

    def _want(self) -> Want:
        wanted = {
            item.name: Pooled(item.pool, item.layer, item.dtype)
            for item in self.section.store
            if item.name in VECTORS
        }
        return Want(wanted.get("hidden_states"), wanted.get("embeddings"))

    def _pairs(self, rows: RowReader) -> bool:
        return rows.has_pairs and self.section.pairs == "auto"

    def _first_window(self) -> int:
        unit = self._unit()
        size = self.section.save_interval or FIRST_WINDOW
        return max(-(-size // unit) * unit, unit)

    def _next_window(self, size: int, done: int, seconds: float) -> int:
        if self.section.save_interval is not None:
            return size
        wanted = int(done / max(seconds, 1e-3) * SAVE_SECONDS)
        # Grow gently: the rate of a first window says little of the next.
        wanted = min(max(wanted, SMALLEST_WINDOW), LARGEST_WINDOW, 4 * size)
        unit = self._unit()
        return max(wanted // unit * unit, unit)

    def _unit(self) -> int:
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
        return found


def _have(rows: int) -> str:
    return "1 row has" if rows == 1 else f"{rows} rows have"


def _about(step: Step) -> dict[str, Json]:
    """What people call this model."""
    model = step.model  # type: ignore[attr-defined]
    places = (getattr(model, name, None) for name in ("ckpt", "path", "url", "entrypoint"))
    return {"kind": type(model).__name__, "id": model.id, "from": next(filter(None, places), None)}


def _opened(step: Step) -> Scorer:
    model: ModelStep = step  # type: ignore[assignment]
    return model.open()
