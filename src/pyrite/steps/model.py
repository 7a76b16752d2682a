"""The `model` step: opens a reward model when a query needs it, and records what was opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

from pyrite.errors import ModelError
from pyrite.executors import Executor, Pool
from pyrite.executors.local import Local
from pyrite.models import Model, Scorer
from pyrite.sources import resolve_commit
from pyrite.steps import Step, StepContext, StepResult
from pyrite.types import Json

if TYPE_CHECKING:
    from pyrite.scoring.opening import About
    from pyrite.store import StepFolder

__all__ = ["ModelStep", "model_input"]


@dataclass
class ModelStep(Step):
    """Open one model; it stays open for the queries that require it.

    With an `executor` that has workers of its own the weights are read by these and not here: what
    must be known of the model (capabilities, outputs, facts) comes from the first worker.
    """

    kind: ClassVar[str] = "model"

    model: Model
    resolved: Mapping[str, str] = field(default_factory=dict)
    executor: Executor = field(default_factory=Local, compare=False)
    _pools: dict[str, Pool] = field(default_factory=dict, compare=False)

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
        about: About = self.workers().about
        facts = dict(about.facts)
        return StepResult(
            meta={
                "entrypoint": type(self.model).__name__,
                "capabilities": sorted(about.capabilities),
                "outputs": list(about.output_names),
                "unravel": about.default_unravel,
                "facts": facts,
                "content": dict(self.fingerprints()),
            },
            notes=tuple(f"{self.id}: {note}" for note in facts.get("notes", ())),
        )

    def workers(self) -> Pool:
        """The workers that have the model open, as the experiment's `engine` says.

        Raises:
            ModelError: it would not be scored as trained.
        """
        return self._pool(self.executor)

    def open(self) -> Scorer:
        """The scorer opened in this process; weights are read once.

        Raises:
            ModelError: it would not be scored as trained.
        """
        here: Any = self._pool(Local()).here
        scorer: Scorer = here.scorer
        return scorer

    def _pool(self, executor: Executor) -> Pool:
        where = "here" if isinstance(executor, Local) else "workers"
        if where not in self._pools:
            from pyrite.scoring.opening import ModelOpening

            before = dict(self.fingerprints())
            pool = self._pools[where] = executor.start(ModelOpening(self.model))
            moved = {k for k, v in pool.content.items() if v and before.get(k) not in (None, v)}
            if moved:
                raise ModelError(
                    f"{self.id}: {', '.join(sorted(moved))} changed while the model was being "
                    "opened, or is not the same on the machine of a worker; run again, or pin "
                    "`revision`"
                )
        return self._pools[where]

    def called(self) -> dict[str, Json]:
        """What people call this model: its kind, its name, and where it comes from."""
        places = (getattr(self.model, x, None) for x in ("ckpt", "path", "url", "entrypoint"))
        origin = next(filter(None, places), None)
        return {"kind": type(self.model).__name__, "id": self.model.id, "from": origin}

    def close(self) -> None:
        """Give the weights' memory back and end the workers."""
        while self._pools:
            _, pool = self._pools.popitem()
            pool.close()


def model_input(context: StepContext, name: str) -> tuple[ModelStep, StepFolder]:
    """The required model step of this name, and its folder."""
    step, folder = context.inputs[name]
    assert isinstance(step, ModelStep)
    return step, folder
