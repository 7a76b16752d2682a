"""Endpoints over a real socket: every protocol, order, pace, probing, identity, rendering."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pyrite
from pyrite.endpoints import ENDPOINTS
from pyrite.errors import ModelError, ScoringError
from pyrite.models import Capability
from pyrite.models.endpoint import Endpoint
from pyrite.rendering import rendering_for
from pyrite.types import Item, Message
from tests.endpoints.server import (
    RewardServer,
    chat_text,
    pair_text,
    reward,
    says,
    status,
)
from tests.endpoints.support import ITEMS, FakeClock, Open, joined, scores
from tests.models.zoo import byte_tokenizer

JSON_PAIR: dict[str, Any] = {
    "protocol": "json",
    "request": {"q": "{prompt}", "a": "{response}", "keep": {"n": 1}},
    "scores": "out[0].reward",
}
JSON_TEXTS: dict[str, Any] = {
    "protocol": "json",
    "request": {"ts": "{texts}"},
    "scores": "out[*].reward",
}


def chat(item: Item) -> str:
    return chat_text([{"role": m.role, "content": m.content} for m in item.conversation()])


def pair(item: Item) -> str:
    return pair_text(item.prompt or "", item.response or "")


PROTOCOLS: list[tuple[str, str, dict[str, Any], Callable[[Item], str]]] = [
    ("vllm_classify", "", {}, chat),
    ("vllm_classify", "", {"unravel": "none"}, joined),
    ("vllm_pooling", "", {}, chat),
    ("vllm_score", "", {}, pair),
    ("sglang_classify", "", {}, joined),
    ("tei", "", {}, joined),
    ("tei", "", {"unravel": "pair"}, pair),
    ("tei_rerank", "", {}, pair),
    ("openrlhf", "", {}, joined),
    ("infinity", "", {}, pair),
    ("json", "/any/one", JSON_PAIR, pair),
    ("json", "/any/many", JSON_TEXTS, joined),
]


@pytest.mark.parametrize(("protocol", "route", "fields", "text"), PROTOCOLS)
def test_scores_of_every_protocol(
    protocol: str, route: str, fields: dict[str, Any], text: Callable[[Item], str], opened: Open
) -> None:
    scorer = opened(route, **{**fields, "protocol": protocol, "batch_size": 3})
    assert scores(scorer, ITEMS) == [reward(text(item)) for item in ITEMS]
    assert scorer.capabilities == {Capability.SCORE}


def test_every_protocol_is_tried() -> None:
    assert {name for name, *_ in PROTOCOLS} == set(ENDPOINTS.names())


@pytest.mark.parametrize(
    ("route", "owner", "tei", "found"),
    [
        ("", "vllm", False, "VllmClassify"),
        ("", "sglang", False, "SglangClassify"),
        ("", "infinity", False, "Infinity"),
        ("/classify", "sglang", False, "SglangClassify"),
        ("/rerank", "", True, "TeiRerank"),
        ("/get_reward", "", False, "Openrlhf"),
        ("/pooling", "", False, "VllmPooling"),
        ("/score", "", False, "VllmScore"),
    ],
)
def test_auto_finds_the_protocol(
    server: RewardServer, opened: Open, route: str, owner: str, tei: bool, found: str
) -> None:
    server.owner, server.tei = owner, tei
    scorer = opened(route, protocol="auto")
    assert scorer.facts["protocol"] == found
    scorer.score(ITEMS[:2])


def test_auto_asks_for_the_protocol_where_nothing_tells(server: RewardServer, opened: Open) -> None:
    server.owner = "someone"
    with pytest.raises(ModelError, match=r"write protocol, one of: .*sglang_classify"):
        opened("/classify", protocol="auto")


def test_several_labels_have_names() -> None:
    with RewardServer(outputs=["LABEL_10", "LABEL_2", "other"]) as server:
        scorer = Endpoint(url=server.url, protocol="tei").open()
        assert scorer.output_names == ("LABEL_2", "LABEL_10", "other")
        assert scorer.capabilities == {Capability.VECTOR}
        for output, item in zip(scorer.score(ITEMS), ITEMS, strict=True):
            expected = [reward(f"{name}:{joined(item)}") for name in scorer.output_names]
            np.testing.assert_array_equal(output.score, expected)
        scorer.close()


def test_a_label_that_goes_away_is_an_error() -> None:
    with RewardServer(outputs=["a", "b"]) as server:
        scorer = Endpoint(url=server.url, protocol="tei").open()
        server.outputs = ("a", "c")
        with pytest.raises(ScoringError, match="other outputs than a, b"):
            scorer.score(ITEMS)
        scorer.close()


@given(order=st.lists(st.integers(0, 9), max_size=40), size=st.integers(1, 7))
@settings(max_examples=25)
def test_order_is_that_of_the_texts(
    order: list[int], size: int, order_server: RewardServer
) -> None:
    model = Endpoint(url=order_server.url, protocol="openrlhf", batch_size=size, concurrency=6)
    scorer = model.open()
    order_server.requests.clear()
    items = [Item("q", f"answer {i}") for i in order]
    assert scores(scorer, items) == [reward(joined(item)) for item in items]
    asked = [text for _, _, body in order_server.requests for text in body["query"]]
    assert sorted(asked) == sorted({joined(item) for item in items}), "each text once"
    assert all(len(body["query"]) <= size for _, _, body in order_server.requests)
    scorer.close()


@pytest.fixture(scope="module")
def order_server() -> Iterator[RewardServer]:
    with RewardServer() as running:
        # The later a text, the earlier its answer.
        running.delay = lambda body: 0.004 * (ord(body["query"][0][-1]) % 3)
        yield running


def test_several_requests_run_at_one_time(server: RewardServer, opened: Open) -> None:
    server.delay = lambda body: 0.05
    scorer = opened(batch_size=1, concurrency=3)
    scorer.score([Item("q", str(i)) for i in range(9)])
    assert 2 <= server.most_at_once <= 3


def test_the_rate_is_kept(server: RewardServer, time: FakeClock, opened: Open) -> None:
    scorer = opened(batch_size=1, concurrency=1, requests_per_second=4.0)
    sent, before = len(server.requests), time.time
    scorer.score([Item("q", str(i)) for i in range(8)])
    assert len(server.requests) - sent == 8
    assert time.time - before == pytest.approx(8 / 4.0)


# What is seen while opening


@pytest.mark.parametrize("protocol", ["vllm_classify", "vllm_pooling", "tei_rerank", "infinity"])
def test_softmax_over_one_label_is_refused(
    server: RewardServer, opened: Open, protocol: str
) -> None:
    server.softmax = True
    with pytest.raises(ModelError, match="softmax over one label") as caught:
        opened(protocol=protocol)
    assert "use_activation" in str(caught.value) or "raw_scores" in str(caught.value)


def test_softmax_over_several_labels_is_refused_unless_wanted() -> None:
    with RewardServer(outputs=["bad", "good"]) as server:
        server.softmax = True
        fields = {"url": server.url, "protocol": "vllm_classify"}
        with pytest.raises(ModelError, match=r"sum to 1: a softmax; .*outputs: probabilities"):
            Endpoint(**fields).open()
        scorer = Endpoint(**fields, outputs="probabilities").open()
        assert scorer.output_names == ("output_0", "output_1")
        assert server.requests[-1][2]["use_activation"] is True
        scorer.close()


@pytest.mark.parametrize(
    ("rewards", "note"),
    [([0.0, 1.0, 1.0], "saturated"), ([0.2, 0.9, 0.5], "sigmoid"), ([3.0] * 3, "the same score")],
)
def test_suspicious_scores_are_noted(
    server: RewardServer, opened: Open, rewards: list[float], note: str
) -> None:
    server.faults.append(says({"rewards": rewards}))
    scorer = opened()
    assert any(note in one for one in scorer.facts["notes"])


def test_sound_scores_are_not_noted(opened: Open) -> None:
    notes = " ".join(opened(unravel="hh").facts["notes"])
    assert not any(word in notes for word in ("saturated", "sigmoid", "same score", "put together"))
    assert "cannot be hashed" in notes


# Identity


def test_what_the_server_says_is_part_of_the_identity(server: RewardServer) -> None:
    model = Endpoint(url=server.url, protocol="vllm_classify")
    assert model.identity()["served"] is None
    pinned = model.pinned()
    assert pinned.served == "id=a/model, root=a1b2c3"
    assert model.identity() == pinned.identity(), "remembered"
    server.sha = "another"
    assert model.pinned().identity() != pinned.identity()
    with pytest.raises(ModelError, match=r"says 'id=a/model, root=another'"):
        pinned.open()


def test_a_server_that_is_down_is_known_by_what_it_said() -> None:
    with RewardServer() as server:
        model = Endpoint(url=server.url, protocol="vllm_classify", retries=0)
        up = model.pinned().identity()
    assert model.pinned().identity() == up
    with pytest.raises(ModelError, match="could not be scored"):
        model.open()


def test_what_changes_an_identity() -> None:
    def of(**fields: Any) -> Any:
        return Endpoint(url="http://127.0.0.1:9", **{"protocol": "openrlhf", **fields}).identity()

    same = [{"batch_size": 3}, {"timeout": 1.0}, {"api_key_env": "A"}, {"headers_env": {"a": "A"}}]
    assert all(of(**fields) == of() for fields in same)
    other = [{"version": 2}, {"model": "m"}, {"options": {"truncate": True}}, {"unravel": "hh"}]
    other += [{"outputs": "probabilities"}, {"protocol": "tei"}]
    assert all(of(**fields) != of() for fields in other)


# Rendering


def test_options_are_sent_and_replace_nothing(server: RewardServer, opened: Open) -> None:
    opened(protocol="tei", options={"truncate": True})
    assert server.requests[-1][2]["truncate"] is True
    with pytest.raises(ModelError, match="which the protocol sends itself"):
        opened(protocol="tei", options={"raw_scores": False})


def test_a_form_that_the_protocol_cannot_send(opened: Open) -> None:
    scorer = opened(protocol="vllm_score")
    with pytest.raises(ScoringError, match=r"message.unravel: pair, on rows with a prompt and"):
        scorer.score([Item("only a prompt")])
    with pytest.raises(ModelError, match="takes no messages"):
        scorer.render_chat(ITEMS[0])


def test_a_chat_template_is_applied_here_with_a_tokenizer(
    server: RewardServer, opened: Open, tmp_path: Path
) -> None:
    byte_tokenizer().save_pretrained(tmp_path)
    item = Item("hi", "yo")
    scorer = opened(protocol="vllm_classify", tokenizer=str(tmp_path))
    scorer.score([item])
    sent = server.requests[-1][2]
    assert sent["input"] == ["<s><|user|>hi</s><|assistant|>yo</s>"]
    assert sent["add_special_tokens"] is False
    # This server's tokenizer adds the start token itself, as the local one does.
    scorer = opened(protocol="openrlhf", tokenizer=str(tmp_path))
    scorer.score([item])
    assert server.requests[-1][2]["query"] == ["<|user|>hi</s><|assistant|>yo</s>"]


def test_the_turns_are_sent_with_their_roles(server: RewardServer, opened: Open) -> None:
    scorer = opened(protocol="vllm_classify")
    item = Item(response="c", messages=(Message("system", "a"), Message("assistant", "\ud800c")))
    rendering = rendering_for("chat_template", scorer)
    scorer.score_texts([rendering.render(item, base_prompt="not this", scorer=scorer)])
    turns = [{"role": "system", "content": "a"}, {"role": "assistant", "content": "\ufffdc"}]
    assert server.requests[-1][2]["messages"] == turns


EXPERIMENT = """
name: served
out: {out}
model: {{id: remote, entrypoint: endpoint, url: "{url}", protocol: openrlhf, retries: 0}}
data: {{id: rows, path: {rows}}}
query: {{id: scores, requires: [remote, rows], save_interval: 5, message: {{unravel: {form}}}}}
"""


def test_a_whole_run_renders_as_the_query_says_and_is_reused_without_the_server(
    tmp_path: Path,
) -> None:
    rows = tmp_path / "rows.jsonl"
    lines = [json.dumps({"prompt": f"p{i}", "response": f"r{i}"}) for i in range(12)]
    rows.write_text("\n".join(lines))
    file = tmp_path / "experiment.yml"

    def run(form: str, url: str) -> pyrite.Run:
        file.write_text(EXPERIMENT.format(out=tmp_path / "runs", url=url, rows=rows, form=form))
        return pyrite.run(file, quiet=True)

    with RewardServer() as server:
        url = server.url
        found = run("hh", url).table("scores")["score"]
        expected = [reward(f"\n\nHuman: p{i}\n\nAssistant: r{i}") for i in range(12)]
        assert list(found) == expected
        assert list(run("none", url).table("scores")["score"]) == [
            reward(f"p{i}r{i}") for i in range(12)
        ]
        rows.write_text("\n".join([*lines, json.dumps({"prompt": "p", "response": "bad"})]))
        bad = "\n\nHuman: p\n\nAssistant: bad"
        server.spoil = lambda body: status(500) if bad in body["query"] else None
        with pytest.raises(ScoringError, match="status 500"):
            run("hh", url)
        server.spoil = lambda body: None
        assert list(run("hh", url).table("scores")["score"]) == [*expected, reward(bad)]
    assert list(run("hh", url).table("scores")["score"]) == [*expected, reward(bad)]
