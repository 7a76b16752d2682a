"""`Experiment`: from a file and from Python, and as a resolved file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from pyrite.config import load
from pyrite.config.sections import (
    AnalyzeSection,
    Compute,
    DataSection,
    EstimatorSpec,
    Forward,
    MessageSpec,
    Plot,
    Predict,
    QuerySection,
    Sample,
    StoreItem,
    TokenizerSpec,
)
from pyrite.errors import ConfigError
from pyrite.experiment import Experiment
from tests.config.conftest import BASE, GatingModel, RewardModel, Wandb, read

TEXT = """
name: same
seed: 3
tags: [one, two]
track: [{wandb: {project: p}}]
model:
  - {id: m1, path: p, norm: softmax}
  - {id: m2, path: q, entrypoint: GatingModel}
data: {id: d, path: rows, schema: {question: q, answer: a}, sample: {n: 5}, where: {kind: [a, b]}}
query:
  id: q
  requires: [m1, m2]
  message: {unravel: qa}
  tokenizer: {truncation: True}
  forward: {inference: True, args: {return_dict: True}}
  store: [score, {hidden_states: {pool: mean}}]
analyze:
  compute: [num_words, {embedding: {id: v, path: s}}]
  estimators: {gbr: {name: GradientBoostingRegressor, args: {n_estimators: 10}}}
  predict: {score: {x: embedding, estimator: gbr}}
  plot: {score: [num_words]}
"""


def from_python() -> Experiment:
    return Experiment(
        name="same",
        seed=3,
        tags=["one", "two"],
        track=Wandb(project="p"),
        model=[RewardModel(id="m1", path="p", norm="softmax"), GatingModel(id="m2", path="q")],
        data=DataSection(
            id="d",
            path="rows",
            columns={"question": "q", "answer": "a"},
            sample=Sample(n=5),
            where={"kind": ["a", "b"]},
        ),
        query=QuerySection(
            id="q",
            requires=["m1", "m2"],
            message=MessageSpec(unravel="qa"),
            tokenizer=TokenizerSpec(truncation=True),
            forward=Forward(inference=True, args={"return_dict": True}),
            store=[StoreItem(name="score"), StoreItem(name="hidden_states", pool="mean")],
        ),
        analyze=AnalyzeSection(
            compute=[
                Compute(id="num_words", name="num_words"),
                Compute(id="v", name="embedding", args={"path": "s"}),
            ],
            estimators=[
                EstimatorSpec(id="gbr", name="GradientBoostingRegressor", args={"n_estimators": 10})
            ],
            predict=[Predict(target="score", x=["embedding"], estimator="gbr")],
            plot=[Plot(y="score", x=["num_words"])],
        ),
    )


def test_a_file_and_python_objects_that_mean_the_same_are_equal() -> None:
    assert from_python().canonical() == read(TEXT).canonical()
    assert from_python() == read(TEXT)


def test_the_canonical_form_is_json() -> None:
    content = from_python().canonical()
    assert json.loads(json.dumps(content)) == content


def test_python_objects_are_checked_like_a_file() -> None:
    with pytest.raises(ConfigError) as caught:
        Experiment(
            model=[RewardModel(path="p"), RewardModel(id="MODEL", path="./none.pt")],
            data=DataSection(path="r"),
            query=QuerySection(requires=["modle"], store=[StoreItem(name="los")]),
            sed=3,
        )
    assert [str(mistake).strip() for mistake in caught.value.mistakes] == [
        "model.1.path: is './none.pt': no such file or folder",
        "query.0.store.0: is 'los', which no query stores (did you mean 'loss'?)",
        "sed: unknown key (did you mean 'seed'?)",
        "model.1.id: the ids 'MODEL' and 'model' differ only in case "
        "(give one of them another `id`)",
        "query.0.requires.0: nothing has the id 'modle' (did you mean 'model'?)",
    ]


def test_wrong_objects_are_mistakes() -> None:
    with pytest.raises(ConfigError) as caught:
        Experiment(model={"path": "p"}, data=[DataSection(path="r"), 3])  # type: ignore[arg-type,list-item]
    assert [str(mistake).strip() for mistake in caught.value.mistakes] == [
        "model: is a dict, expected a Model",
        "data.1: is a int, expected a DataSection",
    ]


def test_values_that_no_file_can_hold_are_mistakes() -> None:
    section = DataSection(path="r", where={"a": object()})
    with pytest.raises(ConfigError, match="data: has a value that cannot be written to a file"):
        Experiment(data=section)


def test_it_is_frozen() -> None:
    with pytest.raises(AttributeError):
        from_python().name = "other"  # type: ignore[misc]


def test_the_name_is_the_files(tmp_path: Path) -> None:
    path = tmp_path / "my  first try.yml"
    path.write_text("model: {path: p}")
    experiment = load(path, env={})
    assert experiment.name == "my_first_try"
    assert experiment.source is not None
    assert (experiment.source.file, experiment.source.text) == (str(path), "model: {path: p}")


def test_a_resolved_file_has_every_default() -> None:
    text = read(BASE).to_yaml()
    for key in ("chunk_size: 1", "out: runs", "seed: 0", "unravel: default", "device: auto"):
        assert key in text


_ids = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,8}", fullmatch=True)
_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=5,
)


@st.composite
def experiments(draw: st.DrawFn) -> Experiment:
    """Experiments with hostile texts in every free field."""
    ids = draw(st.lists(_ids, min_size=5, max_size=5, unique_by=str.lower))
    free = _texts.filter(lambda text: text not in ("None", "default"))
    return Experiment(
        name=draw(_ids),
        seed=draw(st.integers(0, 2**70)),
        tags=draw(st.lists(_texts, max_size=2)),
        group=draw(st.none() | _texts),
        out=draw(_texts),
        model=RewardModel(id=ids[0], path="org/m", norm=draw(st.none() | free)),
        data=DataSection(
            id=ids[1],
            path="rows",
            columns=draw(st.dictionaries(st.sampled_from(["prompt", "response"]), _texts)),
            where=draw(st.dictionaries(_texts, _json, max_size=3)),
            sample=draw(st.none() | st.builds(Sample, n=st.none() | st.integers(1, 9))),
        ),
        query=QuerySection(
            id=ids[2],
            message=MessageSpec(
                base_prompt=draw(st.none() | _texts), roles=draw(st.lists(_texts, max_size=3))
            ),
            tokenizer=TokenizerSpec(padding=draw(st.none() | st.booleans() | st.just("longest"))),
        ),
        analyze=AnalyzeSection(
            id=ids[3],
            compute=[Compute(id="v", name="embedding", args=draw(st.dictionaries(_ids, _json)))],
            estimators=[EstimatorSpec(id="e", name=draw(_texts), args={"a": draw(_json)})],
        ),
    )


def _as_json(section: BaseModel) -> Any:
    return json.loads(section.model_dump_json(by_alias=True))


@settings(max_examples=40, deadline=None)
@given(experiments())
def test_the_resolved_file_reads_back_as_the_same_experiment(experiment: Experiment) -> None:
    again = read(experiment.to_yaml())
    assert again == experiment
    assert again.canonical() == experiment.canonical()
    assert again.to_yaml() == experiment.to_yaml()
    assert _as_json(again.data[0]) == _as_json(experiment.data[0])


@pytest.mark.usefixtures("real_components")
def test_the_package_itself_has_what_the_first_files_name() -> None:
    from pyrite.models import MODELS
    from pyrite.trackers import TRACKERS

    missing = {"reward_model", "python_callable"} - set(MODELS.names())
    if missing or "wandb" not in TRACKERS.names():
        pytest.skip(f"this checkout has no {sorted(missing) or 'wandb'}")
    text = (
        "data:\n  path: nq_open\n  schema:\n    train:\n      - row:\n        question: question\n"
    )
    experiment = read(text + "model: {id: m, path: EleutherAI/gpt-j-6b, tokenizer: default}\n")
    assert [type(model).__name__ for model in experiment.models] == ["RewardModel"]
    assert read(experiment.to_yaml()) == experiment
    assert type(experiment.models[0])(path="EleutherAI/gpt-j-6b", id="m") == experiment.models[0]
