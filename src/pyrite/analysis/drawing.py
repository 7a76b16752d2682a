"""Which figures an analysis draws, in the order to show them.

More than `MAX_SINGLE` queries over the same rows share their figures: one forest with all models,
and one page of panels for each distribution and each plot, so that ten models can be compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pyrite.analysis.figures.chart import Chart, Namer, render
from pyrite.analysis.figures.dots import Dots
from pyrite.analysis.figures.grid import MAX_PANELS, Grid, Panel
from pyrite.analysis.figures.heatmap import Heatmap
from pyrite.analysis.figures.models_forest import MAX_MARKS, ModelsForest
from pyrite.analysis.table_figures import (
    Drawn,
    calibrations,
    distributions,
    forests,
    level,
    rows_in_prompts,
    scatters,
    subject,
    thick_and_thin,
)

if TYPE_CHECKING:
    from pyrite.analysis.agreement import Agreement
    from pyrite.analysis.association import Association, Corrected
    from pyrite.analysis.measures import Measure
    from pyrite.analysis.prepare import Analysed
    from pyrite.analysis.result import Figure
    from pyrite.config.sections import AnalyzeSection

__all__ = ["Found", "draw_all"]

MAX_SINGLE = 3
MAX_FEATURES = 20
_Named = tuple[tuple[str, ...], Chart]

_COMPARED = {
    "accuracy": "Share of pairs in which the chosen text has the higher score",
    "rank correlation with gold": "Spearman's rank correlation of {target} with {against}",
    "auroc": "AUROC of {target} for {against}",
    "auroc within prompts": "AUROC of {target} for {against}, within prompts",
}


@dataclass(frozen=True)
class Found:
    """The numbers that figures show."""

    associations: Sequence[Association]
    measures: Sequence[Measure]
    agreements: Sequence[Agreement]


def draw_all(
    section: AnalyzeSection,
    analysed: Sequence[Analysed],
    found: Found,
    *,
    folder: Path,
    notes: list[str],
) -> list[Figure]:
    """Draw every figure; what cannot be drawn leaves a sentence in `notes`."""
    confidence = section.confidence
    charts = list(_comparisons(found.measures, confidence))
    if found.agreements:
        charts.append((("agreement",), _agreement(found.agreements, confidence)))
    if len(analysed) > MAX_SINGLE and len({one.rows for one in analysed}) == 1:
        charts += _together(section, analysed, found, notes)
    else:
        for one in analysed:
            own = [x for x in found.associations if x.query == one.table.id]
            drawn = [
                *distributions(section, one),
                *forests(one, own, confidence),
                *scatters(section, one, own, notes),
                *calibrations(section, one),
            ]
            charts += [((one.table.id, *x.parts), x.chart) for x in drawn]
    namer = Namer()
    return [render(chart, namer(*parts), folder) for parts, chart in charts]


def _comparisons(measures: Sequence[Measure], confidence: float) -> Iterator[_Named]:
    """Accuracy and agreement with gold of all models, where there are several."""
    for name, label in _COMPARED.items():
        own = [x for x in measures if x.name == name]
        if len(own) < 2 or len({(x.target, x.against) for x in own}) > 1:
            continue
        models = [x.model for x in own]
        label = label.format(target=own[0].target, against=own[0].against)
        rows, groups = (min(getattr(x.estimate, n) for x in own) for n in ("rows", "groups"))
        yield (
            (name,),
            Dots(
                title=f"{label}, by model",
                caption=f"{level(confidence)} intervals, prompts resampled. At least "
                f"{rows_in_prompts(rows, groups)}. Overlapping intervals do not show that two "
                f"models are equal: the same rows are behind both.",
                label=label,
                names=models if len(set(models)) == len(models) else [x.query for x in own],
                estimates=[x.estimate for x in own],
                chance=own[0].chance,
            ),
        )


def _agreement(agreements: Sequence[Agreement], confidence: float) -> Chart:
    names = list(dict.fromkeys(n for x in agreements for n in (x.first, x.second)))
    rows = min(x.spearman.rows for x in agreements)
    widest = max((x.spearman.high - x.spearman.low) / 2 for x in agreements)
    return Heatmap(
        title=f"How alike the models rank the same rows ({agreements[0].target})",
        caption=f"Spearman's rank correlation of all pairs; {level(confidence)} intervals "
        f"resample prompts, none is wider than ±{widest:.2f}. At least "
        f"{rows_in_prompts(rows, min(x.spearman.groups for x in agreements))}.",
        names=names,
        agreements=agreements,
    )


def _together(
    section: AnalyzeSection, analysed: Sequence[Analysed], found: Found, notes: list[str]
) -> Iterator[_Named]:
    panels: dict[tuple[str, ...], list[tuple[Analysed, Drawn]]] = {}
    for one in analysed:
        own = [x for x in found.associations if x.query == one.table.id]
        drawn = [
            *distributions(section, one),
            *scatters(section, one, own, notes),
            *calibrations(section, one),
        ]
        for each in drawn:
            panels.setdefault(each.parts, []).append((one, each))
    yield from _models_forests(analysed, found.associations, section.confidence)
    for parts, each_model in panels.items():
        for start in range(0, len(each_model), MAX_PANELS):
            yield parts, _grid(each_model[start : start + MAX_PANELS], section.confidence)


def _grid(panels: Sequence[tuple[Analysed, Drawn]], confidence: float) -> Grid:
    charts = [Panel(subject(one), x.brief, x.chart) for one, x in panels]
    numbers = (
        f" Above a panel: the estimate with its {level(confidence)} interval, prompts resampled."
    )
    return Grid(
        title=f"{panels[0][1].topic}, {len(panels)} models",
        caption="One panel per model, each with scales of its own."
        + numbers * any("[" in panel.brief for panel in charts)
        + " Associations, not effects." * any("Spearman" in panel.brief for panel in charts),
        panels=charts,
    )


def _models_forests(
    analysed: Sequence[Analysed], associations: Sequence[Association], confidence: float
) -> Iterator[_Named]:
    queries = [one.table.id for one in analysed]
    names = [subject(one) for one in analysed]
    for target in dict.fromkeys(x.target for x in associations):
        for kind, words in (("spearman", ""), ("within", " within prompts")):
            tests: dict[str, dict[str, Corrected]] = {}
            for each in associations:
                test = getattr(each, kind)
                if each.target == target and test is not None:
                    tests.setdefault(each.feature, {})[each.query] = test
            if not tests:
                continue
            features = sorted(tests, key=lambda feature: -_strongest(tests[feature]))
            shown = features[: max(3, min(MAX_FEATURES, MAX_MARKS // len(queries)))]
            cut = f" The {len(shown)} strongest of {len(features)}." * (len(shown) < len(features))
            sizes = [test.estimate for feature in shown for test in tests[feature].values()]
            rows, groups = min(x.rows for x in sizes), min(x.groups for x in sizes)
            chart = ModelsForest(
                title=f"What goes with {target}{words}, {len(queries)} models",
                caption=f"{thick_and_thin(confidence)}{cut} At least "
                f"{rows_in_prompts(rows, groups)}.",
                label=f"Spearman's rank correlation with {target}{words}",
                features=shown,
                models=names,
                tests=[[tests[feature].get(query) for query in queries] for feature in shown],
            )
            yield (target, "associations", words), chart


def _strongest(tests: dict[str, Corrected]) -> float:
    return max(abs(test.estimate.value) for test in tests.values())
