"""Whatever the text is, reading it ends in an experiment or in a `ConfigError`."""

from __future__ import annotations

import contextlib
import os
import re
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from pyrite.config import loads
from pyrite.errors import ConfigError
from tests.config.conftest import BASE
from tests.config.test_experiment import TEXT

WORDS = [
    *("model", "data", "query", "analyze", "analysis", "track", "id", "path", "schema", "sample"),
    *("train", "row", "question", "requires", "store", "metrics", "forward", "args", "topk"),
    *("message", "tokenizer", "roles", "unravel", "compute", "estimators", "predict", "plot", "x"),
    *("embedding", "name", "of", "loss", "default", "None", "entrypoint", "kind", "wandb", "tags"),
    *("input_ids", "hidden_states", "pool", "target", "y", "m", "d", "q", "RewardModel", "pair"),
]
_scalars = st.one_of(
    st.sampled_from(WORDS),
    st.none(),
    st.booleans(),
    st.integers(-2, 2000),
    st.floats(),
    st.sampled_from(
        ["./x.py:y", "builtin:x", "~", "a\0b", "x" * 300, "${HOME}", "${", ":", "\ud800"]
    ),
)
_values = st.recursive(
    _scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4)
    ),
    max_leaves=12,
)
_NOISE = st.text(st.sampled_from("abn01 \n\t:-[]{}#&*!|>'\"%@`,?~$<=\\.x\u2028\x85\ufeff\0"))

LENIENT = settings(
    suppress_health_check=[HealthCheck.too_slow],
    deadline=None,
    max_examples=int(os.environ.get("PYRITE_FUZZ", "150")),
)


def attempt(text: str, **kwargs: Any) -> None:
    """Read a text; an experiment must also come back from its own resolved file."""
    env = {"HOME": "/h"}
    with contextlib.suppress(ConfigError):
        experiment = loads(text, env=env, **kwargs)
        resolved = experiment.to_yaml()
        try:
            assert loads(resolved, env=env) == experiment
        except ConfigError as error:
            raise AssertionError(f"the resolved file does not load:\n{resolved}") from error


@given(_NOISE)
@LENIENT
@example("%YAML 1.1\n---\na: 1:30")
@example("%YAML 1.1\n---\na: !!timestamp 2001-01-01")
@example('"\\UFFFFFFFF"')
@example("!!int x")
@example("a: !!float ''")
@example("a: 0x")
@example("? ")
@example("<<: 1")
@example("a: {<<: [1]}")
@example("data: {sample: default\n a: b")
@example("sample: default\n")
def test_any_characters(text: str) -> None:
    attempt(text)


@given(st.dictionaries(st.sampled_from(WORDS), _values, max_size=5))
@LENIENT
def test_any_shape_of_the_known_words(content: dict[str, Any]) -> None:
    attempt(_flow(content))


@given(st.data())
@LENIENT
def test_a_good_file_with_one_place_overwritten(data: st.DataObject) -> None:
    place = data.draw(st.sampled_from([m.start() for m in re.finditer(r"\b", BASE)]))
    attempt(BASE[:place] + data.draw(_NOISE) + BASE[place:])


@given(st.data())
@LENIENT
def test_a_good_file_with_one_value_replaced(data: st.DataObject) -> None:
    content = YAML(typ="safe", pure=True).load(TEXT)
    here: Any = content
    while True:
        key = data.draw(st.sampled_from(list(here) if isinstance(here, dict) else range(len(here))))
        if not isinstance(here[key], dict | list) or not here[key] or data.draw(st.booleans()):
            break
        here = here[key]
    here[key] = data.draw(_values)
    attempt(_flow(content))


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=4), _values)
@LENIENT
def test_any_override(path: list[str], value: Any) -> None:
    attempt(BASE, overrides=[f"{'.'.join(path)}={_flow(value)}"])


def _flow(value: Any) -> str:
    """A value as YAML in one line, of the kinds that JSON has no word for too."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(inner) for inner in value) + "]"
    if isinstance(value, str):
        return '"' + value.encode("unicode_escape").decode() + '"'
    return {None: "~", True: "true", False: "false"}.get(value, str(value).replace("inf", ".inf"))
