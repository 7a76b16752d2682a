"""Keys come from the environment and are told to nobody but the server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

import pyrite
from pyrite.errors import ConfigError, ModelError, ScoringError
from pyrite.models.endpoint import Endpoint
from tests.endpoints.server import (
    RewardServer,
    says,
    status,
)
from tests.endpoints.support import ITEMS, Open

KEY = "sk-very-secret-0123456789"


def test_the_key_is_sent_and_never_told(
    server: RewardServer, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REWARD_KEY", KEY)
    server.token = f"Bearer {KEY}"
    fields = {"api_key_env": "REWARD_KEY", "headers_env": {"X-Org": "REWARD_KEY"}}
    scorer = opened(**fields)
    assert server.requests[-1][1]["X-Org"] == KEY
    model = Endpoint(url=server.url, **fields)
    server.token = "Bearer another"
    with pytest.raises(ScoringError, match=r"wrong key: \(redacted\)") as caught:
        scorer.score(ITEMS)
    server.token = f"Bearer {KEY}"
    server.faults.append(says(json.dumps({"rewards": KEY}).encode()))
    with pytest.raises(ScoringError) as second:
        scorer.score(ITEMS)
    told = [repr(caught.value), repr(second.value), repr(model), json.dumps(model.identity())]
    told += [model.model_dump_json(), json.dumps(dict(scorer.facts)), repr(vars(scorer))]
    assert not any(KEY in text for text in told)


@pytest.mark.parametrize("before", [0, 280, 1190, 1199])
def test_not_even_the_start_of_a_key_is_told(
    server: RewardServer, opened: Open, monkeypatch: pytest.MonkeyPatch, before: int
) -> None:
    key = "jwt-" + "0123456789abcdef" * 20
    monkeypatch.setenv("REWARD_KEY", key)
    scorer = opened(api_key_env="REWARD_KEY")
    padding = " " * before
    faults = [status(400, body=padding + key), says({"rewards": padding + key})]
    faults += [says({"rewards": [key] * 20}), says(f"x{padding}{key}".encode()), says({key: 1})]
    for fault in faults:
        server.faults.append(fault)
        with pytest.raises(ScoringError) as caught:
            scorer.score(ITEMS)
        assert key[:12] not in str(caught.value)


def test_a_key_that_is_not_set(opened: Open) -> None:
    with pytest.raises(ModelError, match="environment variable NO_SUCH_KEY"):
        opened(api_key_env="NO_SUCH_KEY")


def test_a_header_cannot_be_split(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REWARD_KEY", "abc\r\nX-Evil: 1")
    with pytest.raises(ModelError, match="REWARD_KEY: its value cannot be sent") as caught:
        opened(api_key_env="REWARD_KEY")
    assert "Evil" not in str(caught.value)


@pytest.mark.parametrize(
    "fields",
    [
        {"url": f"http://me:{KEY}@host:1/classify"},
        {"url": f"http://{KEY}@host:1/classify"},
        {"url": f"http://host:1/classify?api_key={KEY}"},
        {"url": f"http://host:1/classify#{KEY}"},
        {"url": "http://host:1", "api_key_env": KEY},
        {"url": "http://host:1", "headers_env": {"X-Key": KEY}},
        {"url": "http://host:1", "api_key": KEY},
    ],
)
def test_a_secret_in_the_file_is_refused_and_not_repeated(
    fields: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(ValidationError) as caught:
        Endpoint(**fields)
    assert KEY not in str(caught.value)
    file = tmp_path / "experiment.yml"
    file.write_text(json.dumps({"model": {"entrypoint": "endpoint", **fields}}))
    with pytest.raises(ConfigError) as told:
        pyrite.load(file)
    assert KEY not in str(told.value)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"url": "ftp://host"}, "no http"),
        ({"url": "host:8000"}, "no http"),
        ({"url": "http://host:99999"}, "no url"),
        ({"url": "http://a b"}, "white space"),
        ({"url": "http://h", "protocol": "vllm_clasify"}, "did you mean 'vllm_classify'"),
        ({"url": "http://h", "protocol": "json"}, "needs request"),
        ({"url": "http://h", "protocol": "json", "request": "x{text}"}, "value of its own"),
        ({"url": "http://h", "request": {"a": "{text}"}}, "belong to protocol: json"),
        ({"url": "http://h", "headers_env": {"a:b": "A"}}, "no header"),
        ({"url": "http://h", "headers_env": {"Host": "A"}}, "no header"),
        ({"url": "http://h", "unravel": "hhh"}, "did you mean 'hh'"),
    ],
)
def test_mistakes_in_the_fields(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Endpoint(**fields)


def test_a_redirect_gets_no_key(
    server: RewardServer, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REWARD_KEY", KEY)
    scorer = opened(api_key_env="REWARD_KEY")
    with RewardServer() as other:
        server.faults.append(status(307, {"Location": f"{other.url}/get_reward"}))
        with pytest.raises(ScoringError, match="a redirect to"):
            scorer.score(ITEMS)
        assert other.requests == []
