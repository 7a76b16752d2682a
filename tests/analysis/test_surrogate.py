from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsRegressor

from pyrite.analysis.columns import Scalar, TableColumns
from pyrite.analysis.embeddings import check_embeddings, embedding_matrix
from pyrite.analysis.estimators import build_estimator, linear
from pyrite.analysis.measures import Scope
from pyrite.analysis.predict import predict
from pyrite.analysis.resample import Clusters
from pyrite.analysis.surface import sign_accuracy, surface_share
from pyrite.analysis.surrogate import judge, out_of_fold
from pyrite.component import Component
from pyrite.config.sections import Compute, EstimatorSpec, Predict
from pyrite.embedding import EMBEDDERS
from pyrite.errors import AnalysisError

from .fake_table import FakeTable


def scope_of(groups: np.ndarray) -> Scope:
    return Scope("query", "model", Clusters(groups, resamples=300, seed=0), 0.95)


def spec(name: str, **args: Any) -> EstimatorSpec:
    return EstimatorSpec(id="est", name=name, args=args)


class Memory:
    """Remembers the targets of the values it was fitted on; knows nothing of others."""

    def fit(self, x: np.ndarray, y: np.ndarray) -> Memory:
        self.known = dict(zip(x[:, 0], y, strict=True))
        self.other = float(y.mean())
        return self

    def predict(self, x: np.ndarray) -> np.ndarray:
        return np.array([self.known.get(value, self.other) for value in x[:, 0]])


def test_an_estimator_never_sees_the_prompt_that_it_predicts() -> None:
    generator = np.random.default_rng(0)
    groups = np.repeat(np.arange(50), 4)
    prompt = np.repeat(generator.normal(size=50), 4)
    x = np.repeat(np.arange(50.0), 4)[:, None]  # the column is the prompt itself
    y = prompt + 0.1 * generator.normal(size=200)
    for make in (Memory, lambda: KNeighborsRegressor(1)):
        result = out_of_fold(make, x, y, groups=groups, rows=np.arange(200), folds=5, name="memory")
        r2 = judge(result, Clusters(groups, resamples=200, seed=0), confidence=0.95)[0]
        assert r2.value <= 1e-9


def test_r2_is_one_for_a_line_and_near_none_for_noise() -> None:
    generator = np.random.default_rng(1)
    x = generator.normal(size=(200, 2))
    groups = np.arange(200)
    clusters = Clusters(groups, resamples=300, seed=0)
    for y, low, high in ((x[:, 0] * 2 + 5, 0.99, 1.0), (generator.normal(size=200), -0.2, 0.1)):
        result = out_of_fold(
            lambda: build_estimator(spec("LinearRegression"), seed=0),
            x,
            y,
            groups=groups,
            rows=groups,
            folds=5,
            name="line",
        )
        r2, error, baseline, spearman = judge(result, clusters, confidence=0.95)
        assert low <= r2.value <= high
        assert r2.low <= r2.value <= r2.high
        assert error.value == pytest.approx(np.mean(np.abs(y - result.predicted)))
        assert baseline.value == pytest.approx(np.mean(np.abs(y - result.baseline)))
        assert spearman is not None


@pytest.mark.parametrize(
    ("estimator", "told"),
    [
        (spec("GradientBostingRegressor"), "did you mean 'GradientBoostingRegressor'?"),
        (
            spec("GradientBoostingClassifier"),
            "is a classifier, but the target is a number (did you mean "
            "'GradientBoostingRegressor'?)",
        ),
        (spec("Ridge", alhpa=1), "Ridge takes no argument 'alhpa' (did you mean 'alpha'?)"),
        (spec("GridSearchCV"), "no regressor called 'GridSearchCV'"),
        (spec("RegressorChain"), "RegressorChain needs "),
    ],
)
def test_a_wrong_estimator_is_told_before_anything_is_fitted(
    estimator: EstimatorSpec, told: str
) -> None:
    with pytest.raises(AnalysisError) as caught:
        build_estimator(estimator, seed=0)
    assert told in str(caught.value)


def test_a_wrong_value_of_an_argument_names_the_estimator() -> None:
    groups = np.arange(30)
    with pytest.raises(AnalysisError, match=r"estimator 'est' .*cannot be fitted: .*alpha"):
        out_of_fold(
            lambda: build_estimator(spec("Ridge", alpha="much"), seed=0),
            np.ones((30, 1)),
            np.arange(30.0),
            groups=groups,
            rows=groups,
            folds=3,
            name="'est' (Ridge)",
        )


def test_seed_is_given_only_where_the_experiment_has_none() -> None:
    forest = "RandomForestRegressor"
    assert build_estimator(spec(forest), seed=7).random_state == 7
    assert build_estimator(spec(forest, random_state=3), seed=7).random_state == 3
    assert build_estimator(spec("Ridge"), seed=7).steps[0][0] == "standardscaler"


def test_which_estimators_are_linear() -> None:
    assert linear(spec("Ridge"))
    assert linear(spec("LinearSVR"))
    assert not linear(spec("RandomForestRegressor"))


def small_table(**changes: Any) -> FakeTable:
    generator = np.random.default_rng(2)
    vectors = generator.normal(size=(40, 3)).astype(np.float32)
    numeric = {"score": vectors[:, 0] + 0.1 * generator.normal(size=40), "age": np.arange(40.0)}
    fields: dict[str, Any] = {
        "side_texts": {"prompt": ["a"] * 40},
        "numeric": numeric,
        "targets": ("score",),
        "prompts": np.arange(40),
        "stored_vectors": {"hidden_states": vectors},
    }
    return FakeTable(**{**fields, **changes})


def run_predict(table: FakeTable, x: list[str], notes: list[str], kind: str = "model") -> Any:
    items = [Compute(id="emb", name="embedding", args={"type": kind})]
    return predict(
        Predict(target="score", x=x, estimator="est", folds=4),
        spec("Ridge", alpha=1e-6),
        columns=TableColumns(table, items, {}),
        scope=scope_of(table.groups()),
        y=table.numbers("score"),
        notes=notes,
    )


def test_embeddings_and_columns_of_the_data_are_predictors() -> None:
    notes: list[str] = []
    found = run_predict(small_table(), ["embedding", "age"], notes)
    assert notes == []
    assert found.surrogate.num_columns == 4
    assert found.surrogate.r2.value > 0.8
    assert run_predict(small_table(), ["emb"], notes).surrogate.num_columns == 3


def test_a_score_that_is_read_off_the_vectors_is_told_as_such() -> None:
    exact = small_table()
    exact.numeric = {"score": exact.stored_vectors["hidden_states"] @ np.array([1.0, -2.0, 0.5])}
    assert run_predict(exact, ["emb"], []).surrogate.by_construction
    assert not run_predict(small_table(), ["emb"], []).surrogate.by_construction
    token = small_table(stored_vectors={"embeddings": exact.stored_vectors["hidden_states"]})
    token.numeric = exact.numeric
    assert not run_predict(token, ["emb"], [], kind="token").surrogate.by_construction


def test_vectors_of_pairs_are_those_of_the_target() -> None:
    vectors = {
        name: np.full((2, 1), i, dtype=np.float32)
        for i, name in enumerate(
            (
                "hidden_states",
                "chosen_hidden_states",
                "rejected_hidden_states",
                "difference_hidden_states",
            )
        )
    }
    table = small_table(stored_vectors=vectors, pairs=True)
    item = Compute(id="emb", name="embedding", args={"type": "model"})
    columns = TableColumns(table, [item], {})
    for target, place in (("chosen_end_scores", 1), ("rejected_end_scores", 2), ("margin", 3)):
        found = embedding_matrix(item, columns, target, [])
        assert not isinstance(found, str)
        assert found[0, 0] == place


def test_vectors_that_were_not_stored_are_a_note() -> None:
    notes: list[str] = []
    assert run_predict(small_table(), ["emb"], notes, kind="token") is None
    assert notes == [
        "query: the prediction of score from emb by est was not measured, because the query "
        "stored no embeddings (add it to its `store` list)."
    ]


def test_an_unknown_type_of_embedding_is_an_error() -> None:
    with pytest.raises(AnalysisError, match="it is sentence, model or token"):
        run_predict(small_table(), ["emb"], [], kind="word")


def test_too_few_prompts_are_a_note() -> None:
    notes: list[str] = []
    assert run_predict(small_table(prompts=np.arange(40) % 9), ["age"], notes) is None
    assert "usable rows come from 9 prompts and at least 10 are needed" in notes[0]


def features(*columns: np.ndarray, text: str = "difference") -> list[Scalar]:
    return [Scalar(f"{text}_x{i}", "words", text, x) for i, x in enumerate(columns)]


def test_surface_share_is_told_by_both_learners() -> None:
    generator = np.random.default_rng(3)
    x = generator.normal(size=(400, 2))
    y = x[:, 0] + generator.normal(size=400)
    found, notes = surface_share(scope_of(np.arange(400)), "score", y, features(*x.T))
    assert notes == []
    assert [s.estimator for s in found] == ["HistGradientBoostingRegressor", "Ridge"]
    for each in found:
        assert 0.3 < each.r2.value < 0.6
        assert each.r2.low < each.r2.value < each.r2.high


def test_a_feature_that_is_hardly_ever_defined_does_not_cost_the_other_rows() -> None:
    generator = np.random.default_rng(4)
    x = generator.normal(size=100)
    rare = np.where(np.arange(100) < 20, 1.0, np.nan)
    found, notes = surface_share(scope_of(np.arange(100)), "score", x, features(x, rare))
    assert found[0].r2.rows == 100
    assert "leaves out difference_x1" in notes[0]


def test_a_large_table_is_cut_to_whole_prompts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyrite.analysis.surface.MAX_ROWS", 90)
    generator = np.random.default_rng(5)
    x = generator.normal(size=300)
    groups = np.repeat(np.arange(100), 3)
    found, notes = surface_share(scope_of(groups), "score", x, features(x))
    assert (found[0].r2.rows, found[0].r2.groups, found[0].dropped) == (90, 30, 0)
    assert "90 rows of prompts drawn at random from 300" in notes[0]


def test_knowing_nothing_picks_half_of_the_preferred_texts_whatever_the_label() -> None:
    """Nearly all margins are positive; features that know nothing must not profit from it."""
    generator = np.random.default_rng(6)
    margin = np.abs(generator.normal(size=300)) - 0.05
    noise, _ = sign_accuracy(
        scope_of(np.arange(300)), "margin", margin, features(generator.normal(size=300))
    )
    assert np.mean(margin > 0) > 0.9
    for measure in noise:
        assert measure.estimate.low <= 0.5
        assert measure.estimate.value < 0.6
    side = np.where(generator.uniform(size=300) < 0.5, -1, 1)
    informed, _ = sign_accuracy(
        scope_of(np.arange(300)), "margin", margin * side, features(margin * side)
    )
    assert all(measure.estimate.low > 0.9 for measure in informed)


def test_sentences_are_embedded_once_and_cuts_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    class Fake(Component):
        path: str
        max_tokens: ClassVar[int] = 1

        def embed(self, texts: Sequence[str]) -> np.ndarray:
            calls.append(len(texts))
            return np.array([[float(len(t)), 1.0] if t else [np.nan] * 2 for t in texts])

        def num_tokens(self, texts: Sequence[str]) -> np.ndarray:
            return np.array([len(text.split()) for text in texts])

    monkeypatch.setattr(type(EMBEDDERS), "get", lambda self, name: Fake)
    texts = ["", "two words", *("x" * i for i in range(1, 39))]
    table = small_table(side_texts={"prompt": texts}, numeric={"score": np.arange(40.0)})
    items = [Compute(id="emb", name="embedding", args={"type": "sentence", "path": "here"})]
    columns, notes = TableColumns(table, items, {}), []
    for _ in range(2):
        found = predict(
            Predict(target="score", x=["emb"], estimator="est", folds=4),
            spec("Ridge"),
            columns=columns,
            scope=scope_of(table.groups()),
            y=table.numbers("score"),
            notes=notes,
        )
    assert found is not None
    assert (found.surrogate.r2.rows, found.surrogate.dropped) == (39, 1)
    assert calls == [40]
    assert notes == ["query: 1 of 40 prompt texts were cut at 1 tokens by the embedding emb."]


def test_a_wrong_embedding_is_told_before_any_work() -> None:
    with pytest.raises(AnalysisError, match="embedding 'emb': pahth: Extra inputs"):
        check_embeddings([Compute(id="emb", name="embedding", args={"pahth": "x"})])
    with pytest.raises(AnalysisError, match="type 'sentense' \\(it is sentence, model or token"):
        check_embeddings([Compute(id="emb", name="embedding", args={"type": "sentense"})])
