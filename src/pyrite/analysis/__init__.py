"""Analysis of queries: features, associations, surrogates and figures.

`analyse` measures features on the texts of queries and says how scores go with them, how well they
can be predicted, how they agree with gold and with one another. All of it is observational: an
association says where to look, never that a feature moves the score. A feature that a good answer
happens to have goes with the score of a good model too; what moves a score is shown by editing
texts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyrite.analysis.association import Association
    from pyrite.analysis.measures import Measure
    from pyrite.analysis.result import AnalysisResult, Figure
    from pyrite.analysis.run import analyse
    from pyrite.analysis.surrogate import Surrogate

__all__ = ["AnalysisResult", "Association", "Figure", "Measure", "Surrogate", "analyse"]

_HOMES = {
    "AnalysisResult": "result",
    "Association": "association",
    "Figure": "result",
    "Measure": "measures",
    "Surrogate": "surrogate",
    "analyse": "run",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
