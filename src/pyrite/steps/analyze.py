"""The `analyze` step: features, associations, surrogates and figures over queries' tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pyrite.config.sections import AnalyzeSection
from pyrite.steps import Step, StepContext, StepResult
from pyrite.types import Json

__all__ = ["AnalyzeStep"]


@dataclass
class AnalyzeStep(Step):
    """Analyse the tables of one or several queries."""

    kind: ClassVar[str] = "analyze"
    VERSION: ClassVar[int] = 1

    section: AnalyzeSection
    requires: tuple[str, ...]

    @property
    def id(self) -> str:  # type: ignore[override]
        """The analysis's name."""
        return self.section.id

    def declared(self) -> Json:
        """All fields; the names of the queries label its tables and figures."""
        return {**self.section.identity(), "queries": list(self.requires)}

    def run(self, context: StepContext) -> StepResult:
        """Analyse; everything is written below this step's folder.

        Raises:
            AnalysisError: a target, feature or estimator that does not exist.
        """
        from pyrite.analysis import analyse

        tables = [context.table(name) for name in self.requires]
        result = analyse(self.section, tables, out=context.folder.path)
        figures = [
            {
                "name": figure.name,
                "title": figure.title,
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
                "summary": dict(result.summary()),
            },
            notes=tuple(f"{self.id}: {text}" for text in (*result.findings(), *result.notes)),
            scalars=dict(result.summary()),
        )
