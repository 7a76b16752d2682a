"""`--set a.b.c=value`."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyrite.config.overrides import apply
from pyrite.config.tree import Findings, Map, Mark
from pyrite.types import Location
from tests.config.conftest import BASE, DATA, MODEL, Mistakes, one, read

LIST = (
    "model: [{id: a, path: p}, {id: b.c, path: q}]\n"
    + DATA
    + "query: {id: q, requires: [a, d]}\nanalyze:\n  compute:\n    - num_words\n"
    "    - embedding:\n      id: v\n      path: old\n    - num_chars: {of: chosen}\n"
    "  estimators:\n    - gbr:\n      name: Ridge\n      args: {alpha: 1}\n"
)


@pytest.mark.parametrize(
    ("override", "section", "path", "value"),
    [
        ("query.chunk_size=8", "query", ("chunk_size",), 8),
        ("query.q.chunk_size=8", "query", ("chunk_size",), 8),
        ("query.0.chunk_size=8", "query", ("chunk_size",), 8),
        ("query.message.unravel=qa", "query", ("message", "unravel"), "qa"),
        ("query.message={base_prompt: 'a: b'}", "query", ("message", "base_prompt"), "a: b"),
        ("query.store=[loss]", "query", ("store", 0, "name"), "loss"),
        ("data.sample.n=5", "data", ("sample", "n"), 5),
        ("data.sample=default", "data", ("sample", "n"), 1000),
        ("data.schema.question=x", "data", ("schema", "prompt"), "x"),
        ("model.ckpt=a=b", "model", ("ckpt",), "a=b"),
        ("model.ckpt=", "model", ("ckpt",), None),
    ],
)
def test_single_sections(
    override: str, section: str, path: tuple[str | int, ...], value: Any
) -> None:
    found: Any = one(BASE, section, overrides=[override])
    for segment in path:
        found = found[segment]
    assert found == value


@pytest.mark.parametrize(
    ("override", "section", "path", "value"),
    [
        ("model.0.path=x", "model", (0, "path"), "x"),
        ("model.a.path=x", "model", (0, "path"), "x"),
        ("model.b.c.path=x", "model", (1, "path"), "x"),
        ("analyze.compute.v.path=x", "analyze", (0, "compute", 1, "args", "path"), "x"),
        ("analyze.compute.embedding.path=x", "analyze", (0, "compute", 1, "args", "path"), "x"),
        ("analyze.compute.num_chars.of=question", "analyze", (0, "compute", 2, "of"), "question"),
        ("analyze.compute.0=num_digits", "analyze", (0, "compute", 0, "name"), "num_digits"),
        ("analyze.compute.num_words=num_digits", "analyze", (0, "compute", 0, "id"), "num_digits"),
        (
            "analyze.estimators.gbr.args.alpha=2",
            "analyze",
            (0, "estimators", 0, "args", "alpha"),
            2,
        ),
        ("analysis.bootstrap=500", "analyze", (0, "bootstrap"), 500),
    ],
)
def test_lists(override: str, section: str, path: tuple[str | int, ...], value: Any) -> None:
    found: Any = read(LIST, overrides=[override]).canonical()[section]
    for segment in path:
        found = found[segment]
    assert found == value


def test_a_section_that_is_not_there_is_made() -> None:
    assert read(MODEL + DATA, overrides=["query.chunk_size=3"]).queries[0].chunk_size == 3
    assert read(MODEL, overrides=["seed=3"]).seed == 3


def test_the_last_one_wins() -> None:
    overrides = ["query.chunk_size=3", "query.chunk_size=4"]
    assert read(BASE, overrides=overrides).queries[0].chunk_size == 4


MISTAKES = {
    "query.chunk_sise=8": ("--set: query.chunk_sise: unknown key (did you mean 'chunk_size'?)"),
    "qury.chunk_size=8": "--set: qury: unknown key (did you mean 'query'?)",
    "query.chunk_size=x": "--set: query.chunk_size: is 'x', expected a whole number",
    "query.chunk_size.x=1": "--set: query.chunk_size.x: query.chunk_size is 1, it has no 'x'",
    "model.aa.path=x": "--set: model.aa.path: model has no element 'aa' (did you mean 'a'?)",
    "model.7.path=x": "--set: model.7.path: model has no element '7' (known: a, b.c)",
    "model.a.path.x=1": "--set: model.a.path.x: model.0.path is 'p', it has no 'x'",
    "analyze.compute.num_words.of=x": (
        "--set: analyze.compute.num_words.of: analyze.compute.0 is 'num_words', it has no 'of'"
    ),
    "query.requires=[bc, d]": (
        "--set: query.requires.0: nothing has the id 'bc' (did you mean 'b.c'?)"
    ),
    "query.chunk_size": "--set: 'query.chunk_size' is not an override (write a.b.c=value)",
    "=1": "--set: '=1' is not an override (write a.b.c=value)",
    "a..b=1": "--set: 'a..b=1' is not an override (write a.b.c=value)",
    "query.store=[a": (
        "--set: query.store: '[a' is not valid YAML: while parsing a flow sequence expected ',' "
        "or ']', but got '<stream end>'"
    ),
    "query.message.base_prompt=${NO}": (
        "--set: query.message.base_prompt: the environment variable NO is not set "
        "(set it, or write ${NO:-default})"
    ),
}


@pytest.mark.parametrize("override", MISTAKES)
def test_mistakes_are_placed_at_set(override: str, mistakes: Mistakes) -> None:
    text = LIST.replace("requires: [a, d]", "requires: [a, d], chunk_size: 1")
    assert MISTAKES[override] in mistakes(text, overrides=[override])


_plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_characters="$")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner),
    max_leaves=6,
)


@given(value=_plain, path=st.lists(st.text("abcxyz_", min_size=1), min_size=1, max_size=4))
def test_any_value_that_yaml_can_write_arrives(value: Any, path: list[str]) -> None:
    root, findings = Map(Mark(Location("e.yml"))), Findings()
    apply(root, [f"{'.'.join(path)}={json.dumps(value)}"], {}, findings)
    assert findings.mistakes == []
    found: Any = root
    for segment in path:
        found = found[segment]
    assert found == value
    assert root.at(path[0]).location.file == "--set"
