"""`${NAME}` in values, and that secrets stay out of everything that is stored or shown."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyrite.config.environment import escape, substitute
from pyrite.config.tree import EnvText, Findings, Mark
from pyrite.types import Location
from tests.config.conftest import BASE, DATA, MODEL, Mistakes, one, read

ENV = {"WHO": "me", "EMPTY": "", "N": "12", "SECRET": "hunter2"}


def base_prompt(text: str, env: Mapping[str, str] = ENV) -> Any:
    query = one(f"{MODEL}{DATA}query: {{message: {{base_prompt: {text}}}}}", "query", env=env)
    return query["message"]["base_prompt"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"${WHO}"', "me"),
        ("'a ${WHO} b'", "a me b"),
        ('"${WHO}${WHO}"', "meme"),
        ('"${NONE:-other}"', "other"),
        ('"${EMPTY:-other}"', "other"),
        ('"${NONE:-}"', ""),
        ('"${WHO:-other}"', "me"),
        ('"$${WHO}"', "${WHO}"),
        ('"$$${WHO}"', "$${WHO}"),
        ('"$WHO"', "$WHO"),
        ("'100 $'", "100 $"),
    ],
)
def test_substitution(text: str, value: str) -> None:
    assert base_prompt(text) == value


def test_keys_are_not_substituted(mistakes: Mistakes) -> None:
    text = MODEL + DATA + 'query: {"${WHO}": 1}'
    assert mistakes(text, env=ENV)[0].startswith("e.yml:3: query.${WHO}: unknown key")


def test_mistakes(mistakes: Mistakes) -> None:
    text = "model:\n  path: ${NONE}/x\n  ckpt: ${1}\n"
    assert mistakes(text) == [
        "e.yml:2: model.path: the environment variable NONE is not set "
        "(set it, or write ${NONE:-default})",
        "e.yml:3: model.ckpt: '${' is not followed by a variable's name and '}' "
        "(write '$${' for the characters themselves)",
    ]


def test_numbers_and_truths() -> None:
    text = BASE.replace(
        "query: {id: q}", "query: {id: q, chunk_size: '${N}', tokenizer: {truncation: '${T:-no}'}}"
    )
    query = one(text, "query", env=ENV)
    assert (query["chunk_size"], query["tokenizer"]["truncation"]) == (12, False)


def test_where_any_type_may_stand_quotes_decide() -> None:
    head = "analyze:\n  estimators:\n    r:\n      args:\n"
    text = head + "        plain: ${N}\n        quoted: '${N}'\n"
    args = one(BASE + text, "analyze", env=ENV)["estimators"][0]["args"]
    assert args == {"plain": 12, "quoted": "12"}


def test_a_secret_is_in_no_stored_or_shown_form(mistakes: Mistakes) -> None:
    text = (
        "model: {id: m, path: 'org/${SECRET}'}\n"
        + DATA
        + "query: {message: {base_prompt: '${SECRET}'}, chunk_size: '${N:-1}'}\n"
        "tags: ['${SECRET}']\ntrack: [{wandb: {project: '${SECRET}'}}]\n"
    )
    experiment = read(text, env=ENV)
    assert experiment.canonical()["model"][0]["path"] == "org/hunter2"
    assert experiment.track[0].model_dump()["project"] == "hunter2"
    assert "hunter2" not in str(experiment.public())
    assert "hunter2" not in experiment.to_yaml()
    assert experiment.public()["query"][0]["chunk_size"] == "${N:-1}"
    assert read(experiment.to_yaml(), env=ENV) == experiment
    (mistake,) = mistakes("model: {path: p, batch: '${SECRET}'}", env=ENV)
    assert mistake == "e.yml:1: model.batch: is '${SECRET}', expected a whole number"


def test_a_secret_stays_one_in_every_query_that_a_query_becomes() -> None:
    text = (
        "model: [{id: a, path: p}, {id: b, path: p}]\n"
        + DATA
        + "query: {id: q, requires: [a, b], message: {base_prompt: '${SECRET}'}}\n"
    )
    experiment = read(text, env=ENV)
    prompts = [query["message"]["base_prompt"] for query in experiment.public()["query"]]
    assert prompts == ["${SECRET}", "${SECRET}"]
    assert read(experiment.to_yaml(), env=ENV) == experiment


def test_a_path_from_the_environment_is_found_beside_the_file_again(tmp_path: Path) -> None:
    folder = tmp_path / "there"
    folder.mkdir()
    (folder / "rows.jsonl").write_text("{}")
    experiment = read("data: {path: '${ROWS}'}", env={"ROWS": "rows.jsonl"}, folder=folder)
    assert experiment.data[0].path == str(folder / "rows.jsonl")
    assert experiment.public()["data"][0]["path"] == f"{folder}/${{ROWS}}"
    assert read(experiment.to_yaml(), env={"ROWS": "rows.jsonl"}) == experiment


@given(st.text(st.sampled_from("${}AB:- x")))
def test_an_escaped_text_reads_as_itself(text: str) -> None:
    findings = Findings()
    value = substitute(escape(text), {}, Mark(Location("")), findings)
    assert value == text
    assert not findings.mistakes
    assert not isinstance(value, EnvText)
