"""Which figures an analysis draws, in the order to show them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pyrite.analysis.binned import binned_means
from pyrite.analysis.figures.chart import Chart, Namer, render, shorten
from pyrite.analysis.figures.distribution import Distribution
from pyrite.analysis.figures.forest import Forest, Line
from pyrite.analysis.figures.heatmap import Heatmap
from pyrite.analysis.figures.scatter import (
    HEXAGONS_ABOVE,
    MAX_POINTS,
    Calibration,
    Scatter,
    view_of,
)
from pyrite.analysis.targets import main_target

if TYPE_CHECKING:
    from pyrite.analysis.agreement import Agreement
    from pyrite.analysis.association import Association
    from pyrite.analysis.columns import Scalar
    from pyrite.analysis.predict import Prediction
    from pyrite.analysis.result import Figure
    from pyrite.analysis.run import Analysed
    from pyrite.config.sections import AnalyzeSection

__all__ = ["draw_all"]

MAX_LINES = 20
_Named = tuple[tuple[str, ...], Chart]


def draw_all(
    section: AnalyzeSection,
    analysed: Sequence[Analysed],
    associations: Sequence[Association],
    agreements: Sequence[Agreement],
    *,
    folder: Path,
    notes: list[str],
) -> list[Figure]:
    """Draw every figure; what cannot be drawn leaves a sentence in `notes`."""
    charts: list[_Named] = []
    if agreements:
        charts.append((("agreement",), _agreement(agreements, section.confidence)))
    for one in analysed:
        found = [x for x in associations if x.query == one.table.id]
        charts += _distributions(section, one)
        charts += _forests(one, found, section.confidence)
        charts += _scatters(section, one, found, notes)
        charts += _calibrations(section, one)
    namer = Namer()
    return [render(chart, namer(*parts), folder) for parts, chart in charts]


def _subject(one: Analysed) -> str:
    return shorten(one.table.model_id or one.table.id, 60)


def _level(confidence: float) -> str:
    return f"{confidence * 100:g} %"


def _shown(rows: int) -> str:
    points = f"{MAX_POINTS:,} points drawn at random"
    return f"picture: all rows, page: {points}" if rows > HEXAGONS_ABOVE else f"shown: {points}"


def _size(rows: int, groups: int) -> str:
    return f"n = {rows:,} rows in {groups:,} prompts"


def _agreement(agreements: Sequence[Agreement], confidence: float) -> Chart:
    names = list(dict.fromkeys(n for x in agreements for n in (x.first, x.second)))
    rows = min(x.spearman.rows for x in agreements)
    widest = max((x.spearman.high - x.spearman.low) / 2 for x in agreements)
    return Heatmap(
        title=f"How alike the models rank the same rows ({agreements[0].target})",
        caption=f"Spearman's rank correlation of all pairs; {_level(confidence)} intervals "
        f"resample prompts, none is wider than ±{widest:.2f}. At least "
        f"{_size(rows, min(x.spearman.groups for x in agreements))}.",
        names=names,
        agreements=agreements,
    )


def _distributions(section: AnalyzeSection, one: Analysed) -> Iterator[_Named]:
    plotted = {plot.y for plot in section.plot} | {main_target(one.table, one.targets)}
    for target, values in one.targets.values.items():
        if target not in plotted:
            continue
        finite = values[np.isfinite(values)]
        rows = np.flatnonzero(np.isfinite(values))
        size = _size(len(finite), one.scope.clusters.count(rows))
        split = target == "margin"
        caption = f"{size}; {len(values) - len(finite)} rows have no {target}."
        if split:
            below, tied = np.mean(finite < 0), np.mean(finite == 0)
            caption = (
                f"Margin = score of the chosen minus score of the rejected text. {below:.1%} of "
                f"pairs are below 0 (orange), {tied:.1%} are 0. {caption}"
            )
        title = f"Distribution of {target}, {_subject(one)}"
        yield (
            (one.table.id, target, "distribution"),
            Distribution(title, caption, target, finite, split),
        )


def _forests(
    one: Analysed, associations: Sequence[Association], confidence: float
) -> Iterator[_Named]:
    for target in one.targets.values:
        found = [x for x in associations if x.target == target]
        if not found:
            continue
        found.sort(key=lambda x: -abs(x.spearman.estimate.value))
        shown = found[:MAX_LINES]
        rows = min(x.spearman.estimate.rows for x in shown)
        cut = f" The {MAX_LINES} strongest of {len(found)}." if len(found) > MAX_LINES else ""
        yield (
            (one.table.id, target, "associations"),
            Forest(
                title=f"What goes with {target}, {_subject(one)}",
                caption=f"Thick: {_level(confidence)} interval of one correlation, prompts "
                f"resampled. Thin: the interval that holds for all correlations tried at once. "
                f"Associations, not effects.{cut} At least "
                f"{_size(rows, min(x.spearman.estimate.groups for x in shown))}.",
                lines=[Line(x.feature, x.spearman, x.within) for x in shown],
            ),
        )


def _scatters(
    section: AnalyzeSection,
    one: Analysed,
    associations: Sequence[Association],
    notes: list[str],
) -> Iterator[_Named]:
    known = {(x.target, x.feature): x for x in associations}
    for plot in section.plot:
        if plot.y not in one.targets.values:
            continue  # why not stands in the notes of its target
        for name in plot.x:
            if one.columns.embedding(name) is not None:
                notes.append(
                    f"{one.table.id}: {plot.y} against {name} was not drawn, because an embedding "
                    f"is many columns; use it in `predict`."
                )
                continue
            scalar = one.columns.scalar(name, plot.y)
            chart = None if scalar is None else _scatter(section, one, plot.y, scalar, known)
            if scalar is None or chart is None:
                notes.append(
                    f"{one.table.id}: {plot.y} against {name} was not drawn, because {name} has no "
                    f"number in its rows or the same in all."
                )
                continue
            yield (one.table.id, plot.y, scalar.name), chart


def _scatter(
    section: AnalyzeSection,
    one: Analysed,
    target: str,
    scalar: Scalar,
    known: dict[tuple[str, str], Association],
) -> Chart | None:
    y = one.targets.values[target]
    rows = np.flatnonzero(np.isfinite(y) & np.isfinite(scalar.values))
    if not len(rows) or np.ptp(scalar.values[rows]) == 0:
        return None
    x, y = scalar.values[rows], y[rows]
    clusters = one.scope.clusters
    parts = [_size(len(rows), clusters.count(rows))]
    if len(rows) > MAX_POINTS:
        parts.append(f"{_shown(len(rows))}")
    view = view_of(x)
    if outside := int(np.count_nonzero((x < view[0]) | (x > view[1]))):
        parts.append(f"{outside:,} rows lie beyond the edge of the picture")
    association = known.get((target, scalar.name))
    line = None
    if association is None:
        parts.append("the association was not measured (see the notes)")
    else:
        slope = association.slope.value
        line = (float(y.mean() - slope * x.mean()), slope)
        per = f" per unit ({scalar.unit})" if scalar.unit else " per unit"
        parts.insert(
            0,
            f"Spearman {association.spearman.estimate}, slope {slope:.3g} "
            f"[{association.slope.low:.3g}, {association.slope.high:.3g}]{per}",
        )
    caption = "; ".join(parts) + f". Intervals at {_level(section.confidence)}, prompts resampled. "
    return Scatter(
        title=f"{target} against {scalar.name}, {_subject(one)}",
        caption=caption + "An association, not an effect.",
        x_label=f"{scalar.name} ({scalar.unit})" if scalar.unit else scalar.name,
        y_label=target,
        x=x,
        y=y,
        bins=binned_means(clusters, rows, x, y, confidence=section.confidence),
        line=line,
        view=view,
        seed=section.seed,
    )


def _calibrations(section: AnalyzeSection, one: Analysed) -> Iterator[_Named]:
    for prediction in one.predictions:
        yield from _surrogate(section, one, prediction)
    margin = one.targets.values.get("margin")
    if not one.table.pairs or margin is None:
        return
    rows = np.flatnonzero(np.isfinite(margin))
    sure = 1 / (1 + np.exp(-np.abs(margin[rows])))
    right = np.where(margin[rows] == 0, 0.5, margin[rows] > 0)
    bins = binned_means(
        one.scope.clusters, rows, sure, right, confidence=section.confidence, bins=8
    )
    if bins:
        size = _size(len(rows), one.scope.clusters.count(rows))
        chart = Calibration(
            title=f"Is sigmoid(margin) a probability? {_subject(one)}",
            caption=f"Pairs in bins of how sure the model is, and how often it prefers the chosen "
            f"text there; below the line it is surer than right. {size}; intervals at "
            f"{_level(section.confidence)}, prompts resampled.",
            x_label="sigmoid(|margin|): probability of its own preference",
            y_label="share of pairs in which it prefers the chosen text",
            bins=bins,
        )
        yield (one.table.id, "margin", "calibration"), chart


def _surrogate(section: AnalyzeSection, one: Analysed, prediction: Prediction) -> Iterator[_Named]:
    surrogate, values = prediction.surrogate, prediction.values
    bins = binned_means(
        one.scope.clusters,
        values.rows,
        values.predicted,
        values.actual,
        confidence=section.confidence,
    )
    if not bins:
        return
    chart = Calibration(
        title=f"{surrogate.target} predicted from {', '.join(surrogate.x)}, {_subject(one)}",
        caption=f"{surrogate.estimator}, {surrogate.folds} folds of whole prompts; every row is "
        f"predicted by a model that did not see its prompt. R² {surrogate.r2}; "
        f"{_size(surrogate.r2.rows, surrogate.r2.groups)}; intervals at "
        f"{_level(section.confidence)}, prompts resampled.",
        x_label=f"{surrogate.target}, predicted out of fold (mean of a bin)",
        y_label=f"{surrogate.target}, actual (mean of a bin)",
        bins=bins,
    )
    yield (one.table.id, surrogate.target, surrogate.estimator, "surrogate"), chart
