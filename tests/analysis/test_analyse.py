from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow.parquet as pq
import pytest

from pyrite.analysis import AnalysisResult, analyse, surface
from pyrite.config.sections import AnalyzeSection, Compute, EstimatorSpec, Plot, Predict
from pyrite.errors import AnalysisError, ComponentError
from pyrite.features import FEATURES, Feature

from .fake_table import FakeTable


class FakeWords(Feature):
    """Words."""

    unit: ClassVar[str] = "words"

    def compute(self, texts: Sequence[str]) -> np.ndarray:
        return np.array([float(len(text.split())) for text in texts])


class QuestionLength(Feature):
    """Characters."""

    unit: ClassVar[str] = "characters"

    def compute(self, texts: Sequence[str]) -> np.ndarray:
        return np.array([float(len(text)) for text in texts])


class Wrong(Feature):
    """One number too few."""

    unit: ClassVar[str] = ""

    def compute(self, texts: Sequence[str]) -> np.ndarray:
        return np.zeros(max(len(texts) - 1, 0))


@pytest.fixture(autouse=True)
def fake_features(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"num_words": FakeWords, "question_length": QuestionLength, "wrong": Wrong}
    real = type(FEATURES).get

    def get(self: Any, name: str) -> Any:
        return known[name] if name in known else real(self, name)

    monkeypatch.setattr(type(FEATURES), "get", get)
    monkeypatch.setitem(surface._GENTLE, "max_iter", 10)


def texts(generator: np.random.Generator, count: int) -> list[str]:
    return ["word " * int(n) for n in generator.integers(1, 30, count)]


def pairs_table(**changes: Any) -> FakeTable:
    generator = np.random.default_rng(0)
    chosen, rejected = texts(generator, 120), texts(generator, 120)
    scores = {
        "chosen_end_scores": 0.1 * FakeWords().compute(chosen) + generator.normal(size=120),
        "rejected_end_scores": 0.1 * FakeWords().compute(rejected) + generator.normal(size=120),
    }
    scores["margin"] = scores["chosen_end_scores"] - scores["rejected_end_scores"]
    scores["loss"] = np.full(120, np.nan)
    fields: dict[str, Any] = {
        "side_texts": {
            "prompt": ["q" * (i // 2 % 7 + 1) for i in range(120)],
            "chosen": chosen,
            "rejected": rejected,
        },
        "numeric": {**scores, "num_tokens": generator.integers(1, 9, 120).astype(float)},
        "targets": tuple(scores),
        "prompts": np.repeat(np.arange(60), 2),
        "pairs": True,
    }
    return FakeTable(**{**fields, **changes})


def single_table(**changes: Any) -> FakeTable:
    generator = np.random.default_rng(1)
    responses = texts(generator, 90)
    fields: dict[str, Any] = {
        "side_texts": {"prompt": ["abc"] * 90, "response": responses},
        "numeric": {
            "score": 0.2 * FakeWords().compute(responses) + generator.normal(size=90),
            "right": (generator.uniform(size=90) < 0.5).astype(float),
        },
        "targets": ("score",),
        "prompts": np.arange(90),
        "id": "single",
    }
    return FakeTable(**{**fields, **changes})


WORDS = Compute(id="num_words", name="num_words")
LENGTH = Compute(id="question_length", name="question_length")


def section(**fields: Any) -> AnalyzeSection:
    return AnalyzeSection(**{"compute": [WORDS], "bootstrap": 200, **fields})


def run(tmp_path: Path, table: FakeTable, **fields: Any) -> AnalysisResult:
    return analyse(section(**fields), [table], out=tmp_path)


def pairs_of(result: AnalysisResult) -> set[tuple[str, str]]:
    return {(x.target, x.feature) for x in result.associations}


def test_each_score_is_set_against_its_own_text(tmp_path: Path) -> None:
    result = run(tmp_path, pairs_table(), compute=[WORDS, LENGTH])
    assert pairs_of(result) == {
        ("chosen_end_scores", "chosen_num_words"),
        ("rejected_end_scores", "rejected_num_words"),
        ("margin", "difference_num_words"),
        ("chosen_end_scores", "question_length"),
        ("rejected_end_scores", "question_length"),
        ("margin", "question_length"),
    }
    table = pq.read_table(result.measured["query"])
    assert result.measured["query"] == tmp_path / "features.query.parquet"
    assert table.column_names == [
        "row_id",
        "chosen_num_words",
        "rejected_num_words",
        "difference_num_words",
        "question_length",
    ]
    columns = table.to_pydict()
    for chosen, rejected, difference in zip(
        columns["chosen_num_words"],
        columns["rejected_num_words"],
        columns["difference_num_words"],
        strict=True,
    ):
        assert difference == chosen - rejected
    assert columns["row_id"] == list(range(120))
    units = {field.name: field.metadata for field in table.schema if field.metadata}
    assert units["difference_num_words"][b"unit"] == b"words, chosen minus rejected"


def test_the_response_where_there_is_one_and_else_the_question(tmp_path: Path) -> None:
    assert pairs_of(run(tmp_path, single_table())) == {("score", "response_num_words")}
    alone = single_table(side_texts={"prompt": texts(np.random.default_rng(2), 90)})
    assert pairs_of(run(tmp_path, alone)) == {("score", "question_num_words")}


def test_a_text_that_the_rows_lack_is_a_note(tmp_path: Path) -> None:
    compute = [WORDS, Compute(id="w2", name="num_words", of="chosen")]
    result = run(tmp_path, single_table(), compute=compute)
    assert result.notes == (
        "single: chosen_w2 was not measured, because the rows have no chosen text (they have "
        "prompt, response).",
    )


def test_a_target_without_numbers_is_said_once(tmp_path: Path) -> None:
    result = run(tmp_path, pairs_table(), compute=[WORDS, LENGTH])
    assert [note for note in result.notes if "loss" in note] == [
        "query: loss was not analysed, because it has no number in any row."
    ]


def test_a_constant_feature_is_said_once(tmp_path: Path) -> None:
    result = run(tmp_path, single_table(), compute=[WORDS, LENGTH])
    assert result.notes == (
        "single: associations with question_length were not measured, because it is 3 in every "
        "row.",
    )


def test_few_prompts_give_figures_and_a_note_but_no_number(tmp_path: Path) -> None:
    table = single_table(prompts=np.arange(90) % 6)
    result = run(tmp_path, table, plot=[Plot(y="score", x=["num_words"])], gold="right")
    assert result.associations == ()
    assert result.measures == ()
    assert result.surrogates == ()
    assert result.summary() == {}
    assert result.findings() == []
    assert len(result.figures) == 2
    assert (
        "single: associations were not measured, because the rows come from 6 prompts and at "
        "least 10 are needed."
    ) in result.notes


def test_findings_say_no_more_than_the_numbers(tmp_path: Path) -> None:
    result = run(tmp_path, single_table())
    told = [sentence for sentence in result.findings() if "Spearman" in sentence]
    test = result.associations[0].spearman
    assert told == [
        f"single: score rises with num_words of the response: Spearman {test.estimate}, n = 90 "
        f"rows, 90 prompts (association, not effect)"
    ]
    noise = single_table()
    noise.numeric = {**noise.numeric, "score": np.random.default_rng(5).normal(size=90)}
    quiet = run(tmp_path, noise).findings()
    assert quiet[-1].startswith("1 of 1 rank correlations tried could not be told from none")


def test_names_in_plots_and_predictions(tmp_path: Path) -> None:
    result = run(
        tmp_path,
        pairs_table(),
        estimators=[EstimatorSpec(id="line", name="LinearRegression")],
        predict=[Predict(target="margin", x=["num_words", "num_tokens"], estimator="line")],
        plot=[Plot(y="margin", x=["num_words", "num_tokens", "chosen_num_words"])],
    )
    assert {f for t, f in pairs_of(result) if t == "margin"} == {
        "difference_num_words",
        "num_tokens",
        "chosen_num_words",
    }
    named = [x for x in result.surrogates if x.purpose == "named"]
    assert [(x.target, x.x, x.estimator) for x in named] == [
        ("margin", ("num_words", "num_tokens"), "line: LinearRegression")
    ]
    assert result.summary()["query/margin/named/line/2_columns/r2"] > 0.2


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"plot": [Plot(y="scor")]}, "no query has a target 'scor' (did you mean 'score'?)"),
        (
            {"plot": [Plot(y="score", x=["num_word"])]},
            "no computed feature and no column is called 'num_word' (did you mean 'num_words'?)",
        ),
        ({"gold": "rigth"}, "gold: no query has a column 'rigth' (did you mean 'right'?)"),
        (
            {
                "predict": [Predict(target="score", x=["num_words"], estimator="rigde")],
                "estimators": [EstimatorSpec(id="ridge", name="Ridge")],
            },
            "no estimator has the id 'rigde' (did you mean 'ridge'?)",
        ),
        (
            {"compute": [WORDS, WORDS.model_copy(update={"id": "response_num_words"})]},
            "'num_words' and 'response_num_words' both name the column 'response_num_words'",
        ),
        (
            {"compute": [WORDS.model_copy(update={"args": {"langth": 3}})]},
            "feature 'num_words': langth: Extra inputs are not permitted",
        ),
        (
            {"compute": [Compute(id="wrong", name="wrong")]},
            "feature 'wrong' gave an array of shape (89,) for 90 texts",
        ),
        (
            {
                "compute": [WORDS, WORDS.model_copy(update={"id": "again"})],
                "plot": [Plot(y="score", x=["FakeWords"])],
            },
            "'FakeWords' (",
        ),
    ],
)
def test_a_wrong_name_is_told_with_the_nearest(
    tmp_path: Path, fields: dict[str, Any], told: str
) -> None:
    with pytest.raises(AnalysisError) as caught:
        run(tmp_path, single_table(), **fields)
    assert told in str(caught.value)


def test_an_unknown_feature_is_told(tmp_path: Path) -> None:
    with pytest.raises(ComponentError, match="no features component is called 'nun_words'"):
        run(tmp_path, single_table(), compute=[Compute(id="x", name="nun_words")])


def test_a_target_that_this_query_lacks_is_a_note(tmp_path: Path) -> None:
    result = run(tmp_path, single_table(), plot=[Plot(y="rejected_end_scores", x=["num_words"])])
    assert (
        "single: rejected_end_scores was not analysed, because the query has no such score (it "
        "has score)."
    ) in result.notes


def test_of_many_outputs_only_named_ones_are_analysed(tmp_path: Path) -> None:
    base = single_table()
    generator = np.random.default_rng(3)
    outputs = {f"scores.expert{i}": generator.normal(size=90) for i in range(20)}
    outputs["scores.max"] = np.max(list(outputs.values()), axis=0)
    outputs["scores.argmax"] = np.argmax(list(outputs.values()), axis=0).astype(float)
    table = single_table(numeric={**base.numeric, **outputs}, targets=tuple(outputs))
    result = run(tmp_path, table, plot=[Plot(y="scores.expert3", x=["num_words"])])
    assert {x.target for x in result.associations} == {"scores.max", "scores.expert3"}
    assert any("the model has 20 outputs" in note for note in result.notes)
    assert any("scores.argmax was not analysed" in note for note in result.notes)


def test_several_models_over_the_same_rows(tmp_path: Path) -> None:
    one = single_table(model_id="org/one")
    noisy = one.numeric["score"] + np.random.default_rng(4).normal(size=90)
    two = single_table(id="two", model_id="org/two", numeric={**one.numeric, "score": noisy})
    result = analyse(section(gold="right"), [one, two], out=tmp_path)
    assert {(x.first, x.second) for x in result.agreements} == {
        ("org/one", "org/two"),
        ("org/one", "gold: right"),
        ("org/two", "gold: right"),
    }
    assert [x.name for x in result.figures[:2]] == ["auroc", "agreement"]
    assert {x.name for x in result.measures} == {"auroc"}
    assert result.notes == ()


def test_features_are_measured_once_for_the_same_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    real = FakeWords.compute

    def compute(self: FakeWords, texts: Sequence[str]) -> np.ndarray:
        calls.append(len(texts))
        return real(self, texts)

    monkeypatch.setattr(FakeWords, "compute", compute)
    tables = [single_table(id=f"q{i}", model_id=f"m{i}") for i in range(3)]
    generator = np.random.default_rng(8)
    tables.append(single_table(id="other", side_texts={"response": texts(generator, 90)}))
    calls.clear()
    result = analyse(section(), tables, out=tmp_path)
    assert calls == [90, 90]
    assert len(result.measured) == 4
    assert any("do not hold the same rows" in note for note in result.notes)


def test_more_than_three_models_share_their_figures(tmp_path: Path) -> None:
    generator = np.random.default_rng(9)
    base = single_table()
    tables = []
    for i in range(5):
        noisy = {**base.numeric, "score": base.numeric["score"] + generator.normal(size=90)}
        tables.append(single_table(id=f"q{i}", model_id=f"m{i}", numeric=noisy))
    fields = section(gold="right", plot=[Plot(y="score", x=["num_words"])])
    result = analyse(fields, tables, out=tmp_path)
    assert [x.name for x in result.figures] == [
        "auroc",
        "agreement",
        "score-associations",
        "score-distribution",
        "score-response_num_words",
    ]
    single = analyse(fields, tables[:3], out=tmp_path / "three")
    assert len(single.figures) == 2 + 3 * 3
    heads = [sentence.split(" ")[0] for sentence in result.findings()]
    assert heads[3:8] == [f"q{x}:" for x in sorted(range(5), key=lambda i: heads.index(f"q{i}:"))]
    assert set(heads[3:8]) == {f"q{i}:" for i in range(5)}


def test_the_same_seed_gives_the_same_numbers(tmp_path: Path) -> None:
    first = run(tmp_path / "a", pairs_table())
    again = run(tmp_path / "b", pairs_table())
    assert first.summary() == again.summary()
    assert first.summary() != run(tmp_path / "c", pairs_table(), seed=1).summary()


def test_tables_have_the_same_columns_with_and_without_rows(tmp_path: Path) -> None:
    full = run(tmp_path / "full", pairs_table())
    empty = run(tmp_path / "empty", single_table(prompts=np.zeros(90, dtype=np.int64)))
    assert len(empty.association_table) == 0
    for name in ("association", "surrogate", "measure", "agreement"):
        schemas = [pq.read_schema(tmp_path / f / f"{name}s.parquet") for f in ("full", "empty")]
        assert schemas[0].equals(schemas[1])
    row = full.association_table.to_pylist()[0]
    assert row["spearman_low"] <= row["spearman"] <= row["spearman_high"]
    assert {"spearman_q", "spearman_wide_low", "slope", "within_q", "unit"} <= set(row)


def test_texts_are_read_once_per_side(tmp_path: Path) -> None:
    table = pairs_table()
    run(tmp_path, table, compute=[WORDS, LENGTH, WORDS.model_copy(update={"id": "w2"})])
    assert table.batches_read == 3
