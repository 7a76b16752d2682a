"""What texts share: found whatever the order, run once, and never seen in a score."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyrite.errors import ScoringError
from pyrite.forward import Decoder, Forest
from pyrite.models import (
    Capability,
    Encoded,
    Limits,
    Output,
    Pooled,
    Rendered,
    TokenScorer,
    Want,
)
from pyrite.models.reward_model import RewardModel
from pyrite.scoring import Engine, open_memory
from pyrite.scoring.prefixes import CACHED, FEWEST, PACKED, Plan, Shared, cut_to, plan
from pyrite.types import Item, Json
from tests.forward.tiny import decoder_of

Row = tuple[int, ...]


@st.composite
def rows_sharing(draw: st.DrawFn) -> list[Row]:
    """Texts made of common stems, so that any two may share any number of tokens."""
    chance = random.Random(draw(st.integers(0, 10**6)))
    stems: list[Row] = [()]
    for _ in range(draw(st.integers(1, 8))):
        more = tuple(chance.randrange(3) for _ in range(chance.choice([1, 5, 15, 16, 17, 40])))
        stems.append(chance.choice(stems) + more)
    rows = [
        chance.choice(stems) + tuple(chance.randrange(3) for _ in range(chance.randint(1, 9)))
        for _ in range(draw(st.integers(0, 24)))
    ]
    return rows + stems[1:]


def texts_of(forest: Forest) -> list[Row]:
    """What each leaf says, from the first token on."""
    found = []
    for index, node in enumerate(forest.nodes):
        if index not in forest.inner:
            above = [forest.nodes[i].ids for i in reversed(forest.above(index))]
            found.append(sum([*above, node.ids], ()))
    return found


def check(found: Sequence[Shared], rows: Sequence[Row]) -> list[int]:
    """Every leaf is its text; which texts they are."""
    for shared in found:
        assert texts_of(shared.forest) == [rows[text] for text in shared.texts]
        for index, node in enumerate(shared.forest.nodes):
            assert node.ids
            # Next to its parent, or to what is below that.
            near = [index - 1, *shared.forest.above(index - 1)] if index else []
            assert node.parent == -1 or node.parent in near
    return [text for shared in found for text in shared.texts]


@given(rows_sharing(), st.integers(1, 200))
def test_every_text_is_in_one_place_of_a_plan_and_of_its_parts(
    rows: list[Row], budget: int
) -> None:
    found = plan(rows)
    every = list(range(len(rows)))
    assert sorted([*check(found.trees, rows), *found.whole]) == every
    parts = list(cut_to(found.trees, budget=budget))
    assert sorted([*check(parts, rows), *found.whole]) == every
    for part in parts:
        assert part.forest.tokens <= max(budget, max(map(len, rows))) or len(part.texts) == 1


@given(rows_sharing())
def test_a_plan_runs_no_more_tokens_than_there_are(rows: list[Row]) -> None:
    trees = plan(rows).trees
    for shared in trees:
        assert shared.forest.tokens <= sum(len(rows[text]) for text in shared.texts)


@given(rows_sharing(), st.randoms())
def test_what_is_run_does_not_depend_on_the_order(rows: list[Row], chance: random.Random) -> None:
    mixed = list(rows)
    chance.shuffle(mixed)
    assert work(plan(mixed), mixed) == work(plan(rows), rows)


def work(found: Plan, rows: Sequence[Row]) -> int:
    """Tokens that are run."""
    shared = sum(tree.forest.tokens for tree in found.trees)
    return shared + sum(len(rows[index]) for index in found.whole)


def test_prompts_and_answers_are_run_once() -> None:
    chance = random.Random(1)

    def drawn(count: int) -> Row:
        return tuple(chance.randrange(1000) for _ in range(count))

    prompt, first, second = drawn(50), drawn(100), drawn(90)
    rows = [prompt + answer + drawn(5) for answer in (first, second) for _ in range(20)]
    found = plan(rows)
    assert (len(found.trees), found.whole) == (1, ())
    assert found.trees[0].forest.tokens == 50 + 100 + 90 + 40 * 5


def test_little_in_common_is_not_worth_it() -> None:
    few = tuple(range(FEWEST))
    assert plan([few[1:] + (i,) * 9 for i in range(100, 110)]).trees == ()
    assert plan([few + (i,) * 400 for i in range(100, 102)]).trees == ()
    assert len(plan([few + (i,) * 9 for i in range(100, 110)]).trees) == 1


def test_a_text_that_another_begins_with_keeps_its_last_token() -> None:
    rows = [tuple(range(n)) for n in (40, 30, 20)]
    (shared,) = plan(rows).trees
    assert sorted(texts_of(shared.forest)) == sorted(rows)


def test_texts_that_begin_one_another_make_a_deep_tree() -> None:
    rows = [tuple(range(FEWEST * n)) for n in range(2, 1200)]
    (shared,) = plan(rows).trees
    assert len(shared.forest.above(len(shared.forest.nodes) - 1)) > 10
    assert work(plan(rows), rows) < sum(map(len, rows)) / 10


# --- through the engine, with a real model -------------------------------------------------------


@cache
def tiny(reading: str) -> TokenScorer:
    return RewardModel(path="builtin:tiny-reward-model", reading=reading).open()


WORDS = ["moon", "who", "answer", "please", "exactly", "river", "thanks", "1972", "<|endoftext|>"]
PARTS = [" ".join(random.Random(i).choices(WORDS[:-1], k=n)) for i, n in enumerate([40, 12, 30, 5])]
part = st.sampled_from([*PARTS, *WORDS, ""])
answers = st.lists(st.builds("{} {} {}".format, part, part, part), min_size=1, max_size=12)


def rendered(texts: Sequence[str]) -> list[tuple[Item, Rendered | None]]:
    return [(Item(response=text), Rendered(text)) for text in texts]


def whole(scorer: TokenScorer, texts: Sequence[str]) -> list[float]:
    """Each text in a forward pass of its own."""
    encoded = scorer.encode([Rendered(text) for text in texts], Limits())
    return [float(scorer.forward([text], Want())[0].score) for text in encoded]


@cache
def spread(reading: str) -> float:
    scores = whole(tiny(reading), [*PARTS, *WORDS[:-1]])
    return max(scores) - min(scores)


@pytest.mark.parametrize("reading", ["native", "compat"])
@settings(max_examples=30, deadline=None)
@given(texts=answers, data=st.data())
def test_scores_do_not_depend_on_sharing_order_window_or_budget(
    reading: str, texts: list[str], data: st.DataObject
) -> None:
    scorer = tiny(reading)
    engine = Engine(scorer, batch_tokens=data.draw(st.sampled_from([1, 30, 100, 8192])))
    order = data.draw(st.permutations(texts))
    window = data.draw(st.integers(1, len(texts)))
    found: dict[str, float] = {}
    for start in range(0, len(order), window):
        here = order[start : start + window]
        scores = [float(scored.output.score) for scored in engine.score(rendered(here))]
        for text, score in zip(here, scores, strict=True):
            assert here.count(text) == 1 or score == scores[here.index(text)]
            found[text] = score
    wanted = whole(scorer, texts)
    near = pytest.approx(wanted, abs=1e-5 * spread(reading), rel=0)
    assert [found[text] for text in texts] == near


@pytest.mark.parametrize("reading", ["native", "compat"])
@settings(max_examples=15, deadline=None)
@given(texts=answers, data=st.data())
def test_scores_do_not_depend_on_what_was_stored(
    reading: str, texts: list[str], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What was stored shares with nobody any more: the rest is another forest."""
    scorer = tiny(reading)
    memory = open_memory(scorer, identity="m", folder=tmp_path_factory.mktemp("scores"))
    assert memory is not None
    known = data.draw(st.lists(st.sampled_from(texts)))
    before = [
        scored.output.score for scored in Engine(scorer, memory=memory).score(rendered(known))
    ]
    scored = Engine(scorer, memory=memory).score(rendered(texts))
    memory.close()
    found = [float(one.output.score) for one in scored]
    near = pytest.approx(whole(scorer, texts), abs=1e-5 * spread(reading), rel=0)
    assert found == near
    for text, score in zip(known, before, strict=True):
        assert found[texts.index(text)] == score


class Watched:
    """Counts what an engine runs."""

    def __init__(self, scorer: TokenScorer, patch: pytest.MonkeyPatch) -> None:
        self.shared: list[Forest] = []
        self.whole: list[Encoded] = []
        decoder: Any = scorer.decoder
        forest, forward = decoder.score_forest, scorer.forward

        def score_forest(given: Forest) -> list[float]:
            self.shared.append(given)
            result: list[float] = forest(given)
            return result

        def scored(batch: Sequence[Encoded], want: Want) -> list[Output]:
            self.whole += batch
            return forward(batch, want)

        patch.setattr(decoder, "score_forest", score_forest)
        patch.setattr(scorer, "forward", scored)


ALIKE = [f"{PARTS[0]} {word}" for word in WORDS[:-1]]


def test_texts_that_begin_alike_share(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = Watched(tiny("native"), monkeypatch)
    texts = rendered([*ALIKE, "who is alone"])
    tokens = [len(scored.encoded.ids) for scored in Engine(tiny("native")).score(texts)]  # type: ignore[union-attr]
    (forest,) = seen.shared
    assert forest.tokens < sum(tokens) / 4
    assert len(seen.whole) == 1


def test_pairs_share_their_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = Watched(tiny("native"), monkeypatch)
    chosen = rendered([f"{PARTS[0]} {WORDS[0]}", f"{PARTS[2]} {WORDS[1]}"])
    rejected = rendered([f"{PARTS[0]} {WORDS[2]}", f"{PARTS[2]} {WORDS[3]}"])
    pairs = Engine(tiny("native")).score_pairs(chosen, rejected)
    assert len(seen.shared) == 1
    assert not seen.whole
    wanted = whole(tiny("native"), [f"{PARTS[0]} {WORDS[0]}", f"{PARTS[0]} {WORDS[2]}"])
    assert [pairs[0].pair.chosen, pairs[0].pair.rejected] == pytest.approx(wanted, abs=1e-5)


def test_nothing_is_shared_where_vectors_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = Watched(tiny("native"), monkeypatch)
    scored = Engine(tiny("native"), want=Want(hidden_states=Pooled())).score(rendered(ALIKE))
    assert not seen.shared
    assert len(seen.whole) == len(ALIKE)
    assert all(one.output.hidden_states is not None for one in scored)


def test_nothing_is_shared_in_short_floats(monkeypatch: pytest.MonkeyPatch) -> None:
    scorer = RewardModel(path="builtin:tiny-reward-model", compute="bfloat16").open()
    seen = Watched(scorer, monkeypatch)
    Engine(scorer).score(rendered(ALIKE))
    assert not seen.shared
    assert len(seen.whole) == len(ALIKE)


@cache
def plain(name: str) -> TokenScorer:
    """A scorer with one of the tiny decoders."""
    return Cut(decoder_of(name))


class Cut(TokenScorer):
    """A decoder's scores of texts, a token a letter."""

    capabilities = frozenset({Capability.SCORE})
    facts: dict[str, Json] = {}  # noqa: RUF012

    def __init__(self, decoder: Decoder) -> None:
        self.decoder = decoder

    def render_chat(self, item: Item) -> Rendered:
        raise TypeError("no messages")

    def encode(self, texts: Sequence[Rendered], limits: Limits) -> list[Encoded]:
        rows = [tuple(3 + ord(letter) % 100 for letter in text.text) for text in texts]
        return [Encoded(row, len(row) - 1) for row in rows]

    def forward(self, batch: Sequence[Encoded], want: Want) -> list[Output]:
        assert self.decoder is not None
        return [Output(score) for score in self.decoder.score([text.ids for text in batch])]


STEM = "".join(random.Random(3).choices("abcdefghijklmnop", k=40))
LETTERS = [f"{STEM}{ends}" for ends in "xyzuvwrst"] + [f"{STEM}{STEM[:30]}{ends}" for ends in "abc"]


@pytest.mark.parametrize("name", ["gpt2", "gpt_neox", "opt", "bloom", "gemma"])
def test_any_decoder_with_a_cache_shares(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scorer = plain(name)
    assert scorer.decoder is not None
    assert scorer.decoder.lean is None
    wanted = whole(scorer, LETTERS)
    seen = Watched(scorer, monkeypatch)
    for budget in (8192, 60):
        seen.shared.clear()
        engine = Engine(scorer, batch_tokens=budget)
        scores = [float(scored.output.score) for scored in engine.score(rendered(LETTERS))]
        unit = max(wanted) - min(wanted)
        assert scores == pytest.approx(wanted, abs=1e-5 * unit, rel=0)
        assert sum(len(texts_of(forest)) for forest in seen.shared) == len(LETTERS)
    assert not seen.whole


@pytest.mark.parametrize("name", ["gemma2", "windowed"])
def test_a_cache_that_forgets_is_not_shared(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scorer = plain(name)
    wanted = whole(scorer, LETTERS)
    seen = Watched(scorer, monkeypatch)
    scores = [float(scored.output.score) for scored in Engine(scorer).score(rendered(LETTERS))]
    assert scores == pytest.approx(wanted, abs=1e-5 * (max(wanted) - min(wanted)), rel=0)
    assert not seen.shared
    assert len(seen.whole) == len(LETTERS)


def test_a_cache_shares_only_what_pays_two_passes() -> None:
    few = [(1,) * 20 + (i,) * 9 for i in range(100, 104)]
    assert plan(few, PACKED).trees
    assert not plan(few, CACHED).trees
    assert plan([*few, *((1,) * 20 + (i,) * 9 for i in range(200, 206))], CACHED).trees


def test_running_out_of_memory_halves_what_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    scorer = tiny("native")
    wanted = whole(scorer, ALIKE)
    decoder: Any = scorer.decoder
    forest = decoder.score_forest

    def full(given: Forest) -> list[float]:
        if given.tokens > 30:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
        result: list[float] = forest(given)
        return result

    monkeypatch.setattr(decoder, "score_forest", full)
    engine = Engine(scorer, batch_tokens=1000)
    scores = [float(scored.output.score) for scored in engine.score(rendered(ALIKE))]
    assert scores == pytest.approx(wanted, abs=1e-5)
    assert engine.batch_tokens < 1000


def test_a_score_that_is_not_finite_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    decoder: Any = tiny("native").decoder
    norm = decoder.lean.norm
    monkeypatch.setattr(decoder.lean, "norm", lambda x: norm(x) * float("nan"))
    with pytest.raises(ScoringError, match="the score is nan"):
        Engine(tiny("native")).score(rendered(ALIKE))


def test_texts_with_segments_or_a_problem_run_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    scorer = tiny("native")
    encode = scorer.encode

    def marked(texts: Sequence[Rendered], limits: Limits) -> list[Encoded]:
        first, second, *rest = encode(texts, limits)
        return [replace(first, problem="no"), replace(second, type_ids=(0,) * 9), *rest]

    monkeypatch.setattr(scorer, "encode", marked)
    seen = Watched(scorer, monkeypatch)
    scored = Engine(scorer).score(rendered(ALIKE))
    assert [len(texts_of(forest)) for forest in seen.shared] == [len(ALIKE) - 2]
    assert [text.type_ids for text in seen.whole] == [(0,) * 9]
    assert scored[0].output.score != scored[0].output.score
