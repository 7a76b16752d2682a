"""Servers that fail: what is tried again, what is not, and what is told of it."""

from __future__ import annotations

from typing import Any

import pytest

from pyrite.errors import ModelError, ScoringError
from pyrite.types import Item
from tests.endpoints.server import (
    RewardServer,
    drip,
    garbage,
    half,
    hang_up,
    late,
    reward,
    says,
    status,
)
from tests.endpoints.support import ITEMS, FakeClock, Open, joined, scores

# What may pass by


@pytest.mark.parametrize(
    "fault", [status(429), status(408), status(500), status(503), half, hang_up]
)
def test_what_passes_by_is_tried_again(
    server: RewardServer, time: FakeClock, opened: Open, fault: Any
) -> None:
    scorer = opened()
    server.faults += [fault, fault]
    assert scores(scorer, ITEMS) == [reward(joined(item)) for item in ITEMS]
    assert time.slept == [0.5, 1.0], "pauses double"
    assert scorer.facts["retried"] == 2


def test_retry_after_is_waited_for(server: RewardServer, time: FakeClock, opened: Open) -> None:
    scorer = opened()
    server.faults.append(status(429, {"Retry-After": "7"}))
    scorer.score(ITEMS)
    assert time.slept == [pytest.approx(7.05)]
    server.faults.append(status(503, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}))
    scorer.score(ITEMS)
    assert time.slept[1] < 1, "a date that is past"
    server.faults.append(status(503, {"Retry-After": "soon \u00e9"}))
    scorer.score(ITEMS)
    server.faults.append(status(429, {"Retry-After": "86400"}))
    with pytest.raises(ScoringError, match=r"status 429: sorry \(after 1 try\)"):
        scorer.score(ITEMS)


def test_always_failing_is_told(server: RewardServer, time: FakeClock, opened: Open) -> None:
    scorer = opened(retries=3, batch_size=10, concurrency=1)
    first, broken = len(server.requests) + 1, status(500, body="out\n of   memory")
    server.spoil = lambda body: broken if len(server.requests) > first else None
    items = [Item("q", str(i)) for i in range(30)]
    with pytest.raises(ScoringError) as caught:
        scorer.score(items)
    said = str(caught.value)
    assert f"{server.url}/get_reward: status 500: out of memory (after 4 tries)" in said
    assert "10 of 30 texts of this call were done" in said
    assert time.slept == [0.5, 1.0, 2.0]


def test_a_late_answer_is_tried_again(server: RewardServer, opened: Open) -> None:
    scorer = opened(timeout=0.25, retries=1)
    server.faults.append(late(0.6))
    assert scores(scorer, ITEMS[:1]) == [reward(joined(ITEMS[0]))]
    server.faults += [drip(0.05)] * 2
    with pytest.raises(ScoringError, match=r"no answer within 0.25 s \(after 2 tries\)"):
        scorer.score([Item("drip", "drop")])


def test_nobody_there(opened: Open, server: RewardServer) -> None:
    scorer = opened(retries=1)
    server.close()
    with pytest.raises(ScoringError, match=r"(?i)refused.* \(after 2 tries\)"):
        scorer.score([Item("new", "text")])
    with pytest.raises(ModelError, match="could not be scored"):
        opened(retries=0)


# What does not


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (status(400, body="bad <b>"), "status 400: bad <b>"),
        (status(404, body=""), "status 404;"),
        (status(302, {"Location": "http://u:p@elsewhere/x?k=1"}), "'http://elsewhere/x'; write"),
        (garbage, "an answer that is no JSON"),
        (says(b"[" * 100_000), "an answer that is no JSON"),
        (says({"rewards": [1.0]}), "1 scores for 7 texts"),
        (says({"rewards": [1.0] * 8}), "8 scores for 7 texts"),
        (says({"rewards": [1.0] * 6 + ["0.5"]}), "'0.5' .a str., no number"),
        (says({"rewards": [1.0] * 6 + [None]}), "no number"),
        (says(b'{"rewards": [1,1,1,1,1,1,NaN]}'), "NaN is no number"),
        (says(b'{"rewards": [1,1,1,1,1,1,1e999]}'), "not finite"),
        (says({"rewards": [1.0] * 6 + [[1.0, 2.0]]}), "2 scores for one text"),
        (says({"scores": [1.0]}), "no field 'rewards' in a mapping with 'scores'"),
        (says([]), "no field 'rewards' in a list"),
    ],
)
def test_what_is_no_score_fails_at_once(
    server: RewardServer, time: FakeClock, opened: Open, fault: Any, message: str
) -> None:
    scorer = opened()
    server.faults.append(fault)
    with pytest.raises(ScoringError, match=message):
        scorer.score([Item("q", str(i)) for i in range(7)])
    assert time.slept == []


def test_a_huge_answer_is_refused(
    server: RewardServer, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    scorer = opened()
    monkeypatch.setattr("pyrite.models._endpoint_http.MAX_BODY", 1 << 20)
    server.faults.append(says(b" " * (2 << 20)))
    with pytest.raises(ScoringError, match="more than"):
        scorer.score(ITEMS)


def test_a_message_shows_little_of_a_body(server: RewardServer, opened: Open) -> None:
    scorer = opened()
    server.faults.append(status(400, body="x" * 100_000 + "\x1b[31m"))
    with pytest.raises(ScoringError) as caught:
        scorer.score(ITEMS)
    assert len(str(caught.value)) < 600
    assert str(caught.value).isprintable()
