"""The `analyze` step: features, associations, surrogates and figures over queries' tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

from pyrite.config.sections import AnalyzeSection
from pyrite.features import FEATURES
from pyrite.files import write_text
from pyrite.sources import Source, locate, weight_files
from pyrite.steps import Step, StepContext, StepResult
from pyrite.steps.model_view import views
from pyrite.types import Json

if TYPE_CHECKING:
    from pyrite.embedding import Embedder

__all__ = ["FINDINGS", "AnalyzeStep"]

FINDINGS = "findings.txt"
TABLES = ("associations", "surrogates", "measures", "agreements")


@dataclass
class AnalyzeStep(Step):
    """Analyse the tables of one or several queries."""

    kind: ClassVar[str] = "analyze"
    VERSION: ClassVar[int] = 1

    section: AnalyzeSection
    requires: tuple[str, ...]
    resolved: Mapping[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:  # type: ignore[override]
        """The analysis's name."""
        return self.section.id

    def declared(self) -> Json:
        """All fields; the names of the queries label its tables and figures."""
        names = [item.name for item in self.section.compute if item.name != "embedding"]
        code = [FEATURES.get(name).code_identity() for name in names]
        return {**self.section.identity(), "queries": list(self.requires), "features": code}

    def fingerprints(self) -> Mapping[str, str | None]:
        """Content of the sentence embedding models; local folders are known offline."""
        found: dict[str, str | None] = {}
        for name, embedder in self._embedders().items():
            local = locate(embedder.path)
            source = Source(local.name, tuple(weight_files(local))) if local else None
            found[name] = self.resolved.get(name) or (source.fingerprint() if source else None)
        return found

    def pin(self) -> AnalyzeStep:
        """Resolve the sentence embedding models that are not local (may ask the network)."""
        remote = {n: e for n, e in self._embedders().items() if locate(e.path) is None}
        resolved = {name: e.source().fingerprint() or "" for name, e in remote.items()}
        return replace(self, resolved=resolved)

    def _embedders(self) -> dict[str, Embedder]:
        """The sentence embeddings that are computed, by their id."""
        from pyrite.embedding import EMBEDDERS

        kind: type[Embedder] = EMBEDDERS.get("sentence")  # type: ignore[assignment]
        found = {}
        for item in self.section.compute:
            if item.name == "embedding" and item.args.get("type", "sentence") == "sentence":
                fields = {name: value for name, value in item.args.items() if name != "type"}
                found[item.id] = kind(**fields)
        return found

    def run(self, context: StepContext) -> StepResult:
        """Analyse; everything is written below this step's folder.

        Raises:
            AnalysisError: a target, feature or estimator that does not exist.
        """
        from pyrite.analysis import analyse

        tables = [view for name in self.requires for view in views(context.table(name))]
        with context.progress.task(f"{self.id}: analysing"):
            result = analyse(self.section, tables, out=context.folder.path)
        write_text(context.folder.path / FINDINGS, "".join(f"{x}\n" for x in result.findings()))
        figures = [
            {
                "name": figure.name,
                "title": figure.title,
                "caption": figure.caption,
                "png": str(figure.png.relative_to(context.folder.path)),
                "html": str(figure.html.relative_to(context.folder.path)),
            }
            for figure in result.figures
        ]
        return StepResult(
            meta={
                "figures": figures,
                "findings": list(result.findings()),
                "notes": list(result.notes),
                "tables": [f"{name}.parquet" for name in TABLES],
            },
            notes=tuple(f"{self.id}: {text}" for text in result.notes),
            scalars=dict(result.summary()),
        )
