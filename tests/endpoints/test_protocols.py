"""The contract of protocols: what is sent is what was rendered, and bad answers are no scores."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pyrite.endpoints import (
    ENDPOINTS,
    AnswerError,
    Ask,
    Form,
    Protocol,
    by_index,
    number,
    numbers,
)
from pyrite.endpoints.json_ import Json_
from pyrite.models import Rendered
from pyrite.rendering import RENDERINGS
from pyrite.types import Message

NAMES = ENDPOINTS.names()

TEXTS: dict[Form, list[Rendered]] = {
    "text": [Rendered('one "{text}" \\ %s'), Rendered("two")],
    "pair": [Rendered("p1", "r1 {prompt}"), Rendered("p2", "")],
    "messages": [Rendered("", messages=(Message("user", "hi {x}"), Message("assistant", "yo")))],
}

GOOD: dict[str, tuple[Any, Any]] = {
    "vllm_classify": (
        {"data": [{"index": 1, "probs": [2.0]}, {"index": 0, "probs": [-1]}]},
        [-1.0, 2.0],
    ),
    "vllm_pooling": (
        {"data": [{"index": 0, "data": [[-1.0]]}, {"index": 1, "data": [2.0]}]},
        [-1.0, 2.0],
    ),
    "vllm_score": (
        {"data": [{"index": 0, "score": -1.0}, {"index": 1, "score": 2.0}]},
        [-1.0, 2.0],
    ),
    "sglang_classify": ([{"embedding": [-1.0]}, {"embedding": [2.0]}], [-1.0, 2.0]),
    "tei": (
        [
            [{"label": "b", "score": 3.0}, {"label": "a", "score": 1.0}],
            [{"label": "a", "score": 2.0}, {"label": "b", "score": 0.5}],
        ],
        [{"a": 1.0, "b": 3.0}, {"a": 2.0, "b": 0.5}],
    ),
    "tei_rerank": ([{"index": 0, "score": -1.0}], [-1.0]),
    "openrlhf": ({"rewards": [-1.0, 2.0]}, [-1.0, 2.0]),
    "infinity": ({"results": [{"index": 0, "relevance_score": -1.0}]}, [-1.0]),
    "json": ({"out": [{"r": -1.0}, {"r": 2.0}]}, [-1.0, 2.0]),
}


def made(name: str) -> Protocol:
    fields = {"request": {"in": "{texts}", "m": "{model}"}, "scores": "out[*].r"}
    found = ENDPOINTS.get(name)(**(fields if name == "json" else {}))
    assert isinstance(found, Protocol)
    return found


def test_every_protocol_has_an_example() -> None:
    assert set(GOOD) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_protocol_says_what_it_is(name: str) -> None:
    protocol = made(name)
    assert protocol.takes()
    assert protocol.batched() <= protocol.takes()
    assert protocol.default_form() in RENDERINGS.names()
    assert protocol.CURE
    doc = type(protocol).__doc__ or ""
    assert name == "json" or "Follows" in doc, "name the documentation that it follows"


@pytest.mark.parametrize("name", NAMES)
def test_what_is_sent_holds_the_texts_as_values(name: str) -> None:
    protocol = made(name)
    for form in protocol.takes():
        texts = TEXTS[form] if form in protocol.batched() else TEXTS[form][:1]
        body = protocol.body(texts, Ask("a/model"))
        leaves = set(_leaves(json.loads(json.dumps(body))))
        for text in texts:
            parts = [text.text, *([text.text_pair] if text.text_pair else [])]
            if form == "messages":
                parts = [m.content for m in text.messages]
            together = "".join(parts)
            assert set(parts) <= leaves or together in leaves
        named = "a/model" in leaves
        assert named != name.startswith("tei")


@pytest.mark.parametrize("name", NAMES)
def test_a_good_answer_is_read_in_order(name: str) -> None:
    answer, expected = GOOD[name]
    assert made(name).values(answer, len(expected)) == expected


@pytest.mark.parametrize("name", NAMES)
@given(answer=st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.floats(),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["data", "index", "probs", "score", "embedding", "rewards", "results",
                         "relevance_score", "label", "out", "r"]), inner, max_size=3),
    max_leaves=8,
))  # fmt: skip
def test_any_other_answer_is_an_error_or_finite_scores(name: str, answer: Any) -> None:
    try:
        values = made(name).values(answer, 2)
    except AnswerError:
        return
    assert len(values) == 2
    for value in values:
        inner = value.values() if isinstance(value, dict) else value
        for one in [value] if isinstance(value, float) else inner:  # type: ignore[union-attr]
            assert isinstance(one, float)
            assert abs(one) < float("inf")


@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_number_of_scores_is_an_error(name: str) -> None:
    answer, expected = GOOD[name]
    for count in (len(expected) - 1, len(expected) + 1):
        with pytest.raises(AnswerError, match="scores for"):
            made(name).values(answer, count)


@pytest.mark.parametrize("value", [True, "0.5", None, float("nan"), float("inf"), 10**400, {}])
def test_what_is_no_score(value: Any) -> None:
    with pytest.raises(AnswerError):
        number(value)


def test_scores_per_token_are_refused_with_a_cure() -> None:
    with pytest.raises(AnswerError, match="pooling_type"):
        numbers([[0.1], [0.2], [0.3]])


@pytest.mark.parametrize("places", [[0, 0], [0, 2], [1, 2], [0, "1"], [0, True], [0, 1.0]])
def test_indices_are_a_permutation(places: list[Any]) -> None:
    with pytest.raises(AnswerError, match="indices"):
        by_index([{"index": at} for at in places], 2, "data")


@pytest.mark.parametrize(
    ("request_", "scores", "message"),
    [
        ({"a": "Question: {text}"}, "", "value of its own"),
        ({"a": "{txet}"}, "", "did you mean 'text'"),
        ({"a": 1}, "", "has to hold"),
        ({"a": "{text}", "b": "{prompt}"}, "", "not several"),
        ({"a": "{prompt}", "b": "{responses}"}, "", "mixes"),
        ({"a": "{text}"}, "a[", "no path"),
        ({"a": "{texts}"}, "a[*].b[*]", "more than once"),
    ],
)
def test_mistakes_in_a_template(request_: Any, scores: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Json_(request=request_, scores=scores)


def test_a_text_is_never_used_as_a_template() -> None:
    protocol = Json_(request=["{prompt}", {"x": "{response}", "keep": "{not} a place"}])
    sent = protocol.body([Rendered("{response}", "{prompt}")], Ask())
    assert sent == ["{response}", {"x": "{prompt}", "keep": "{not} a place"}]


def test_paths() -> None:
    protocol = Json_(request="{text}", scores="a.b[1].c")
    assert protocol.values({"a": {"b": [0, {"c": 2}]}}, 1) == [2.0]
    with pytest.raises(AnswerError, match=r"no element \[1\]"):
        protocol.values({"a": {"b": [0]}}, 1)
    with pytest.raises(AnswerError, match="no field 'c'"):
        protocol.values({"a": {"b": [0, {}]}}, 1)


def test_special_tokens_are_not_added_to_a_rendered_template() -> None:
    for name in ("vllm_classify", "vllm_pooling"):
        body = made(name).body([Rendered("<s>x", special_tokens=False)], Ask())
        assert body["add_special_tokens"] is False
        assert "add_special_tokens" not in made(name).body([Rendered("x")], Ask())


def _leaves(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [leaf for inner in value.values() for leaf in _leaves(inner)]
    if isinstance(value, list):
        return [leaf for inner in value for leaf in _leaves(inner)]
    return [value] if isinstance(value, str) else []
