"""The `model` step: opens a reward model when a query needs it, and records what was opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from pyrite.errors import ModelError
from pyrite.models import Model, Scorer
from pyrite.sources import Source, resolve_commit
from pyrite.steps import Step, StepContext, StepResult
from pyrite.types import Json

__all__ = ["ModelStep"]


@dataclass
class ModelStep(Step):
    """Open one model; the opened scorer stays in memory for the queries that require it."""

    kind: ClassVar[str] = "model"

    model: Model
    scorer: Scorer | None = field(default=None, compare=False)

    @property
    def id(self) -> str:  # type: ignore[override]
        """The model's name."""
        return self.model.id

    def declared(self) -> Json:
        """The fields of the model that change its scores."""
        return self.model.identity()

    def fingerprints(self) -> Mapping[str, str | None]:
        """Hashes of local files and commits of hub repositories, by role."""
        return {role: source.fingerprint() for role, source in self.model.sources().items()}

    def pin(self) -> ModelStep:
        """Fix the hub revision of the model's own repository to the commit it names now."""
        main = _hub_source(self.model)
        if main is None:
            return self
        commit = resolve_commit(main.repo, main.revision, main.kind)
        update: dict[str, Any] = {"revision": commit}
        return replace(self, model=self.model.model_copy(update=update))

    def run(self, context: StepContext) -> StepResult:
        """Open the model and record what was found.

        Raises:
            ModelError: it would not be scored as trained.
        """
        scorer = self.open()
        facts = dict(scorer.facts)
        return StepResult(
            meta={
                "entrypoint": type(self.model).__name__,
                "capabilities": sorted(scorer.capabilities),
                "outputs": list(scorer.output_names),
                "unravel": scorer.default_unravel,
                "facts": facts,
                "content": dict(self.fingerprints()),
            },
            notes=tuple(f"{self.id}: {note}" for note in facts.get("notes", ())),
        )

    def open(self) -> Scorer:
        """The opened scorer; weights are read once."""
        if self.scorer is None:
            before = dict(self.fingerprints())
            self.scorer = self.model.open()
            moved = {k: v for k, v in self.fingerprints().items() if before.get(k) not in (None, v)}
            if moved:
                raise ModelError(
                    f"{self.id}: {', '.join(moved)} changed while the model was being opened; "
                    "run again, or pin `revision`"
                )
        return self.scorer

    def close(self) -> None:
        """Give the weights' memory back."""
        if self.scorer is not None:
            self.scorer.close()
            self.scorer = None


def _hub_source(model: Model) -> Source | None:
    path = getattr(model, "path", None)
    sources = model.sources().values()
    return next((s for s in sources if s.repo and s.repo == path), None)
