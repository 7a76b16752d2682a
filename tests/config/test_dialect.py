"""Every way of writing the same thing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.config.conftest import BASE, DATA, MODEL, QUERY, Mistakes, one, read


def data(body: str) -> dict[str, Any]:
    return one(f"data:\n  id: d\n  path: rows\n{body}", "data")


def analysis(body: str) -> dict[str, Any]:
    return one(f"{BASE}analyze:\n  id: a\n{body}", "analyze")


class TestSample:
    @pytest.mark.parametrize(
        "body",
        [
            "  sample: default\n",
            "  sample: default\n    method: first\n    n: 1000\n",
            "  sample: default # as ever\n    n: 1000\n",
            "  sample: default\n\n    # rows\n    method: first\n",
            "  sample: {method: first, n: 1000}\n",
            "  sample: 1000\n",
            "  sample: first\n",
        ],
    )
    def test_default_is_the_first_thousand(self, body: str) -> None:
        assert data(body)["sample"] == {"method": "first", "n": 1000, "seed": 42}

    def test_the_indented_block_wins_and_the_line_is_named(self) -> None:
        text = "data:\n  path: rows\n  sample: default\n    method: random\n    n: 7\n    seed: 3\n"
        experiment = read(text)
        assert experiment.data[0].sample is not None
        assert experiment.data[0].sample.model_dump() == {"method": "random", "n": 7, "seed": 3}
        assert [warning[:16] for warning in experiment.warnings] == ["e.yml:3: sample:"]

    def test_every_such_block_is_repaired(self) -> None:
        block = "- {dash}id: {name}\n    path: rows\n    sample: default\n      n: {n}\n"
        text = "data:\n" + "".join(
            "  " + block.format(dash="", name=name, n=n) for name, n in (("a", 1), ("b", 2))
        )
        experiment = read(text)
        assert [section.sample.n for section in experiment.data if section.sample] == [1, 2]
        assert len(experiment.warnings) == 2

    def test_text_that_looks_like_it_is_left_alone(self) -> None:
        text = (
            BASE.replace("query: {id: q}\n", "")
            + "query:\n  message:\n    base_prompt: |\n      sample: default\n        n: 1\n"
        )
        query = one(text, "query")
        assert query["message"]["base_prompt"] == "sample: default\n  n: 1\n"

    def test_absent_takes_all_rows(self) -> None:
        assert data("")["sample"] is None


class TestSchema:
    @pytest.mark.parametrize(
        "schema",
        [
            "train:\n      - row:\n        question: q\n        answer: a",
            "train:\n    - row:\n      question: q\n      answer: a",
            "train:\n      - row:\n          question: q\n          answer: a",
            "train:\n      - question: q\n      - answer: a",
            "train:\n      - {row: , question: q, answer: a}",
            "train:\n      question: q\n      answer: a",
            "train:\n      row: {question: q, answer: a}",
            "train: [{prompt: q, response: a}]",
        ],
    )
    def test_rows_of_a_split(self, schema: str) -> None:
        section = data(f"  schema:\n    {schema}\n")
        assert section["schema"] == {"prompt": "q", "response": "a"}
        assert section["split"] == "train"

    def test_flat(self) -> None:
        section = data("  schema: {prompt: q, response: a, verdict: v}\n")
        assert section["schema"] == {"prompt": "q", "response": "a", "verdict": "v"}
        assert section["split"] is None

    def test_fields_without_a_column_have_columns_of_their_own_name(self) -> None:
        section = data("  schema: {train: [{row, question, answer}]}\n")
        assert section["schema"] == {"prompt": "question", "response": "answer"}

    def test_two_splits(self, mistakes: Mistakes) -> None:
        text = "data:\n  path: r\n  schema:\n    train: {prompt: q}\n    test: {prompt: q}\n"
        assert mistakes(text) == [
            "e.yml:5: data.schema.test: one data section reads one split "
            "(make one data section of each split)"
        ]

    def test_a_field_under_both_names(self, mistakes: Mistakes) -> None:
        assert mistakes("data: {path: r, schema: {prompt: a, question: b}}") == [
            "e.yml:1: data.schema.question: 'prompt' has a column already (keep one)"
        ]

    def test_a_slip_in_a_field_is_pointed_out(self) -> None:
        (warning,) = read("data: {path: r, schema: {promt: a}}").warnings
        assert warning == (
            "e.yml:1: data.schema.promt: 'promt' becomes an extra column; did you mean 'prompt'?"
        )


class TestModel:
    def test_default_and_none(self) -> None:
        text = "model: {path: p, tokenizer: default, embedding: default, norm: default, ckpt: None}"
        model = one(text, "model")
        assert (model["tokenizer"], model["norm"], model["ckpt"]) == ("default", None, None)

    def test_none_is_null_only_where_it_is_written_exactly_so(self) -> None:
        assert one("model: {path: p, norm: none}", "model")["norm"] == "none"
        assert one(DATA + MODEL + "query: {id: 'None'}", "query")["id"] == "None"

    def test_entrypoint_under_the_model_or_at_the_top(self) -> None:
        inside = read("model:\n  path: p\n  entrypoint: GatingModel\n")
        at_top = read("model:\n  path: p\nentrypoint: GatingModel\n")
        assert inside == at_top
        assert type(at_top.models[0]).__name__ == "GatingModel"

    def test_entrypoint_in_snake_case(self) -> None:
        assert read("model: {path: p, entrypoint: gating_model}") == read(
            "model: {path: p, entrypoint: GatingModel}"
        )

    def test_entrypoint_at_the_top_of_two_models(self, mistakes: Mistakes) -> None:
        text = "model: [{id: a, path: p}, {id: b, path: p}]\nentrypoint: GatingModel\n"
        assert mistakes(text) == [
            "e.yml:2: entrypoint: belongs to a model (write it inside the `model` section)"
        ]

    def test_a_section_in_pieces(self) -> None:
        assert read("model:\n  - id: m\n  - path: p\n") == read("model: {id: m, path: p}")


class TestQuery:
    def test_null_arguments_say_nothing(self) -> None:
        text = BASE.replace(QUERY, "query:\n  id: q\n  forward: {args: {labels: None, topk: 3}}\n")
        forward = one(text, "query")["forward"]
        assert forward == {"inference": False, "args": {}, "topk": 3}

    @pytest.mark.parametrize(
        "store",
        [
            "[loss, {hidden_states: {pool: mean}}]",
            "[loss, {name: hidden_states, pool: mean}]",
            "{loss: , hidden_states: {pool: mean}}",
            "[loss, {hidden_states: mean}]",
            "[{loss: }, {hidden_states: , pool: mean}]",
        ],
    )
    @pytest.mark.parametrize("key", ["store", "metrics"])
    def test_store(self, store: str, key: str) -> None:
        items = one(MODEL + DATA + f"query:\n  {key}: {store}\n", "query")["store"]
        assert [(item["name"], item["pool"]) for item in items] == [
            ("loss", "last"),
            ("hidden_states", "mean"),
        ]

    def test_store_twice(self, mistakes: Mistakes) -> None:
        text = MODEL + DATA + "query:\n  store: [loss]\n  metrics: [score]\n"
        assert "e.yml:5: query.metrics: 'metrics' and 'store' mean the same (keep one)" in mistakes(
            text
        )

    def test_parts_left_empty_or_default(self) -> None:
        text = MODEL + DATA + "query:\n  id: q\n  message: default\n  tokenizer:\n  forward:\n"
        assert read(text) == read(BASE)


class TestAnalysis:
    COMPUTED = ("v", "embedding", "auto", {"path": "p", "type": "sentence"})

    @pytest.mark.parametrize(
        "compute",
        [
            "- embedding:\n        id: v\n        path: p\n        type: sentence",
            "- embedding:\n      id: v\n      path: p\n      type: sentence",
            "- {name: embedding, id: v, path: p, type: sentence}",
            "- {name: embedding, id: v, args: {path: p, type: sentence}}",
            "- v: {name: embedding, path: p, type: sentence}",
        ],
    )
    def test_one_computed_item(self, compute: str) -> None:
        (item,) = analysis(f"  compute:\n    {compute}\n")["compute"]
        assert (item["id"], item["name"], item["of"], item["args"]) == self.COMPUTED

    def test_mapping_and_strings(self) -> None:
        as_list = analysis("  compute: [num_words, {num_chars: {of: chosen}}]\n")
        as_mapping = analysis("  compute: {num_words: , num_chars: chosen}\n")
        assert as_list["compute"] == as_mapping["compute"]
        assert [(x["id"], x["of"]) for x in as_list["compute"]] == [
            ("num_words", "auto"),
            ("num_chars", "chosen"),
        ]

    @pytest.mark.parametrize(
        "estimators",
        [
            "[{gbr: , name: Ridge, args: {alpha: 2}}]",
            "[{gbr: {name: Ridge, args: {alpha: 2}}}]",
            "{gbr: {name: Ridge, args: {alpha: 2}}}",
            "[{id: gbr, name: Ridge, args: {alpha: 2}}]",
        ],
    )
    def test_estimators(self, estimators: str) -> None:
        (found,) = analysis(f"  estimators: {estimators}\n")["estimators"]
        assert found == {"id": "gbr", "name": "Ridge", "args": {"alpha": 2}}

    def test_estimators_by_name_alone(self) -> None:
        found = analysis("  estimators: [Ridge, {short: Lasso}]\n")["estimators"]
        assert [(x["id"], x["name"]) for x in found] == [("Ridge", "Ridge"), ("short", "Lasso")]

    @pytest.mark.parametrize(
        "predict",
        [
            "[{loss: , x: num_words, estimator: Ridge}]",
            "[{loss: {x: [num_words], estimator: Ridge}}]",
            "{loss: {x: num_words, estimator: Ridge}}",
            "[{target: loss, x: num_words, estimator: Ridge}]",
        ],
    )
    def test_predict(self, predict: str) -> None:
        body = f"  compute: [num_words]\n  estimators: [Ridge]\n  predict: {predict}\n"
        (found,) = analysis(body)["predict"]
        assert found == {"target": "loss", "x": ["num_words"], "estimator": "Ridge", "folds": 5}

    @pytest.mark.parametrize(
        "plot",
        [
            "[{loss: [num_words]}]",
            "{loss: [num_words]}",
            "{loss: num_words}",
            "[{y: loss, x: [num_words]}]",
            "{y: loss, x: num_words}",
        ],
    )
    def test_plot(self, plot: str) -> None:
        found = analysis(f"  compute: [num_words]\n  plot: {plot}\n")["plot"]
        assert found == [{"y": "loss", "x": ["num_words"]}]

    def test_x_by_name_or_id(self) -> None:
        for name in ("embedding", "v"):
            body = f"  compute: [{{embedding: {{id: v}}}}]\n  plot: {{loss: {name}}}\n"
            assert analysis(body)["plot"] == [{"y": "loss", "x": ["v"]}]

    def test_two_embeddings_need_an_id(self, mistakes: Mistakes) -> None:
        text = (
            BASE
            + "analyze:\n  compute: [{embedding: {id: v}}, {embedding: {id: w}}]\n"
            + "  plot: {loss: embedding}\n"
        )
        assert (
            "e.yml:6: analyze.plot.loss: is 'embedding', and 2 computed items are called so "
            "(write one of their ids: v, w)"
        ) in mistakes(text)

    def test_analysis_is_analyze(self, mistakes: Mistakes) -> None:
        assert read(BASE + "analysis: {id: a}") == read(BASE + "analyze: {id: a}")
        assert mistakes(BASE + "analysis: {id: a}\nanalyze: {id: b}") == [
            "e.yml:4: analysis: 'analysis' and 'analyze' mean the same section (keep one)"
        ]


class TestOlderDialect:
    def test_words_are_counted_on_the_question(self) -> None:
        body = "  compute:\n    - num_words\n    - embedding:\n      id: v\n"
        assert analysis(body)["compute"][0]["of"] == "question"
        newer = "  compute:\n    - num_words\n    - embedding:\n        id: v\n"
        assert analysis(newer)["compute"][0]["of"] == "auto"

    def test_what_is_said_stays(self) -> None:
        body = "  compute:\n    - num_words: {of: response}\n    - embedding:\n      id: v\n"
        assert analysis(body)["compute"][0]["of"] == "response"

    def test_only_the_older_dialect_is_shown_on_wandb(self) -> None:
        older = "data:\n  path: rows\n  schema:\n    train:\n      - row:\n        question: q\n"
        newer = "data:\n  path: rows\n  schema: {question: q}\n"
        assert [type(x).__name__ for x in read(older).track] == ["Wandb"]
        assert read(newer).track == ()
        assert read(older + "track: []\n").track == ()


@pytest.mark.parametrize(
    "track",
    [
        "wandb",
        "[wandb]",
        "[{wandb: }]",
        "{wandb: {project: pyrite}}",
        "[{kind: wandb, project: pyrite}]",
        "{kind: Wandb}",
    ],
)
def test_trackers(track: str) -> None:
    content = read(f"{MODEL}track: {track}\n").canonical()
    assert content["track"] == [{"kind": "wandb", "project": "pyrite", "mode": None}]
