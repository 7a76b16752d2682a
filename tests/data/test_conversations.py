"""The forms in which preference and chat data is published."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyrite.config.sections import DataSection
from pyrite.data.conversation import hh_turns, split_hh
from pyrite.data.load import load
from pyrite.errors import DataError

from .files import write

SYSTEM = {"role": "system", "content": "be brief"}
ASK = {"role": "user", "content": "hello"}
REPLY = {"role": "assistant", "content": "hi"}
AGAIN = {"role": "user", "content": "and now?"}
GOOD = {"role": "assistant", "content": "good"}
BAD = {"role": "assistant", "content": "bad"}


def one(folder: Path, record: dict[str, Any], **section: Any) -> dict[str, Any]:
    write(folder / "x.jsonl", [record])
    (row,) = load(DataSection(path="x.jsonl", **section), base=folder).table().to_pylist()
    if row["messages"] is not None:
        row["messages"] = json.loads(row["messages"])
    return {x: row[x] for x in ("prompt", "response", "chosen", "rejected", "messages")}


def row(**texts: Any) -> dict[str, Any]:
    return dict.fromkeys(("prompt", "response", "chosen", "rejected", "messages")) | texts


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        pytest.param(
            {"messages": [ASK, REPLY]}, row(prompt="hello", response="hi"), id="one exchange"
        ),
        pytest.param(
            {"messages": [SYSTEM, ASK, REPLY, AGAIN, GOOD]},
            row(prompt="and now?", response="good", messages=[SYSTEM, ASK, REPLY, AGAIN]),
            id="many turns",
        ),
        pytest.param({"messages": [ASK]}, row(prompt="hello"), id="no answer"),
        pytest.param(
            {
                "conversations": [
                    {"from": "system", "value": "be brief"},
                    {"from": "human", "value": "hello"},
                    {"from": "gpt", "value": "hi"},
                ]
            },
            row(prompt="hello", response="hi", messages=[SYSTEM, ASK]),
            id="ShareGPT",
        ),
        pytest.param(
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "hello"}]}, REPLY]},
            row(prompt="hello", response="hi"),
            id="content in parts",
        ),
        pytest.param(
            {"system": "be brief", "prompt": "hello", "response": "hi"},
            row(prompt="hello", response="hi", messages=[SYSTEM, ASK]),
            id="system column",
        ),
        pytest.param(
            {"prompt": "hello", "chosen": "good", "rejected": "bad"},
            row(prompt="hello", chosen="good", rejected="bad"),
            id="TRL, explicit, text",
        ),
        pytest.param(
            {"prompt": [ASK, REPLY, AGAIN], "chosen": [GOOD], "rejected": [BAD]},
            row(prompt="and now?", chosen="good", rejected="bad", messages=[ASK, REPLY, AGAIN]),
            id="TRL, explicit, conversation",
        ),
        pytest.param(
            {"chosen": [ASK, GOOD], "rejected": [ASK, BAD]},
            row(prompt="hello", chosen="good", rejected="bad"),
            id="TRL, implicit, conversation",
        ),
        pytest.param(
            {"chosen": [ASK, REPLY, AGAIN, GOOD], "rejected": [ASK, REPLY, AGAIN, GOOD]},
            row(prompt="and now?", chosen="good", rejected="good", messages=[ASK, REPLY, AGAIN]),
            id="equal answers",
        ),
        pytest.param(
            {
                "prompt": "hello",
                "chosen": [ASK, GOOD],
                "rejected": [ASK, BAD],
                "messages": [ASK, GOOD],
            },
            row(prompt="hello", chosen="good", rejected="bad"),
            id="everything at once",
        ),
        pytest.param(
            {"prompt": [ASK], "completion": [REPLY]},
            row(prompt="hello", response="hi"),
            id="TRL, prompt and completion",
        ),
        pytest.param(
            {"conversations": [ASK], "chosen": "good", "rejected": "bad"},
            row(prompt="hello", chosen="good", rejected="bad"),
            id="conversation and two texts",
        ),
        pytest.param(
            {
                "chosen": "\n\nHuman: hello\n\nAssistant: good",
                "rejected": "\n\nHuman: hello\n\nAssistant: bad",
            },
            row(
                prompt="\n\nHuman: hello\n\nAssistant: ",
                chosen="good",
                rejected="bad",
                messages=[ASK],
            ),
            id="HH",
        ),
        pytest.param(
            {"prompt": "\n\nHuman: hello\n\nAssistant:", "chosen": " good", "rejected": " bad"},
            row(
                prompt="\n\nHuman: hello\n\nAssistant:",
                chosen=" good",
                rejected=" bad",
                messages=[ASK],
            ),
            id="HH, explicit",
        ),
    ],
)
def test_forms(tmp_path: Path, record: dict[str, Any], expected: dict[str, Any]) -> None:
    assert one(tmp_path, record) == expected


def test_messages_as_json_text_where_the_schema_names_them(tmp_path: Path) -> None:
    record = {"chat": json.dumps([ASK, REPLY])}
    assert one(tmp_path, record, schema={"messages": "chat"}) == row(prompt="hello", response="hi")


def test_conversations_that_differ_early_are_left_out_and_counted(tmp_path: Path) -> None:
    records = [
        {"chosen": [ASK, GOOD], "rejected": [ASK, BAD]},
        {"chosen": [ASK, GOOD], "rejected": [AGAIN, BAD]},
    ]
    rows = load(DataSection(path=str(write(tmp_path / "x.jsonl", records))))
    assert rows.num_rows == 1
    assert "1 row: left out: the two conversations differ before their last turn" in rows.detected


@pytest.mark.parametrize(
    ("second", "parts"),
    [
        ({"messages": [ASK]}, ("x.jsonl:2", "this row has prompt", "prompt and response")),
        ({"messages": "hello"}, ("x.jsonl:2", "'messages' is not a conversation", "'hello'")),
        ({"messages": "[broken"}, ("x.jsonl:2", "is not JSON")),
        ({"messages": [{"role": "user", "content": None}]}, ("x.jsonl:2", "'messages[0]'", "None")),
        ({"messages": None}, ("x.jsonl:2", "'messages'", "None")),
    ],
)
def test_rows_that_do_not_fit(
    tmp_path: Path, second: dict[str, Any], parts: tuple[str, ...]
) -> None:
    path = write(tmp_path / "x.jsonl", [{"messages": [ASK, REPLY]}, second])
    with pytest.raises(DataError) as caught:
        load(DataSection(path=str(path)))
    assert all(part in str(caught.value) for part in parts)


def test_hh_without_a_shared_prompt(tmp_path: Path) -> None:
    record = {"chosen": "\n\nHuman: a\n\nAssistant: x", "rejected": "\n\nHuman: b\n\nAssistant: y"}
    path = write(tmp_path / "x.jsonl", [record])
    with pytest.raises(DataError, match="share no prompt"):
        load(DataSection(path=str(path)))


TURN = st.text(min_size=1, max_size=12).filter(lambda x: "\n\n" not in x)


@given(turns=st.lists(TURN, min_size=1, max_size=3), one=TURN, other=TURN)
def test_hh_split_loses_nothing(turns: list[str], one: str, other: str) -> None:
    roles = ["Human", "Assistant"]
    asked = "".join(f"\n\n{roles[i % 2]}: {text}" for i, text in enumerate(turns))
    chosen, rejected = (f"{asked}\n\nAssistant: {answer}" for answer in (one, other))
    parts = split_hh(chosen, rejected)
    assert parts is not None
    prompt, first, second = parts
    assert (prompt + first, prompt + second) == (chosen, rejected)
    assert prompt.startswith(f"{asked}\n\nAssistant:")
    assert [turn.content for turn in hh_turns(prompt) if turn.content] == [
        text.strip() for text in turns if text.strip()
    ]
