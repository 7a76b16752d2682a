"""Ids, `requires`, and one query per combination."""

from __future__ import annotations

import pytest

from tests.config.conftest import BASE, DATA, MODEL, Mistakes, read

TWO_MODELS = "model: [{id: m1, path: p}, {id: m2, path: p}]\n"
TWO_DATA = "data: [{id: d1, path: r}, {id: d2, path: r}]\n"


def test_what_is_unambiguous_is_filled_in() -> None:
    experiment = read(BASE + "analyze: {id: a}")
    assert experiment.queries[0].requires == ["m", "d"]
    assert experiment.analyses[0].requires == ["q"]
    assert read(MODEL + DATA + "query: {requires: d}").queries[0].requires == ["m", "d"]


def test_order_of_requires_does_not_matter() -> None:
    one = read(MODEL + DATA + "query: {requires: [d, m]}")
    assert one == read(MODEL + DATA + "query: {requires: [m, d]}")


def test_a_query_of_several_models_and_data_sets_is_one_for_each() -> None:
    text = TWO_MODELS + TWO_DATA + "query: {id: q, requires: [m1, m2, d1, d2], chunk_size: 4}\n"
    experiment = read(text + "analyze: {id: a, requires: [q]}")
    assert [(query.id, query.requires, query.chunk_size) for query in experiment.queries] == [
        ("q.m1.d1", ["m1", "d1"], 4),
        ("q.m1.d2", ["m1", "d2"], 4),
        ("q.m2.d1", ["m2", "d1"], 4),
        ("q.m2.d2", ["m2", "d2"], 4),
    ]
    assert experiment.analyses[0].requires == ["q.m1.d1", "q.m1.d2", "q.m2.d1", "q.m2.d2"]
    assert read(experiment.to_yaml()) == experiment


@pytest.mark.parametrize(
    ("models", "data", "ids"),
    [
        (TWO_MODELS, DATA, ["q.m1", "q.m2"]),
        (MODEL, TWO_DATA, ["q.d1", "q.d2"]),
        (MODEL, DATA, ["q"]),
    ],
)
def test_ids_name_only_what_differs(models: str, data: str, ids: list[str]) -> None:
    content = models + data
    names = [word for word in ("m1", "m2", "d1", "d2", "m", "d") if f"id: {word}," in content]
    experiment = read(f"{content}query: {{id: q, requires: [{', '.join(names)}]}}")
    assert [query.id for query in experiment.queries] == ids


def test_a_renamed_model_is_suggested(mistakes: Mistakes) -> None:
    text = (
        "model: {id: my_model, path: p}\ndata: {id: my_data, path: r}\n"
        "query:\n  id: q\n  requires:\n    - the_reward\n    - my_data\n"
    )
    assert mistakes(text) == [
        "e.yml:6: query.requires.0: nothing has the id 'the_reward' "
        "(did you mean 'my_model', the only model?)"
    ]


DANGLING = {
    "query: {id: q, requires: [m, dd]}": (
        "e.yml:3: query.requires.1: nothing has the id 'dd' (did you mean 'd'?)"
    ),
    "query: {id: q}\nanalyze: {requires: [qq]}": (
        "e.yml:4: analyze.requires.0: nothing has the id 'qq' (did you mean 'q'?)"
    ),
    "query: {id: q}\nanalyze: {requires: [m]}": (
        "e.yml:4: analyze.requires.0: 'm' is a model; an analysis requires queries (known: q)"
    ),
    "query: {id: q, requires: [m, d, q2]}\nanalyze: {id: q2}": (
        "e.yml:3: query.requires.2: 'q2' is an analysis; a query requires models and data sets "
        "(known: d, m)"
    ),
}


@pytest.mark.parametrize("text", DANGLING)
def test_references(text: str, mistakes: Mistakes) -> None:
    assert DANGLING[text] in mistakes(MODEL + DATA + text)


def test_a_broken_section_still_has_its_id(mistakes: Mistakes) -> None:
    text = "model: {id: m}\n" + DATA + "query: {requires: [m, d]}"
    assert mistakes(text) == ["e.yml:1: model.path: is required and missing"]


def test_what_is_ambiguous_or_absent(mistakes: Mistakes) -> None:
    assert mistakes(TWO_MODELS + DATA + "query: {id: q}") == [
        "e.yml:3: query.id: 'q' does not say in `requires` which models it needs "
        "(name one of: m1, m2)"
    ]
    assert mistakes("query: {id: q}") == [
        "e.yml:1: query.id: 'q' needs a model, and there is none",
        "e.yml:1: query.id: 'q' needs a data set, and there is none",
    ]
    assert mistakes("analyze: {id: a}") == [
        "e.yml:1: analyze.id: 'a' needs a query, and there is none"
    ]


IDS = {
    "model: [{id: x, path: p}, {id: x, path: p}]": (
        "e.yml:1: model.1.id: the id 'x' is taken by a model (first on line 1; give one of them "
        "another `id`)"
    ),
    "model: [{path: p}, {path: p}]": (
        "e.yml:1: model.1: the id 'model' is taken by a model (first on line 1; give one of them "
        "another `id`)"
    ),
    "model: {id: x, path: p}\ndata: {id: x, path: r}": (
        "e.yml:2: data.id: the id 'x' is taken by a model (first on line 1; give one of them "
        "another `id`)"
    ),
    "model: {id: My, path: p}\ndata: {id: my, path: r}": (
        "e.yml:2: data.id: the ids 'my' and 'My' differ only in case (first on line 1; give one "
        "of them another `id`)"
    ),
    TWO_MODELS + "data: {id: q.M2, path: r}\nquery: {id: q, requires: [m1, m2]}": (
        "e.yml:3: query.id: one of its queries would be called 'q.m2', which is taken "
        "(give it another `id`)"
    ),
    TWO_MODELS + DATA + f"query: {{id: {'q' * 99}, requires: [m1, m2]}}": (
        f"e.yml:3: query.id: one of its queries would be called '{'q' * 99}.m1', which has more "
        "than 100 characters (give it another `id`)"
    ),
}


@pytest.mark.parametrize("text", IDS, ids=range(len(IDS)))
def test_ids(text: str, mistakes: Mistakes) -> None:
    assert IDS[text] in mistakes(text)
