"""Scoring rows with a query's settings, as a task that any worker can do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pyarrow as pa

from pyrite.config.names import VECTORS
from pyrite.config.sections import QuerySection
from pyrite.executors import Result, Task, Work
from pyrite.models import Limits, Pooled, Scorer, Want
from pyrite.scoring import Engine, ScoreMemory, open_memory
from pyrite.scoring.memory import Counts
from pyrite.scoring.opening import OpenedModel
from pyrite.steps.rows import Renderer
from pyrite.steps.scoring_rows import score_rows
from pyrite.types import Json

__all__ = ["Recalled", "ScoreTask"]


@dataclass
class Recalled:
    """What the score store gave while some rows were scored, and what it has to say."""

    counts: Counts = field(default_factory=Counts)
    notes: list[str] = field(default_factory=list)

    def add(self, other: Recalled) -> None:
        """Count another part; the same note is kept once."""
        for name, value in vars(other.counts).items():
            setattr(self.counts, name, getattr(self.counts, name) + value)
        self.notes += [note for note in other.notes if note not in self.notes]

    def said(self) -> list[str]:
        """Sentences for the user."""
        return [sentence for sentence in (self.counts.sentence(), *self.notes) if sentence]


@dataclass(frozen=True)
class ScoreTask(Task):
    """Score rows as a query says.

    Attributes:
        section: the query.
        identity: of the model step, for the score store; None computes every score.
        called: what people call the model, for `pyrite cache`.
    """

    section: QuerySection
    identity: str | None = None
    called: Mapping[str, Json] = field(default_factory=dict)

    def prepare(self, opened: OpenedModel) -> Work:
        """An engine over the opened model."""
        memory = None
        if self.section.cache and self.identity is not None:
            memory = open_memory(opened.scorer, identity=self.identity, about=self.called)
        return _Scoring(self.section, opened.scorer, memory)


class _Scoring(Work):
    def __init__(self, section: QuerySection, scorer: Scorer, memory: ScoreMemory | None) -> None:
        self._section = section
        self._memory = memory
        self._renderer = Renderer(section, scorer)
        spec = section.tokenizer
        self._engine = Engine(
            scorer,
            limits=Limits(spec.truncation, spec.max_length),
            want=_want(section),
            batch_tokens=section.batch_tokens,
            memory=memory,
        )

    def do(self, rows: pa.Table) -> Result:
        memory = self._memory
        before = replace(memory.counts) if memory else Counts()
        table, vectors = score_rows(rows, self._engine, self._section, self._renderer)
        if memory is None:
            return Result(table, vectors, Recalled())
        notes = [text for text in memory.said() if text != memory.counts.sentence()]
        part = {name: value - getattr(before, name) for name, value in vars(memory.counts).items()}
        return Result(table, vectors, Recalled(Counts(**part), notes))

    def close(self) -> None:
        if self._memory is not None:
            self._memory.close()


def _want(section: QuerySection) -> Want:
    wanted = {
        item.name: Pooled(item.pool, item.layer, item.dtype)
        for item in section.store
        if item.name in VECTORS
    }
    every = any(item.name == "token_rewards" for item in section.store)
    return Want(wanted.get("hidden_states"), wanted.get("embeddings"), every)
