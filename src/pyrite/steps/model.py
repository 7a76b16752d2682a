"""The `model` step: opens a reward model when a query needs it, and records what was opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from pyrite.errors import ModelError
from pyrite.models import Model, Scorer
from pyrite.sources import resolve_commit
from pyrite.steps import Step, StepContext, StepResult
from pyrite.types import Json

__all__ = ["ModelStep"]


@dataclass
class ModelStep(Step):
    """Open one model; the opened scorer stays in memory for the queries that require it."""

    kind: ClassVar[str] = "model"

    model: Model
    resolved: Mapping[str, str] = field(default_factory=dict)
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
        sources = self.model.sources()
        return {r: self.resolved.get(r) or source.fingerprint() for r, source in sources.items()}

    def pin(self) -> ModelStep:
        """Fix the model's own repository, and learn the others', to what they name now."""
        sources = {r: source for r, source in self.model.sources().items() if source.repo}
        commits = {r: resolve_commit(s.repo, s.revision, s.kind) for r, s in sources.items()}
        resolved = {role: f"commit:{commit}" for role, commit in commits.items()}
        own = [r for r, s in sources.items() if s.repo == getattr(self.model, "path", None)]
        update: dict[str, Any] = {"revision": commits[own[0]]} if own else {}
        model = self.model.model_copy(update=update).pinned()
        return replace(self, model=model, resolved=resolved)

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
            after = {role: s.fingerprint() for role, s in self.model.sources().items()}
            moved = {k for k, v in after.items() if v and before.get(k) not in (None, v)}
            if moved:
                raise ModelError(
                    f"{self.id}: {', '.join(sorted(moved))} changed while the model was being "
                    "opened; run again, or pin `revision`"
                )
        return self.scorer

    def close(self) -> None:
        """Give the weights' memory back."""
        if self.scorer is not None:
            self.scorer.close()
            self.scorer = None
