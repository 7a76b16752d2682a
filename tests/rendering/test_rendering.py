"""Every rendering writes exactly the form that its source wrote."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyrite.errors import DataError, ModelError
from pyrite.models import Capability, ItemScorer, Output, Rendered, TokenScorer
from pyrite.rendering import RENDERINGS, Rendering, rendering_for, turns
from pyrite.types import Item, Message

CHAT = (
    Message("system", "Be brief."),
    Message("user", " First? "),
    Message("assistant", "One.\n"),
    Message("user", "Second?"),
    Message("assistant", " Two. "),
)
QA = Item(prompt=" Why? ", response=" Because.\n")


def render(name: str, item: Item, **options: object) -> Rendered:
    rendering = RENDERINGS.get(name)()
    assert isinstance(rendering, Rendering)
    return rendering.render(item, **options)  # type: ignore[arg-type]


def test_the_family_is_what_the_query_may_name() -> None:
    assert RENDERINGS.names() == ["chat_template", "default", "gating", "hh", "none", "pair", "qa"]


@pytest.mark.parametrize(
    ("name", "item", "text"),
    [
        ("default", QA, "Why?\n\nBecause."),
        ("default", Item(prompt=" Why? "), " Why? "),
        ("default", Item(response=" Because.\n"), "Because."),
        ("default", Item(messages=CHAT), "First?\n\nOne.\n\nSecond?\n\nTwo."),
        ("default", Item(messages=CHAT[:4]), "First?\n\nOne.\n\nSecond?"),
        ("qa", QA, "Question: Why?\nAnswer: Because."),
        ("qa", Item(prompt="Why?"), "Question: Why?\nAnswer: "),
        ("qa", Item(messages=CHAT), "Question: First?\nOne.\nSecond?\nAnswer: Two."),
        ("hh", QA, "\n\nHuman:  Why? \n\nAssistant:  Because.\n"),
        ("hh", Item(prompt="Why?"), "\n\nHuman: Why?\n\nAssistant:"),
        (
            "hh",
            Item(messages=CHAT),
            "Be brief.\n\nHuman:  First? \n\nAssistant: One.\n\n\nHuman: Second?"
            "\n\nAssistant:  Two. ",
        ),
        ("none", QA, " Why?  Because.\n"),
        ("none", Item(response="x"), "x"),
        ("none", Item(prompt="x"), "x"),
        ("pair", Item(prompt="x"), "x"),
        ("pair", Item(response="x"), "x"),
    ],
)
def test_text(name: str, item: Item, text: str) -> None:
    assert render(name, item).text == text


def test_qa_keeps_the_response_alone_beside_the_whole_text() -> None:
    rendered = render("qa", QA)
    assert (rendered.text_pair, rendered.pair_is) == ("Because.", "alone")
    assert render("qa", Item(prompt="Why?")).text_pair is None


def test_pair_has_two_segments_and_joins_earlier_turns() -> None:
    assert render("pair", QA) == Rendered(" Why? ", text_pair=" Because.\n")
    whole = render("pair", Item(messages=CHAT))
    assert whole.text == "Be brief.\n\n First? \n\nOne.\n\n\nSecond?"
    assert (whole.text_pair, whole.pair_is) == (" Two. ", "segment")


def test_gating_writes_one_line_per_turn_and_drops_other_roles() -> None:
    tool = Message("tool", "42")
    messages = (*CHAT[:3], tool, *CHAT[3:])
    assert render("gating", Item(messages=messages)).text == (
        "system: Be brief.\nuser:  First? \nassistant: One.\n\nuser: Second?\nassistant:  Two. \n"
    )


def test_gating_without_the_system_role_and_with_another_base_prompt() -> None:
    item = Item(prompt="q", response="a")
    assert render("gating", item, roles=["user"]).text == "user: q\nassistant: a\n"
    assert render("gating", item, base_prompt="B").text == "system: B\nuser: q\nassistant: a\n"
    assert render("gating", item, roles=["system", "assistant", "user"], base_prompt="B").text == (
        "system: B\nassistant: q\nuser: a\n"
    )


def test_gating_matches_the_messages_of_the_original(shared_data: Path) -> None:
    cases = json.loads((shared_data / "parity/bittensor_gating/cases.json").read_text())["cases"]
    assert len(cases) > 10
    for case in cases:
        assert render("gating", Item(prompt=case["question"])).text == case["message"]


def test_default_and_qa_match_the_texts_of_the_original(shared_data: Path) -> None:
    cases = json.loads((shared_data / "parity/bittensor_reward/cases.json").read_text())
    blank = [case["text"] for case in cases["single"] if case["text"].count("\n\n") == 1]
    assert blank
    for text in blank:
        prompt, response = text.split("\n\n")
        assert render("default", Item(prompt=prompt, response=response)).text == text
    for case in cases["difference"]:
        question, answer = case["full"].removeprefix("Question: ").split("\nAnswer: ", 1)
        rendered = render("qa", Item(prompt=question, response=answer))
        assert (rendered.text, rendered.text_pair) == (case["full"], case["completion"])


@pytest.mark.parametrize("name", ["default", "qa", "gating", "hh", "none", "pair"])
def test_an_item_without_any_text_is_refused(name: str) -> None:
    with pytest.raises(DataError, match="no text to score"):
        render(name, Item())


def test_hh_refuses_a_role_it_cannot_label() -> None:
    with pytest.raises(DataError, match="role 'tool'"):
        render("hh", Item(messages=(Message("tool", "42"), Message("assistant", "a"))))


class _Template(TokenScorer):
    capabilities = frozenset({Capability.SCORE})
    default_unravel = "chat_template"

    def __init__(self) -> None:
        self.facts: dict[str, object] = {}
        self.seen: list[Item] = []

    def render_chat(self, item: Item) -> Rendered:
        self.seen.append(item)
        return Rendered("chat", special_tokens=False)

    def encode(self, texts, limits):  # type: ignore[no-untyped-def]
        raise AssertionError

    def forward(self, batch, want):  # type: ignore[no-untyped-def]
        raise AssertionError


class _Plain(ItemScorer):
    capabilities = frozenset({Capability.SCORE})

    def __init__(self) -> None:
        self.facts: dict[str, object] = {}

    def score(self, items):  # type: ignore[no-untyped-def]
        return [Output(0.0) for _ in items]


def test_chat_template_hands_the_conversation_to_the_scorer() -> None:
    scorer = _Template()
    rendering = rendering_for("default", scorer)
    assert rendering.render(Item(prompt="q", response="a"), scorer=scorer).text == "chat"
    rendering.render(Item(prompt="q"), base_prompt="B", scorer=scorer)
    assert [m.role for m in scorer.seen[0].messages] == ["user", "assistant"]
    assert scorer.seen[1].messages == (Message("system", "B"), Message("user", "q"))


def test_chat_template_needs_a_tokenizer() -> None:
    with pytest.raises(ModelError, match="tokenizer"):
        render("chat_template", QA, scorer=_Plain())


def test_default_is_what_the_scorer_was_made_for() -> None:
    assert type(rendering_for("default", _Plain())).__name__ == "None_"
    assert type(rendering_for("hh", _Plain())).__name__ == "Hh"


texts = st.text(max_size=20) | st.just("{x} %s \ud800 \x00 </s>")
messages = st.lists(
    st.builds(Message, st.sampled_from(["system", "user", "assistant"]), texts), max_size=5
).map(tuple)


@given(messages.filter(bool))
def test_turns_of_messages_are_all_kept_in_order(given_messages: tuple[Message, ...]) -> None:
    assert turns(Item(messages=given_messages)).all() == given_messages


@given(prompt=texts, response=texts, name=st.sampled_from(["gating", "hh", "none", "pair"]))
def test_no_text_is_altered(prompt: str, response: str, name: str) -> None:
    rendered = render(name, Item(prompt=prompt, response=response))
    whole = rendered.text + (rendered.text_pair or "")
    assert prompt in whole
    assert response in whole


@given(prompt=texts, response=texts)
def test_the_systems_text_is_never_in_the_default_and_qa_forms(prompt: str, response: str) -> None:
    for name in ("default", "qa"):
        item = Item(prompt=prompt, response=response)
        assert render(name, item, base_prompt="BASE PROMPT") == render(name, item)
