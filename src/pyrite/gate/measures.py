"""Rules about scores: the surface share, and the accuracy on pairs and on their subsets."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pyrite.analysis.measures import Measure, Scope, pair_accuracy
from pyrite.analysis.resample import Clusters, Estimate
from pyrite.compare.blocks import percent
from pyrite.compare.subsets import members_of
from pyrite.errors import StoreError
from pyrite.finished import FinishedRun, FinishedStep
from pyrite.gate.judging import Verdict, above, below, chosen, missing
from pyrite.gate.policy import AccuracyRule, Policy, SubsetRule, SurfaceRule
from pyrite.gate.result import Checked, Outcome
from pyrite.steps.stored_table import StoredTable

__all__ = ["accuracy", "surface_share"]

CONFIDENCE = 0.95
RESAMPLES = 2000
SURROGATES = "surrogates.parquet"


def surface_share(run: FinishedRun, policy: Policy, rule: SurfaceRule) -> Iterator[Checked]:
    """One line for each surface share that an analysis measured."""
    key = "surface_share"
    for step in chosen(run, "analyze", rule.steps):
        if isinstance(step, str):
            yield missing(policy, rule, key, "analyses", step)
            continue
        found = list(_shares(step, rule))
        if not found:
            yield missing(policy, rule, key, step.id, _no_share(rule))
        for subject, share in found:
            judge = policy.judged_by(rule)
            bad = above(share, rule.max, judge) is Verdict.BEYOND
            message = (
                f"R² out of fold {share}, {share.rows} rows, {share.groups} prompts; "
                f"at most {rule.max:g} (judged by the {judge})"
            )
            outcome = Outcome.FINDING if bad else Outcome.PASSED
            yield Checked(key, f"{step.id}: {subject}", outcome, message, share, rule.max)


def _shares(step: FinishedStep, rule: SurfaceRule) -> Iterator[tuple[str, Estimate]]:
    for row in step.parquet(SURROGATES).to_pylist():
        wanted = rule.target in (None, row["target"]) and rule.estimator in (None, row["estimator"])
        if row["purpose"] == "surface" and wanted:
            share = Estimate(
                row["r2"], row["r2_low"], row["r2_high"], row["r2_rows"], row["r2_groups"]
            )
            yield f"{row['query']}, {row['target']} by {row['estimator']}", share


def _no_share(rule: SurfaceRule) -> str:
    asked = [x for x in (rule.target, rule.estimator) if x]
    of = f" of {' by '.join(asked)}" if asked else ""
    return f"the analysis has no surface share{of} (it needs features: `compute`)"


def accuracy(run: FinishedRun, policy: Policy, rule: AccuracyRule) -> Iterator[Checked]:
    """One line for each query with pairs, and one for each of its subsets."""
    key = "accuracy"
    looked = 0
    for step in chosen(run, "query", rule.queries):
        if isinstance(step, str):
            looked += 1
            yield missing(policy, rule, key, "queries", step)
            continue
        table = run.table(step)
        if "margin" not in table.targets:
            if rule.queries:
                looked += 1
                yield missing(policy, rule, key, step.id, _no_margin(table))
            continue
        looked += 1
        margins = table.numbers("margin")
        if rule.min is not None:
            found = _accuracy(table, margins, np.arange(len(margins)))
            yield _judged(policy, rule, key, step.id, found, rule.min)
        if rule.subsets is not None:
            yield from _subsets(policy, rule, rule.subsets, table, margins)
    if not looked:
        yield missing(policy, rule, key, "queries", "no query has pairs with a stored margin")


def _no_margin(table: StoredTable) -> str:
    return f"the query stored no margin (it has {', '.join(table.targets) or 'no scores'})"


def _subsets(
    policy: Policy, rule: AccuracyRule, subsets: SubsetRule, table: StoredTable, margins: np.ndarray
) -> Iterator[Checked]:
    key = "accuracy.subsets"
    try:
        members, _ = members_of(table, subsets.column)
    except StoreError as error:
        yield missing(policy, rule, key, table.id, str(error))
        return
    for value in [*members, *(x for x in subsets.values if x not in members)]:
        subject = f"{table.id}: {subsets.column} {value}"
        least = subsets.values.get(value, subsets.min)
        if value not in members:
            yield missing(policy, rule, key, subject, "no row has this value")
            continue
        found = _accuracy(table, margins, members[value])
        yield _judged(policy, rule, key, subject, found, least)


def _accuracy(table: StoredTable, margins: np.ndarray, rows: np.ndarray) -> Estimate | str:
    groups = np.unique(table.groups()[rows], return_inverse=True)[1]
    clusters = Clusters(groups, resamples=RESAMPLES, seed=0)
    scope = Scope(table.id, table.model_id, clusters, CONFIDENCE)
    found = pair_accuracy(scope, "margin", margins[rows])
    return found.estimate if isinstance(found, Measure) else found


def _judged(
    policy: Policy,
    rule: AccuracyRule,
    key: str,
    subject: str,
    found: Estimate | str,
    least: float,
) -> Checked:
    if isinstance(found, str):
        return missing(policy, rule, key, subject, found)
    judge = policy.judged_by(rule)
    message = (
        f"accuracy {percent(found)}, {found.rows} pairs, {found.groups} prompts; "
        f"at least {least:.1%} (judged by the {judge})"
    )
    bad = below(found, least, judge) is Verdict.BEYOND
    outcome = Outcome.FINDING if bad else Outcome.PASSED
    return Checked(key, subject, outcome, message, found, least)
