"""`analyse`: from the tables of queries to features, statistics and figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pyrite.analysis.agreement import Agreement, agreements
from pyrite.analysis.association import Association, Pairing, associate
from pyrite.analysis.embeddings import check_embeddings
from pyrite.analysis.estimators import build_estimator
from pyrite.analysis.measure import write_measured
from pyrite.analysis.measures import Measure, against_gold, pair_accuracy, pair_calibration
from pyrite.analysis.predict import predict
from pyrite.analysis.prepare import Analysed, Preparation
from pyrite.analysis.resample import MIN_GROUPS
from pyrite.analysis.result import AnalysisResult
from pyrite.analysis.surface import sign_accuracy, surface_share
from pyrite.analysis.surrogate import Surrogate
from pyrite.analysis.targets import check_names, main_target

if TYPE_CHECKING:
    from pyrite.config.sections import AnalyzeSection
    from pyrite.tables import QueryTable

__all__ = ["Progress", "analyse"]

Progress = Callable[[str], None]
"""Called with a short sentence when a part of the work begins."""


def analyse(
    section: AnalyzeSection,
    tables: Sequence[QueryTable],
    *,
    out: Path,
    progress: Progress | None = None,
) -> AnalysisResult:
    """Analyse queries and write features, tables and figures below `out`.

    Args:
        section: what to compute, predict and plot.
        tables: the queries, in the order to show them.
        out: folder; gets `features.<query>.parquet`, `associations.parquet`, `surrogates.parquet`,
            `measures.parquet`, `agreements.parquet` and `figures/`.
        progress: told what is being done.

    Raises:
        AnalysisError: a target, feature, column or estimator that does not exist.
        ComponentError: no feature has a name that `compute` gives.
    """
    from pyrite.analysis.drawing import Found, draw_all

    say = progress or (lambda _: None)
    _check(section, tables)
    out.mkdir(parents=True, exist_ok=True)
    notes: list[str] = []
    measured: dict[str, Path] = {}
    analysed = []
    prepare = Preparation(section, alone=len(tables) == 1)
    for table in tables:
        say(f"features of {table.id}")
        analysed.append(prepare(table))
        measured[table.id] = write_measured(table, analysed[-1].columns.measured, out)
    notes += prepare.notes
    say("associations")
    associations = _associate(section, analysed, notes)
    say("predictions and measures")
    surrogates, measures = _predictions(section, analysed, notes)
    found_agreements = _agree(section, analysed, notes)
    say("figures")
    figures = draw_all(
        section,
        analysed,
        Found(associations, measures, found_agreements),
        folder=out / "figures",
        notes=notes,
    )
    result = AnalysisResult(
        id=section.id,
        measured=measured,
        associations=tuple(associations),
        surrogates=tuple(surrogates),
        measures=tuple(measures),
        agreements=tuple(found_agreements),
        figures=tuple(figures),
        notes=tuple(dict.fromkeys(notes)),
        confidence=section.confidence,
    )
    result.write_tables(out)
    return result


def _check(section: AnalyzeSection, tables: Sequence[QueryTable]) -> None:
    check_names(section, tables)
    check_embeddings(section.compute)
    for spec in section.estimators:
        build_estimator(spec, seed=section.seed)


def _predictions(
    section: AnalyzeSection, analysed: Sequence[Analysed], notes: list[str]
) -> tuple[list[Surrogate], list[Measure]]:
    surrogates: list[Surrogate] = []
    measures: list[Measure] = []
    for one in analysed:
        surrogates += _predict(section, one, notes)
        shares, found = _measures(section, one, notes)
        surrogates += shares
        measures += found
    return surrogates, measures


def _associate(
    section: AnalyzeSection, analysed: Sequence[Analysed], notes: list[str]
) -> list[Association]:
    work = []
    for one in analysed:
        if one.scope.clusters.num_groups < MIN_GROUPS:
            notes.append(
                f"{one.table.id}: associations were not measured, because the rows come from "
                f"{one.scope.clusters.num_groups} prompts and at least {MIN_GROUPS} are needed."
            )
            continue
        flat = _flat_features(one, notes)
        pairings = [
            Pairing(one.table.id, one.table.model_id, target, x.name, x.unit, values, x.values)
            for target, values in one.targets.values.items()
            for x in one.features[target]
            if x.name not in flat
        ]
        work.append((one.scope.clusters, pairings))
    found, sentences = associate(work, confidence=section.confidence)
    notes += sentences
    return found


def _flat_features(one: Analysed, notes: list[str]) -> set[str]:
    # Told once per feature, not once per target.
    flat = set()
    for scalar in {x.name: x for xs in one.features.values() for x in xs}.values():
        finite = scalar.values[np.isfinite(scalar.values)]
        if len(finite) and np.ptp(finite) > 0:
            continue
        flat.add(scalar.name)
        because = f"it is {finite[0]:g} in every row" if len(finite) else "no row has a number"
        notes.append(
            f"{one.table.id}: associations with {scalar.name} were not measured, because {because}."
        )
    return flat


def _predict(section: AnalyzeSection, one: Analysed, notes: list[str]) -> list[Surrogate]:
    specs = {spec.id: spec for spec in section.estimators}
    found = []
    for item in section.predict:
        if item.target not in one.targets.values:
            continue  # why not stands in the notes of its target
        prediction = predict(
            item,
            specs[item.estimator],
            columns=one.columns,
            scope=one.scope,
            y=one.targets.values[item.target],
            notes=notes,
        )
        if prediction is not None:
            one.predictions.append(prediction)
            found.append(prediction.surrogate)
    return found


def _measures(
    section: AnalyzeSection, one: Analysed, notes: list[str]
) -> tuple[list[Surrogate], list[Measure]]:
    scope, targets = one.scope, one.targets.values
    results: list[Measure | str] = []
    if one.table.pairs and "margin" in targets:
        results.append(pair_accuracy(scope, "margin", targets["margin"]))
        results += pair_calibration(scope, "margin", targets["margin"])
    main = main_target(one.targets.values)
    if section.gold is not None and main is not None and main != section.gold:
        if section.gold in one.table.columns:
            gold = one.table.numbers(section.gold)
            results += against_gold(scope, main, targets[main], gold=section.gold, values=gold)
        else:
            because = f"the query has no column {section.gold}"
            results.append(scope.not_measured("the agreement with gold", because))
    surrogates: list[Surrogate] = []
    if main is not None and section.compute:
        features = one.columns.features(main)
        if features:
            surrogates, told = surface_share(scope, main, targets[main], features)
            notes += told
            if one.table.pairs and main == "margin":
                signs, told = sign_accuracy(scope, main, targets[main], features)
                results += signs
                notes += told
    notes += [x for x in results if isinstance(x, str)]
    return surrogates, [x for x in results if isinstance(x, Measure)]


def _agree(
    section: AnalyzeSection, analysed: Sequence[Analysed], notes: list[str]
) -> list[Agreement]:
    mains = {main_target(one.targets.values) for one in analysed}
    if len(analysed) < 2 or len(mains) != 1 or None in mains:
        return []
    if len({one.rows for one in analysed}) > 1:
        notes.append(
            "The agreement of the models was not measured, because the queries do not hold the "
            "same rows in the same order."
        )
        return []
    target = next(iter(mains)) or ""
    models = [one.table.model_id for one in analysed]
    distinct = len(set(models)) == len(models)
    scores = {
        (one.table.model_id if distinct else one.table.id): one.targets.values[target]
        for one in analysed
    }
    first = analysed[0]
    if section.gold is not None and section.gold in first.table.columns:
        gold = first.table.numbers(section.gold)
        if np.isfinite(gold).any():
            scores[f"gold: {section.gold}"] = gold
    found, told = agreements(
        first.scope.clusters, scores, target=target, confidence=section.confidence
    )
    notes += told
    return found
