"""The engine with a memory: what any run has scored is not computed again, and is the same."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyrite.models import (
    Capability,
    Encoded,
    ItemScorer,
    Output,
    PairOutput,
    Pooled,
    Rendered,
    TextScorer,
    Want,
)
from pyrite.scoring import Engine, ScoreMemory, open_memory
from pyrite.scoring.memory import scorer_key, text_key
from pyrite.types import Item, Message
from tests.scoring.fake import FakePairScorer, FakeScorer

Texts = list[tuple[Item, Rendered | None]]


def rendered(strings: Sequence[str]) -> Texts:
    return [(Item(response=s), Rendered(s)) for s in strings]


def memory_of(scorer: FakeScorer | ItemScorer, folder: Path, identity: str = "m") -> ScoreMemory:
    memory = open_memory(scorer, identity=identity, folder=folder)
    assert memory is not None
    return memory


def scores(engine: Engine, strings: Sequence[str]) -> list[object]:
    return [scored.output.score for scored in engine.score(rendered(strings))]


class NoisyScorer(FakeScorer):
    """Says another score each time, so that a stored one can be told from a computed one."""

    def forward(self, batch: Sequence[Encoded], want: Want) -> list[Output]:
        outputs = super().forward(batch, want)
        noise = len(self.batches) * 1e-9
        return [Output(float(o.score) + noise, o.hidden_states) for o in outputs]


class VectorScorer(FakeScorer):
    """Three outputs a text."""

    capabilities = frozenset({Capability.VECTOR})
    output_names = ("a", "b", "c")

    def forward(self, batch: Sequence[Encoded], want: Want) -> list[Output]:
        outputs = super().forward(batch, want)
        return [Output(np.array([o.score, 1 / 3, -0.0], np.float64)) for o in outputs]


@settings(max_examples=40)
@given(st.lists(st.lists(st.text(max_size=8), max_size=12), min_size=1, max_size=4))
def test_any_mix_of_stored_and_new_texts_gives_the_scores_first_stored(
    tmp_path_factory: pytest.TempPathFactory, rounds: list[list[str]]
) -> None:
    folder = tmp_path_factory.mktemp("scores")
    expected: dict[str, object] = {}
    computed = 0
    for strings in rounds:
        scorer = NoisyScorer()
        memory = memory_of(scorer, folder)
        got = scores(Engine(scorer, batch_tokens=16, memory=memory), strings)
        expected = {**dict(zip(strings, got, strict=True)), **expected}
        assert got == [expected[s] for s in strings]
        computed += sum(len(batch) for batch in scorer.batches)
        memory.close()
    assert computed == len(expected)


def test_a_second_run_makes_no_forward_pass(tmp_path: Path) -> None:
    strings = [f"text {i}" for i in range(50)]
    first, second = FakePairScorer(), FakePairScorer()
    for scorer in (first, second):
        memory = memory_of(scorer, tmp_path)
        pairs = Engine(scorer, memory=memory).score_pairs(rendered(strings), rendered(["x"] * 50))
        assert pairs[7].pair == PairOutput(6, 1, 7.0)
        assert [p.chosen.output.score for p in pairs] == [sum(map(ord, s)) / 1000 for s in strings]
    assert first.batches
    assert not second.batches
    assert memory.said() == [
        "51 of 51 texts and 50 of 50 pairs came from the score store and were not computed again"
    ]


def test_pairs_are_kept_by_both_texts_in_order(tmp_path: Path) -> None:
    class Pairs(FakePairScorer):
        def forward_pairs(
            self, chosen: Sequence[Encoded], rejected: Sequence[Encoded]
        ) -> list[PairOutput]:
            pairs = zip(chosen, rejected, strict=True)
            return [
                PairOutput(np.nan, np.nan, np.nan, "the same")
                if a == b
                else PairOutput(float(len(a.ids)), float(len(b.ids)), 1.0)
                for a, b in pairs
            ]

    for _ in range(2):
        engine = Engine(Pairs(), memory=memory_of(Pairs(), tmp_path))
        pairs = engine.score_pairs(rendered(["a", "bb", "a"]), rendered(["bb", "a", "a"]))
        assert [(p.pair.chosen, p.pair.rejected) for p in pairs[:2]] == [(1, 2), (2, 1)]
        assert pairs[2].pair.problem == "the same"
        assert np.isnan(pairs[2].pair.loss)


def test_what_is_finished_when_a_forward_pass_fails_is_kept(tmp_path: Path) -> None:
    class Failing(FakeScorer):
        def forward(self, batch: Sequence[Encoded], want: Want) -> list[Output]:
            if len(self.batches) == 2:
                raise KeyboardInterrupt
            return super().forward(batch, want)

    strings = [f"text {i}" for i in range(10)]
    with pytest.raises(KeyboardInterrupt):
        scores(Engine(Failing(), batch_tokens=14, memory=memory_of(Failing(), tmp_path)), strings)
    scorer = FakeScorer()
    # Another class is another scorer; only the same one goes on.
    assert scores(Engine(scorer, memory=memory_of(Failing(), tmp_path)), strings)
    assert sum(len(batch) for batch in scorer.batches) == 6


def test_vector_scores_come_back_bit_by_bit(tmp_path: Path) -> None:
    given_, got = (
        Engine(VectorScorer(), memory=memory_of(VectorScorer(), tmp_path)).score(rendered(["abc"]))
        for _ in range(2)
    )
    first, second = given_[0].output.score, got[0].output.score
    assert isinstance(first, np.ndarray)
    assert isinstance(second, np.ndarray)
    assert first.tobytes() == second.tobytes()
    assert first.dtype == second.dtype


def test_wanted_vectors_are_computed_and_their_scores_kept(tmp_path: Path) -> None:
    want = Want(hidden_states=Pooled())
    for _ in range(2):
        scorer = FakeScorer()
        engine = Engine(scorer, want=want, memory=memory_of(scorer, tmp_path))
        (scored,) = engine.score(rendered(["abc"]))
        assert scored.output.hidden_states is not None
        assert len(scorer.batches) == 1
    scorer = FakeScorer()
    assert scores(Engine(scorer, memory=memory_of(scorer, tmp_path)), ["abc"]) == [0.294]
    assert not scorer.batches


def test_a_text_that_cannot_be_scored_is_neither_asked_nor_kept(tmp_path: Path) -> None:
    for most in (3, 100):
        scorer = FakeScorer(max_tokens=most)
        memory = memory_of(scorer, tmp_path)
        found = scores(Engine(scorer, memory=memory), ["abc", "too long"])
        assert found[0] == 0.294
    assert found[1] == sum(map(ord, "too long")) / 1000
    assert memory.counts.texts_found == 1


@pytest.mark.parametrize(
    "change",
    [{"dtype": "bfloat16"}, {"precision": "float16"}, {"device": "cuda:1"}, {"identity": "other"}],
)
def test_what_changes_a_score_changes_the_scorer_key(change: dict[str, str]) -> None:
    one, other = FakeScorer(), FakeScorer()
    one.facts = {"dtype": "float32", "precision": "float32", "device": "cuda:0", "notes": ["a"]}
    other.facts = {**one.facts, "device": "cuda:1", "notes": ["b"], "weights": "/elsewhere"}
    assert scorer_key(one, "m", of="texts") == scorer_key(other, "m", of="texts")
    identity = change.pop("identity", "m")
    other.facts = {**one.facts, "device": "cpu"} if "device" in change else {**one.facts, **change}
    keys = {scorer_key(one, "m", of="texts"), scorer_key(other, identity, of="texts")}
    assert len(keys) == 2
    assert scorer_key(one, "m", of="pairs") not in keys


def test_libraries_are_part_of_the_scorer_key(monkeypatch: pytest.MonkeyPatch) -> None:
    before = scorer_key(FakeScorer(), "m", of="texts")
    monkeypatch.setattr("pyrite.scoring.memory.version", lambda name: "99.0")
    assert scorer_key(FakeScorer(), "m", of="texts") != before


ints = st.lists(st.integers(0, 3), max_size=4).map(tuple)
encoded = st.builds(Encoded, ids=ints, read_at=st.integers(-1, 2), type_ids=ints)


@given(encoded, encoded)
def test_texts_share_a_key_only_if_the_model_is_given_the_same(a: Encoded, b: Encoded) -> None:
    same = (a.ids, a.read_at, a.type_ids) == (b.ids, b.read_at, b.type_ids)
    assert (text_key(a) == text_key(b)) == same
    assert len(text_key(a)) == 16


def test_keys_of_items_and_rendered_texts() -> None:
    turn = Message("user", "a")
    different = [
        Rendered("a"),
        Rendered("a", "b"),
        Rendered("a", special_tokens=False),
        Rendered("a", "b", pair_is="alone"),
        Rendered("", messages=(turn,)),
        Rendered("\ud800"),
        Item("a"),
        Item(None, "a"),
        Item("a", side="chosen"),
        Item(messages=(turn,)),
        Item("a", columns={"x": 1}),
        Item("a", columns={"x": "1"}),
        Item("a", columns={"x": b"1"}),
    ]
    assert len({text_key(text) for text in different}) == len(different)
    assert text_key(Item("a", columns={"x": 1, "y": 2})) == text_key(
        Item("a", columns={"y": 2, "x": 1})
    )


class Items(ItemScorer):
    capabilities = frozenset({Capability.SCORE})
    facts: dict[str, str] = {}  # noqa: RUF012

    def __init__(self) -> None:
        self.asked: list[str | None] = []

    def score(self, items: Sequence[Item]) -> list[Output]:
        self.asked += [item.response for item in items]
        return [Output(float(item.columns["x"])) for item in items]


class PureItems(Items):
    cacheable = True


class Server(Items, TextScorer):
    cacheable = True

    def render_chat(self, item: Item) -> Rendered:
        return Rendered(item.response or "")

    def score_texts(self, texts: Sequence[Rendered]) -> list[Output]:
        self.asked += [text.text for text in texts]
        return [Output(float(len(text.text))) for text in texts]


def test_a_scorer_of_items_is_not_cached_unless_it_says_so(tmp_path: Path) -> None:
    assert open_memory(Items(), identity="m", folder=tmp_path) is None
    texts: Texts = [(Item(response="a", columns={"x": x}), None) for x in (1, 2, 1)]
    for _ in range(2):
        scorer = PureItems()
        engine = Engine(scorer, memory=memory_of(scorer, tmp_path))
        assert [s.output.score for s in engine.score(texts)] == [1, 2, 1]
    assert not scorer.asked


def test_a_server_is_asked_only_for_what_is_new(tmp_path: Path) -> None:
    first, second = Server(), Server()
    scores(Engine(first, memory=memory_of(first, tmp_path)), ["a", "bb"])
    got = scores(Engine(second, memory=memory_of(second, tmp_path)), ["ccc", "bb", "a"])
    assert got == [3, 2, 1]
    assert second.asked == ["ccc"]
