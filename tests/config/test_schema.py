"""The JSON Schema accepts what `load` accepts, and rejects what an editor should underline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from pyrite.config import schema
from tests.config.conftest import BASE, DATA, MODEL, read
from tests.config.structure import accepts
from tests.config.test_experiment import TEXT


@pytest.fixture
def form() -> dict[str, Any]:
    return schema()


def plain(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


OLDER = """
model: {id: m, path: p, ckpt: None, tokenizer: default, embedding: default, norm: default}
data:
  id: d
  path: nq_open
  schema:
    train:
      - row:
        question: question
        answer: answer
  sample: default
query:
  requires: [m, d]
  entrypoint: RewardModel
  message: {roles: default, unravel: default}
  tokenizer: {truncation: False, max_length: 550, padding: max_length}
  forward:
    inference: False
    args: {input_ids: None, labels: None, return_dict: True, output_hidden_states: True}
  store: [loss, chosen_end_scores, hidden_states]
analyze:
  compute:
    - num_words
    - embedding:
      id: v
      type: sentence
      path: sentence-transformers/all-MiniLM-L6-v2
  estimators:
    - gbr:
      name: GradientBoostingRegressor
      args: {n_estimators: 100}
  predict:
    - loss:
      x: embedding
      estimator: gbr
  plot:
    - loss:
      - num_words
"""

ACCEPTED = {
    "older dialect": OLDER,
    "everything": TEXT,
    "least": MODEL,
    "entrypoint at the top": MODEL + "entrypoint: GatingModel",
    "pieces": "model:\n  - id: m\n  - path: p\n",
    "user's model": "model: {entrypoint: './mine.py:Mine', power: 2}",
    "environment": BASE.replace("{id: q}", "{chunk_size: '${N}', pairs: '${P:-auto}'}"),
    "analysis": BASE + "analysis: {compute: {num_words: question}, plot: {loss: num_words}}",
    "store": BASE.replace("{id: q}", "{metrics: {loss: , hidden_states: {pool: mean}}}"),
    "sample": "data: {path: r, sample: 5}",
    "flat schema": "data: {path: r, schema: {prompt: q, extra: 'a.b'}}",
    "trackers": MODEL + "track: [wandb, {wandb: {project: x}}, {kind: wandb, project: x}]",
    "tag": MODEL + "tags: one",
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted(name: str, form: dict[str, Any]) -> None:
    assert accepts(form, plain(ACCEPTED[name]))
    if "${" not in ACCEPTED[name] and "./mine" not in ACCEPTED[name]:
        assert accepts(form, plain(read(ACCEPTED[name]).to_yaml()))


REJECTED = {
    "no mapping": "[1]",
    "unknown section": MODEL + "analize: {}",
    "both names": BASE + "analyze: {id: a}\nanalysis: {id: b}",
    "unknown key of a model": "model: {path: p, bach: 3}",
    "model without path": "model: {id: m}",
    "wrong type": MODEL + DATA + "query: {chunk_size: many}",
    "out of range": MODEL + DATA + "query: {chunk_size: 0}",
    "unknown key of a query": MODEL + DATA + "query: {chunk_sise: 1}",
    "unknown key deeper": MODEL + DATA + "query: {message: {unravl: qa}}",
    "unknown form": MODEL + DATA + "query: {message: {unravel: gate}}",
    "tensor": MODEL + DATA + "query: {forward: {args: {input_ids: [1]}}}",
    "pool": MODEL + DATA + "query: {store: [{name: hidden_states, pool: sum}]}",
    "sample": "data: {path: r, sample: some}",
    "data without path": "data: {id: d}",
    "id": "data: {path: r, id: a b}",
    "confidence": BASE + "analyze: {confidence: 95}",
}


@pytest.mark.parametrize("name", REJECTED)
def test_rejected(name: str, form: dict[str, Any]) -> None:
    assert not accepts(form, plain(REJECTED[name]))


def test_it_is_plain_json_with_the_names_of_this_installation(form: dict[str, Any]) -> None:
    text = json.dumps(form)
    assert form["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    for name in ("GatingModel", "gating_model", "num_words", "chat_template", "topk_uids", "wandb"):
        assert f'"{name}"' in text


def test_every_reference_leads_somewhere(form: dict[str, Any]) -> None:
    def references(node: Any) -> set[str]:
        if isinstance(node, dict):
            own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
            return own.union(*(references(inner) for inner in node.values()))
        return set().union(*map(references, node)) if isinstance(node, list) else set()

    assert {name.removeprefix("#/$defs/") for name in references(form)} <= set(form["$defs"])


@pytest.mark.usefixtures("real_components")
@pytest.mark.parametrize(
    "path", sorted((Path(__file__).parents[2] / "examples").glob("*.yml")), ids=lambda p: p.stem
)
def test_the_examples_are_accepted(path: Path) -> None:
    assert accepts(schema(), plain(path.read_text("utf-8")))


def test_a_library_agrees(form: dict[str, Any]) -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    validator = jsonschema.Draft202012Validator(form)
    validator.check_schema(form)
    assert all(validator.is_valid(plain(text)) for text in ACCEPTED.values())
    assert not any(validator.is_valid(plain(text)) for text in REJECTED.values())
