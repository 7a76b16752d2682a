from __future__ import annotations

from typing import Any

import pytest

from pyrite.analysis.agreement import Agreement
from pyrite.analysis.association import Association, Corrected
from pyrite.analysis.measures import Measure
from pyrite.analysis.resample import Estimate
from pyrite.analysis.story import findings
from pyrite.analysis.surrogate import Surrogate
from pyrite.analysis.wording import association, prediction, surface_share


def estimate(value: float, reach: float = 0.05) -> Estimate:
    return Estimate(value, value - reach, value + reach, 3610, 1200)


def surrogate(r2: Estimate, **changes: Any) -> Surrogate:
    fields: dict[str, Any] = {
        "query": "q",
        "model": "m",
        "target": "score",
        "purpose": "surface",
        "estimator": "Ridge",
        "x": ("num_words", "num_chars"),
        "num_columns": 2,
        "folds": 5,
        "dropped": 0,
        "by_construction": False,
        "r2": r2,
        "error": estimate(1.0),
        "baseline_error": estimate(1.1),
        "spearman": None,
    }
    return Surrogate(**{**fields, **changes})


def corrected(value: float, q: float = 0.001, wide: float = 0.1) -> Corrected:
    return Corrected(estimate(value), 0.02, q, q, value - wide, value + wide)


def found(value: float, **changes: Any) -> Association:
    fields: dict[str, Any] = {
        "query": "q",
        "model": "m",
        "target": "score",
        "feature": "response_num_words",
        "unit": "words",
        "dropped": 0,
        "spearman": corrected(value),
        "pearson": estimate(value),
        "slope": estimate(value),
    }
    return Association(**{**fields, **changes})


def measured(name: str, **changes: Any) -> Measure:
    fields: dict[str, Any] = {
        "query": "q",
        "model": "m",
        "target": "score",
        "against": "right",
        "estimate": estimate(0.7),
        "chance": 0.5,
    }
    return Measure(name=name, **{**fields, **changes})


BOOSTED = "HistGradientBoostingRegressor"
N = "n = 3,610 rows, 1,200 prompts"


@pytest.mark.parametrize(
    ("boosted", "ridge", "told"),
    [
        (
            estimate(0.3),
            estimate(0.2),
            "explain 30.0% [25.0%, 35.0%] (boosted trees) and 20.0% [15.0%, 25.0%] (ridge) of the "
            "variance of score out of fold",
        ),
        (
            estimate(-0.17),
            estimate(-0.2),
            "explain none of the variance of score out of fold: R² -0.17 [-0.22, -0.12] (boosted "
            "trees) and -0.20 [-0.25, -0.15] (ridge), worse than the mean",
        ),
        (
            estimate(0.02),
            estimate(-0.01),
            "explain no share of the variance of score out of fold that can be told from none: R² "
            "0.02 [-0.03, 0.07] (boosted trees) and -0.01 [-0.06, 0.04] (ridge)",
        ),
        (
            estimate(-0.1),
            estimate(0.2),
            "explain of the variance of score out of fold none (boosted trees: R² -0.10 [-0.15, "
            "-0.05]), 20.0% [15.0%, 25.0%] (ridge)",
        ),
    ],
)
def test_a_surface_share_is_never_a_negative_share(
    boosted: Estimate, ridge: Estimate, told: str
) -> None:
    own = [surrogate(boosted, estimator=BOOSTED), surrogate(ridge)]
    assert surface_share(own) == f"q: 2 surface features {told}, {N}"


def test_predictions_are_told_like_surface_shares() -> None:
    named: dict[str, Any] = {"purpose": "named", "estimator": "gbr: GBR", "x": ("emb",)}
    assert prediction(surrogate(estimate(-0.17, 0.09), **named)) == (
        f"q: emb explains none of the variance of score out of fold: R² -0.17 [-0.26, -0.08], "
        f"worse than the mean (gbr: GBR), {N}"
    )
    assert "30.0% [25.0%, 35.0%]" in prediction(surrogate(estimate(0.3), **named))
    exact = surrogate(estimate(1.0, 0.0), **{**named, "by_construction": True})
    assert "by construction: the score is a linear function of these vectors" in prediction(exact)
    many = surrogate(estimate(0.3), **{**named, "x": ("a", "b", "c")})
    assert prediction(many).startswith("q: a and 2 more columns explain 30.0%")


def test_an_association_is_short_and_says_whether_it_survives() -> None:
    assert association(found(0.31), 6, 0.05) == (
        "q: score rises with num_words of the response: Spearman 0.31 [0.26, 0.36], corrected "
        f"[0.21, 0.41], {N} (association, not effect)"
    )
    assert len(association(found(-0.31), 6, 0.05)) <= 170
    assert "score falls with" in association(found(-0.31), 6, 0.05)
    within = found(0.31, within=corrected(0.01, q=0.6))
    assert "within prompts 0.01 [-0.04, 0.06] (not told from none)" in association(within, 6, 0.05)
    only_within = found(0.01, spearman=corrected(0.01, q=0.6), within=corrected(0.2))
    told = association(only_within, 6, 0.05)
    assert told.startswith("q: within prompts score rises with")
    assert "over all rows 0.01 [-0.04, 0.06] (not told from none)" in told
    mixed = found(0.08, spearman=corrected(0.08, q=0.03))
    assert "corrected [-0.02, 0.18] holds 0 but q = 0.03" in association(mixed, 6, 0.05)


def test_the_story_begins_with_gold_and_ends_with_the_rest() -> None:
    told = findings(
        [
            found(0.6, target="chosen_end_scores", feature="chosen_num_words"),
            found(0.1, target="margin", feature="difference_num_words"),
            found(0.3, target="margin", feature="difference_num_chars"),
            found(0.0, target="margin", feature="x", spearman=corrected(0.0, q=0.9)),
        ],
        [surrogate(estimate(0.3)), surrogate(estimate(0.2), purpose="named")],
        [measured("log loss"), measured("accuracy"), measured("surface accuracy (trees)")],
        [
            Agreement("a", "b", "margin", estimate(0.4)),
            Agreement("a", "gold: g", "margin", estimate(0.1)),
        ],
        confidence=0.95,
    )
    starts = [
        "q: score prefers the chosen text",
        "q: 2 surface features explain",
        "q: surface features alone pick",
        "a and b rank the rows alike with Spearman 0.40",
        "q: margin rises with the difference in num_chars",
        "q: margin rises with the difference in num_words",
        "q: num_words, num_chars explain 20.0%",
        "q: -log sigmoid(score)",
        "q: chosen_end_scores rises with",
        "1 of 4 rank correlations tried could not be told from none",
    ]
    assert len(told) == len(starts)
    for sentence, start in zip(told, starts, strict=True):
        assert sentence.startswith(start)


def test_of_many_models_the_ends_come_first_and_each_appears_early() -> None:
    names = [f"q{i}" for i in range(6)]
    told = findings(
        [
            found(value, query=name, model=name, feature=f"response_{feature}")
            for name in names
            for feature, value in (("num_words", 0.3), ("num_chars", 0.2))
        ],
        [surrogate(estimate(0.1 * i), query=x, model=x) for i, x in enumerate(names)],
        [
            measured("auroc", query=x, model=x, estimate=estimate(0.5 + 0.05 * i))
            for i, x in enumerate(names)
        ],
        [],
        confidence=0.95,
    )
    assert told[0] == (
        "The AUROC of score for right is highest in q5 0.75 [0.70, 0.80], lowest in q0 0.50 [0.45, "
        f"0.55], 6 models, {N}"
    )
    assert told[1].startswith("Surface features explain score most in q5 0.50 [0.45, 0.55], least")
    assert {sentence.split(":")[0] for sentence in told[2:8]} == set(names)
    assert all("num_words" in sentence for sentence in told[2:8])
    assert sum("AUROC" in sentence for sentence in told) == 7
    assert told[-1].startswith("All 12 rank correlations tried were told from none")
