from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyrite.trackers.redact import REDACTED, redact

SECRET_KEYS = (
    "token",
    "hf_token",
    "HF-Token",
    "accessToken",
    "api_key",
    "apiKey",
    "X-Api-Key",
    "apikey",
    "AWS_SECRET_ACCESS_KEY",
    "private_key",
    "client_secret",
    "password",
    "db.passwd",
    "Authorization",
    "credentials",
    "token_value",
)
HARMLESS: dict[str, Any] = {
    "tokenizer": "org/tokenizer",
    "max_tokens": 512,
    "tokens": ["great", "sure"],
    "pad_token": "<pad>",
    "eos_token": "</s>",
    "token_ids": [1, 2],
    "keyword": "rude",
    "keywords": ["a", "b"],
    "key": ["prompt", "model"],
    "sort_key": "prompt_id",
    "monkey": "see",
    "secretary": "Ann",
    "passage": "a long text about passwords and tokens",
    "padding": True,
    "author": "someone",
    "path": "https://example.com/a?page=2#x@y",
    "ssh": "git+ssh://git@example.com/repo",
    "revision": "29684de0f8a7c2b1d3e4f5a6b7c8d9e0f1a2b3c4",
}


@pytest.mark.parametrize("key", SECRET_KEYS)
def test_a_secret_key_hides_its_value(key: str) -> None:
    assert redact({"hub": {key: "open sesame"}}, {}) == {"hub": {key: REDACTED}}


def test_everything_below_a_secret_key_is_hidden() -> None:
    config = {"credentials": {"user": "me", "pins": [1234, None, True], "more": {"a": ""}}}
    assert redact(config, {}) == {
        "credentials": {"user": REDACTED, "pins": [REDACTED, None, True], "more": {"a": ""}}
    }


@pytest.mark.parametrize("key", HARMLESS)
def test_what_only_looks_alike_stays(key: str) -> None:
    assert redact({key: HARMLESS[key]}, {}) == {key: HARMLESS[key]}


def test_a_key_that_may_be_a_column_is_judged_by_its_value() -> None:
    assert redact({"key": "prompt"}, {}) == {"key": "prompt"}
    assert redact({"key": "a8F3kk29dkQ0zmW7"}, {}) == {"key": REDACTED}


@pytest.mark.parametrize(
    "text",
    [
        "hf_" + "a1B2" * 8,
        "sk-" + "a1B2" * 8,
        "ghp_" + "a1B2" * 9,
        "AKIA" + "ABCD1234" * 2,
        "Bearer abcdefgh.ijkl",
        "https://me:pass@example.com/x",
        "https://example.com/x?a=1&access_token=abc",
    ],
)
def test_a_known_credential_is_hidden_under_any_key(text: str) -> None:
    (shown,) = redact({"note": [f"see {text} there"]}, {})["note"]
    assert REDACTED in shown
    assert shown.startswith("see ")
    assert text not in shown


def test_a_value_of_a_secret_environment_variable_is_hidden_anywhere() -> None:
    environment = {"MY_SERVICE_TOKEN": "plain-words-here", "HOME": "/home/someone", "TOKEN": "1"}
    config = {"args": ["--x=plain-words-here", "/home/someone", "1"]}
    assert redact(config, environment) == {"args": [f"--x={REDACTED}", "/home/someone", "1"]}


def test_the_process_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "0123456789" * 4)
    assert redact({"note": "0123456789" * 4}) == {"note": REDACTED}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON, st.sampled_from(SECRET_KEYS))
def test_the_shape_stays_the_input_stays_and_again_changes_nothing(value: Any, key: str) -> None:
    config = {"outer": value, key: value}
    original = copy.deepcopy(config)
    once = redact(config, {})
    assert config == original
    assert list(once) == list(config)
    assert redact(once, {}) == once
    assert _texts(once[key]) <= {REDACTED, ""}


def _texts(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set().union(*map(_texts, value.values()))
    if isinstance(value, list):
        return set().union(*map(_texts, value))
    return {value} if isinstance(value, str) else set()
