"""What every kind of model must keep, whoever wrote it: the contract of `pyrite.models`.

Every kind in the family is held to it by the specimens of `zoo.py`; a kind without one fails.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyrite.errors import ScoringError
from pyrite.models import (
    MODELS,
    Capability,
    Encoded,
    ItemScorer,
    Limits,
    Model,
    Output,
    Pooled,
    Scorer,
    TokenScorer,
    Want,
)
from pyrite.rendering import rendering_for
from pyrite.types import Item
from tests.models.zoo import SPECIMENS, ZOO, Specimen, change_weights

SENTENCE = (
    "when was the last time anyone on moon who wrote he ain't heavy lyrics answer 1972 as far "
    "knows Reward models tell good bad ones! ¿Sí? 漢字 🙂 Question: Human:"
)
WORDS = SENTENCE.split()

HOSTILE = {
    "empty": "",
    "blank": " \n\t ",
    "null bytes": "a\x00b\x00",
    "lone surrogates": "a \ud800 b \udfff",
    "special tokens": "x </s> <pad> [SEP] <|endoftext|> <|startoftext|> y",
    "format strings": "{x} {{y}} %s %(z)d {% raw %} {{ bos_token }}",
    "controls": "\x01\x1b[31m\u202e\ufeff\u0007",
    "huge": "word " * 20_000,
    "one huge word": "w" * 50_000,
}

ALL_IDS = [f"{kind}-{specimen.name}" for kind, specimen in SPECIMENS]


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {name: tmp_path_factory.mktemp(name) for name in ALL_IDS}


@cache
def _opened(name: str, folder: Path) -> tuple[Model, Scorer]:
    model = _specimen(name).make(folder)
    return model, model.open()


def _specimen(name: str) -> Specimen:
    return SPECIMENS[ALL_IDS.index(name)][1]


@pytest.fixture(params=ALL_IDS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def model(name: str, folders: dict[str, Path]) -> Model:
    return _opened(name, folders[name])[0]


@pytest.fixture
def scorer(name: str, folders: dict[str, Path]) -> Scorer:
    return _opened(name, folders[name])[1]


@pytest.fixture
def token_scorer(scorer: Scorer) -> TokenScorer:
    if not isinstance(scorer, TokenScorer):
        pytest.skip("this kind sees no tokens")
    return scorer


def item(prompt: str, response: str, number: int = 0) -> Item:
    return Item(prompt, response, columns={"recorded": number * 0.7, "row_id": number})


def some_items(count: int) -> list[Item]:
    rng = random.Random(5)
    texts = [" ".join(rng.choices(WORDS, k=rng.randint(1, 9))) for _ in range(2 * count)]
    return [item(texts[2 * i], texts[2 * i + 1], i) for i in range(count)]


def encode(
    scorer: TokenScorer, items: Sequence[Item], limits: Limits | None = None
) -> list[Encoded]:
    """The items in the model's own form, without a system message."""
    rendering = rendering_for("default", scorer)
    texts = [rendering.render(one, roles=["user"], scorer=scorer) for one in items]
    return scorer.encode(texts, limits or Limits())


def forward(scorer: Scorer, items: Sequence[Item]) -> list[Output]:
    """One batch of items, at once."""
    if isinstance(scorer, ItemScorer):
        return scorer.score(items)
    assert isinstance(scorer, TokenScorer)
    return scorer.forward(encode(scorer, items), Want())


def numbers(outputs: Sequence[Output]) -> np.ndarray:
    """Scores as [texts, outputs]."""
    return np.array([np.atleast_1d(output.score) for output in outputs], dtype=np.float64)


def one_by_one(scorer: Scorer, items: Sequence[Item]) -> np.ndarray:
    return numbers([forward(scorer, [one])[0] for one in items])


@cache
def _reference(name: str, folder: Path) -> np.ndarray:
    return one_by_one(_opened(name, folder)[1], some_items(24))


def _tolerance(name: str, folder: Path) -> float:
    """A hundred thousandth of the spread of the model's scores."""
    spread = float(_reference(name, folder).std(axis=0).min())
    assert spread > 0
    return 1e-5 * spread


@pytest.fixture
def tolerance(name: str, folders: dict[str, Path]) -> float:
    return _tolerance(name, folders[name])


def test_every_kind_of_model_is_in_the_zoo() -> None:
    kinds = {listing.name for listing in MODELS.listings()}
    assert set(ZOO) == kinds, "every kind of model needs a specimen in tests/models/zoo.py"
    assert all(ZOO[kind] for kind in kinds)


def test_the_specimens_are_of_the_kind_they_stand_for(name: str, model: Model) -> None:
    kind, _ = SPECIMENS[ALL_IDS.index(name)]
    assert type(model) is MODELS.get(kind)


def test_what_is_said_of_an_opened_model(scorer: Scorer) -> None:
    several = Capability.VECTOR in scorer.capabilities
    assert several != (Capability.SCORE in scorer.capabilities)
    assert several == bool(scorer.output_names)
    assert len(set(scorer.output_names)) == len(scorer.output_names)
    assert json.loads(json.dumps(dict(scorer.facts))) == dict(scorer.facts)
    assert scorer.facts["read_at"]
    rendering_for("default", scorer)
    if isinstance(scorer, TokenScorer):
        assert Capability.TOKENS in scorer.capabilities
        wanted = {"dtype", "device", "truncation_side", "num_parameters", "template", "notes"}
        assert wanted <= set(scorer.facts)


def test_shape_of_scores(scorer: Scorer) -> None:
    for output in forward(scorer, some_items(3)):
        if scorer.output_names:
            assert isinstance(output.score, np.ndarray)
            assert output.score.shape == (len(scorer.output_names),)
        else:
            assert type(output.score) is float


def test_scores_spread(name: str, folders: dict[str, Path]) -> None:
    reference = _reference(name, folders[name])
    assert np.isfinite(reference).all()
    assert (reference.std(axis=0) > 0.02).all()


@pytest.mark.parametrize("specimen", ALL_IDS)
@given(data=st.data())
@settings(max_examples=12, deadline=None)
def test_a_score_does_not_depend_on_its_batch(
    data: st.DataObject, specimen: str, folders: dict[str, Path]
) -> None:
    scorer = _opened(specimen, folders[specimen])[1]
    tolerance = _tolerance(specimen, folders[specimen])
    pool, alone = some_items(24), _reference(specimen, folders[specimen])
    order = data.draw(st.lists(st.integers(0, len(pool) - 1), min_size=1, max_size=24))
    size = data.draw(st.integers(1, len(order)))
    found = []
    for start in range(0, len(order), size):
        found.extend(forward(scorer, [pool[index] for index in order[start : start + size]]))
    assert np.abs(numbers(found) - alone[order]).max() <= tolerance


def test_a_score_does_not_depend_on_padding(scorer: Scorer, tolerance: float) -> None:
    short = item("who", "he", 1)
    long = item(" ".join(WORDS), " ".join(WORDS[:6]), 2)
    alone = one_by_one(scorer, [short])
    beside = numbers(forward(scorer, [long, short]))[1]
    assert np.abs(beside - alone[0]).max() <= tolerance


def test_a_model_opened_again_gives_the_same_scores(
    name: str, folders: dict[str, Path], model: Model
) -> None:
    items = some_items(24)[:6]
    again = one_by_one(model.open(), items)
    np.testing.assert_array_equal(again, _reference(name, folders[name])[:6])


def test_no_texts_give_no_scores(scorer: Scorer) -> None:
    assert forward(scorer, []) == []


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_texts_have_a_score_or_a_reason(
    what: str, scorer: Scorer, tolerance: float
) -> None:
    text = HOSTILE[what]
    items = [item(text, "fine", 1), item("fine", text, 2), item(text, text, 3)]
    if isinstance(scorer, ItemScorer):
        assert np.isfinite(numbers(scorer.score(items))).all()
        return
    assert isinstance(scorer, TokenScorer)
    encoded = encode(scorer, items)
    positions = scorer.facts.get("positions")
    for one in encoded:
        assert one.problem or len(one.ids) > 0
        assert one.problem or positions is None or len(one.ids) <= _segments(scorer) * positions
        assert one.problem or -1 <= one.read_at < len(one.ids)
    # A model without positions (ALiBi) cuts nothing: such a text is only encoded here.
    live = [one for one in encoded if not one.problem and len(one.ids) < 1000]
    together = numbers(scorer.forward(live, Want())) if live else np.zeros((0, 1))
    assert np.isfinite(together).all()
    alone = [numbers(scorer.forward([one], Want()))[0] for one in live]
    assert not live or np.abs(together - np.array(alone)).max() <= 10 * tolerance


def _segments(scorer: TokenScorer) -> int:
    # The difference form keeps the ids of two texts one after the other.
    return 2 if scorer.facts.get("form") == "difference" else 1


def test_what_is_cut_is_counted(token_scorer: TokenScorer) -> None:
    items = [item(" ".join(WORDS), " ".join(WORDS[:5]))]
    (whole,) = encode(token_scorer, items, Limits(truncation=False))
    assert whole.num_cut == 0
    (cut,) = encode(token_scorer, items, Limits(truncation=True, max_tokens=20))
    assert len(cut.ids) <= 20 * _segments(token_scorer)
    if whole.problem == "":
        assert cut.num_cut == len(whole.ids) - len(cut.ids) > 0
    long = [item("word " * 2000, "word")]
    (refused,) = encode(token_scorer, long, Limits(truncation=False))
    assert bool(refused.problem) == (token_scorer.facts.get("positions") is not None)
    assert refused.num_cut == 0


def test_a_text_with_a_problem_is_not_scored_and_harms_no_other(
    token_scorer: TokenScorer, tolerance: float
) -> None:
    (good,) = encode(token_scorer, some_items(1))
    bad = Encoded((), -1, problem="too long")
    first, second = token_scorer.forward([bad, good], Want())
    assert np.isnan(first.score).all()
    alone = token_scorer.forward([good], Want())[0].score
    assert np.abs(np.asarray(second.score) - alone).max() <= tolerance


@pytest.mark.parametrize("pool", ["last", "mean", "all"])
def test_vectors_are_of_real_tokens_only(token_scorer: TokenScorer, pool: str) -> None:
    texts = encode(token_scorer, [item("who", "he"), item(" ".join(WORDS[:20]), "wrote it")])
    layers = (-1, 0) if pool == "all" else (-1,)
    for layer in layers:
        want = Want(Pooled(pool, layer, "float32"), Pooled(pool, dtype="float32"))
        together = token_scorer.forward(texts, want)
        for text, output in zip(texts, together, strict=True):
            (alone,) = token_scorer.forward([text], want)
            for found, expected in (
                (output.hidden_states, alone.hidden_states),
                (output.embeddings, alone.embeddings),
            ):
                assert found is not None
                assert expected is not None
                assert found.dtype == np.float32
                assert found.ndim == (2 if pool == "all" else 1)
                np.testing.assert_allclose(found, expected, atol=1e-4)
        widths = {np.shape(output.hidden_states)[-1] for output in together}
        assert len(widths) == 1


def test_vectors_do_not_change_scores_and_are_absent_unless_wanted(
    token_scorer: TokenScorer, tolerance: float
) -> None:
    texts = encode(token_scorer, some_items(3))
    plain = token_scorer.forward(texts, Want())
    assert all(output.hidden_states is None and output.embeddings is None for output in plain)
    for layer in (-1, 1):
        rich = token_scorer.forward(texts, Want(Pooled(layer=layer), Pooled()))
        assert np.abs(numbers(rich) - numbers(plain)).max() <= tolerance


def test_a_layer_that_does_not_exist(token_scorer: TokenScorer) -> None:
    texts = encode(token_scorer, some_items(1))
    with pytest.raises(ScoringError, match="no layer 99"):
        token_scorer.forward(texts, Want(hidden_states=Pooled(layer=99)))


def test_identity_is_stable_and_leaves_out_names(name: str, model: Model) -> None:
    fields = model.model_dump(by_alias=True)
    again = type(model)(**{**fields, "id": "another name"})
    assert again.identity() == model.identity()
    assert json.loads(json.dumps(model.identity())) == model.identity()
    if "device" in fields:
        assert type(model)(**{**fields, "device": "cpu"}).identity() == model.identity()


def test_content_of_the_files_is_part_of_the_identity(name: str, tmp_path: Path) -> None:
    def prints(of: Model) -> dict[str, str | None]:
        return {role: source.fingerprint() for role, source in of.sources().items()}

    model = _specimen(name).make(tmp_path)
    before = prints(model)
    assert before == prints(model)
    assert all(before.values())
    if not change_weights(tmp_path):
        assert not before, "a kind with sources has files that decide its scores"
        return
    assert prints(model) != before
