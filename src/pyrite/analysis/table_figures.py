"""The figures of one query: distributions, associations, scatter plots, calibration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pyrite.analysis.binned import binned_means
from pyrite.analysis.figures.chart import Chart, shorten
from pyrite.analysis.figures.distribution import Distribution
from pyrite.analysis.figures.forest import Forest, Line
from pyrite.analysis.figures.scatter import (
    HEXAGONS_ABOVE,
    MAX_POINTS,
    Calibration,
    Scatter,
    view_of,
)
from pyrite.analysis.targets import main_target

if TYPE_CHECKING:
    from pyrite.analysis.association import Association
    from pyrite.analysis.columns import Scalar
    from pyrite.analysis.predict import Prediction
    from pyrite.analysis.prepare import Analysed
    from pyrite.config.sections import AnalyzeSection

__all__ = [
    "Drawn",
    "calibrations",
    "distributions",
    "forests",
    "level",
    "rows_in_prompts",
    "scatters",
    "subject",
    "thick_and_thin",
]

MAX_LINES = 20


class Drawn(NamedTuple):
    """A figure of one query.

    Attributes:
        parts: of its file name, without the query's.
        topic: its title, without the model's name.
        brief: the numbers that stand above it where it is one panel of several.
        chart: the figure.
    """

    parts: tuple[str, ...]
    topic: str
    brief: str
    chart: Chart


def subject(one: Analysed) -> str:
    """The model's name, or the query's where it has none."""
    return shorten(one.table.model_id or one.table.id, 60)


def level(confidence: float) -> str:
    """`95 %`."""
    return f"{confidence * 100:g} %"


def _shown(rows: int) -> str:
    points = f"{MAX_POINTS:,} points drawn at random"
    return f"picture: all rows, page: {points}" if rows > HEXAGONS_ABOVE else f"shown: {points}"


def rows_in_prompts(rows: int, groups: int) -> str:
    """`n = 3,610 rows in 1,200 prompts`."""
    return f"n = {rows:,} rows in {groups:,} prompts"


def distributions(section: AnalyzeSection, one: Analysed) -> Iterator[Drawn]:
    """The main score, and every score that the experiment plots."""
    plotted = {plot.y for plot in section.plot} | {main_target(one.targets.values)}
    for target, values in one.targets.values.items():
        if target not in plotted:
            continue
        finite = values[np.isfinite(values)]
        rows = np.flatnonzero(np.isfinite(values))
        size = rows_in_prompts(len(finite), one.scope.clusters.count(rows))
        split = target == "margin"
        caption = f"{size}; {len(values) - len(finite)} rows have no {target}."
        if split:
            below, tied = np.mean(finite < 0), np.mean(finite == 0)
            caption = (
                f"Margin = score of the chosen minus score of the rejected text. {below:.1%} of "
                f"pairs are below 0 (orange), {tied:.1%} are 0. {caption}"
            )
        topic = f"Distribution of {target}"
        chart = Distribution(f"{topic}, {subject(one)}", caption, target, finite, split)
        brief = f"median {np.median(finite):.3g}, n = {len(finite):,}"
        yield Drawn((target, "distribution"), topic, brief, chart)


def forests(
    one: Analysed, associations: Sequence[Association], confidence: float
) -> Iterator[Drawn]:
    """All associations of every target."""
    for target in one.targets.values:
        found = [x for x in associations if x.target == target]
        if not found:
            continue
        found.sort(key=lambda x: -abs(x.spearman.estimate.value))
        shown = found[:MAX_LINES]
        rows = min(x.spearman.estimate.rows for x in shown)
        cut = f" The {MAX_LINES} strongest of {len(found)}." if len(found) > MAX_LINES else ""
        topic = f"What goes with {target}"
        chart = Forest(
            title=f"{topic}, {subject(one)}",
            caption=f"{thick_and_thin(confidence)}{cut} At least "
            f"{rows_in_prompts(rows, min(x.spearman.estimate.groups for x in shown))}.",
            lines=[Line(x.feature, x.spearman, x.within) for x in shown],
        )
        yield Drawn((target, "associations"), topic, "", chart)


def thick_and_thin(confidence: float) -> str:
    """What the two intervals of an association are."""
    return (
        f"Thick: {level(confidence)} interval of one correlation, prompts resampled. Thin: the "
        f"interval that holds for all correlations tried at once. Associations, not effects."
    )


def scatters(
    section: AnalyzeSection,
    one: Analysed,
    associations: Sequence[Association],
    notes: list[str],
) -> Iterator[Drawn]:
    """What the experiment plots; what cannot be drawn leaves a sentence in `notes`."""
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
            association = known.get((plot.y, scalar.name))
            brief = f"Spearman {association.spearman.estimate}" if association else "not measured"
            yield Drawn((plot.y, scalar.name), f"{plot.y} against {scalar.name}", brief, chart)


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
    parts = [rows_in_prompts(len(rows), clusters.count(rows))]
    if len(rows) > MAX_POINTS:
        parts.append(f"{_shown(len(rows))}")
    view = view_of(x)
    if outside := int(np.count_nonzero((x < view[0]) | (x > view[1]))):
        lie = "row lies" if outside == 1 else "rows lie"
        parts.append(f"{outside:,} {lie} beyond the edge of the picture")
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
    caption = "; ".join(parts) + f". Intervals at {level(section.confidence)}, prompts resampled. "
    return Scatter(
        title=f"{target} against {scalar.name}, {subject(one)}",
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


def calibrations(section: AnalyzeSection, one: Analysed) -> Iterator[Drawn]:
    """Predictions against what happened, and the probability that a margin means."""
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
        size = rows_in_prompts(len(rows), one.scope.clusters.count(rows))
        topic = "Is sigmoid(margin) a probability?"
        chart = Calibration(
            title=f"{topic} {subject(one)}",
            caption=f"Pairs in bins of how sure the model is, and how often it prefers the chosen "
            f"text there; below the line it is surer than right. {size}; intervals at "
            f"{level(section.confidence)}, prompts resampled.",
            x_label="sigmoid(|margin|): probability of its own preference",
            y_label="share of pairs in which it prefers the chosen text",
            bins=bins,
        )
        yield Drawn(("margin", "calibration"), topic, f"{len(rows):,} pairs", chart)


def _surrogate(section: AnalyzeSection, one: Analysed, prediction: Prediction) -> Iterator[Drawn]:
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
    topic = f"{surrogate.target} predicted from {', '.join(surrogate.x)}"
    chart = Calibration(
        title=f"{topic}, {subject(one)}",
        caption=f"{surrogate.estimator}, {surrogate.folds} folds of whole prompts; every row is "
        f"predicted by a model that did not see its prompt. R² {surrogate.r2}; "
        f"{rows_in_prompts(surrogate.r2.rows, surrogate.r2.groups)}; intervals at "
        f"{level(section.confidence)}, prompts resampled.",
        x_label=f"{surrogate.target}, predicted out of fold (mean of a bin)",
        y_label=f"{surrogate.target}, actual (mean of a bin)",
        bins=bins,
    )
    parts = (surrogate.target, surrogate.estimator, "surrogate")
    yield Drawn(parts, topic, f"R² {surrogate.r2}", chart)
