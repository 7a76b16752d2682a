"""Scorers give with the lean forward pass what they give without it: scores and vectors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from pyrite.errors import ScoringError
from pyrite.models import Encoded, Limits, Pooled, Rendered, TokenScorer, Want
from pyrite.scoring import Engine
from pyrite.scoring.batching import packed_batches
from pyrite.types import Item
from tests.models.zoo import ZOO

TEXTS = ["who wrote that", "when was the moon", "a", "the answer is 1972. " * 3, "who wrote that"]
SPECIMENS = {
    specimen.name: specimen
    for kind in ("reward_model", "sequence_classifier")
    for specimen in ZOO[kind]
    if specimen.name in ("compat", "native", "difference", "gptj", "llama", "qwen2", "qwen3")
}
WANTS = [
    Want(),
    *(
        Want(hidden_states=Pooled(pool=pool, layer=layer, dtype="float32"))
        for pool in ("last", "mean", "all")
        for layer in (-1, 0, 1, -2)
    ),
    Want(embeddings=Pooled(pool="mean", dtype="float32")),
]


@pytest.fixture(scope="module", params=list(SPECIMENS))
def scorer(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TokenScorer]:
    opened = SPECIMENS[request.param].make(tmp_path_factory.mktemp(request.param)).open()
    assert isinstance(opened, TokenScorer)
    yield opened
    opened.close()


def encoded(scorer: TokenScorer) -> list[Encoded]:
    paired = scorer.default_unravel == "qa"
    texts = [
        Rendered(text, text[1:] + "x", pair_is="alone") if paired else Rendered(text)
        for text in TEXTS
    ]
    return scorer.encode(texts, Limits())


def without_lean(scorer: TokenScorer, patch: pytest.MonkeyPatch) -> None:
    inner: Any = scorer
    decoder = inner._decoder if hasattr(inner, "_decoder") else inner.decoder
    patch.setattr(decoder, "lean", None)


def test_the_facts_say_which_forward_pass_runs(scorer: TokenScorer) -> None:
    assert scorer.packed
    assert str(scorer.facts["forward"]).startswith("lean ")


@pytest.mark.parametrize("want", WANTS, ids=str)
def test_scores_and_vectors(
    scorer: TokenScorer, want: Want, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = encoded(scorer)
    assert not any(text.problem for text in batch)
    packed = scorer.forward(batch, want)
    without_lean(scorer, monkeypatch)
    plain = scorer.forward(batch, want)
    spread = max(float(x.score) for x in plain) - min(float(x.score) for x in plain)
    for one, two in zip(packed, plain, strict=True):
        assert one.score == pytest.approx(two.score, abs=1e-5 * spread, rel=0)
        for name in ("hidden_states", "embeddings"):
            first, second = getattr(one, name), getattr(two, name)
            assert (first is None) == (second is None)
            if first is not None:
                np.testing.assert_allclose(first, second, atol=2e-5, rtol=2e-5)


def test_a_layer_that_does_not_exist(scorer: TokenScorer) -> None:
    with pytest.raises(ScoringError, match="no layer 9"):
        scorer.forward(encoded(scorer), Want(hidden_states=Pooled(layer=9)))


def test_the_decoder_gives_the_scorers_scores(scorer: TokenScorer) -> None:
    if scorer.default_unravel == "qa":
        assert scorer.decoder is None
        return
    assert scorer.decoder is not None
    batch = encoded(scorer)
    wanted = [output.score for output in scorer.forward(batch, Want())]
    ids = [text.ids[: text.read_at + 1] for text in batch]
    assert scorer.decoder.score(ids) == pytest.approx(wanted, abs=1e-5)


def test_the_engine_mixes_lengths(scorer: TokenScorer, monkeypatch: pytest.MonkeyPatch) -> None:
    if scorer.default_unravel == "qa":
        pytest.skip("the difference form takes pairs of texts")
    sizes = []
    forward = scorer.forward

    def watched(batch: list[Encoded], want: Want) -> Any:
        sizes.append(len(batch))
        return forward(batch, want)

    monkeypatch.setattr(scorer, "forward", watched)
    texts = [(Item(response=text), Rendered(text)) for text in TEXTS]
    scores = [scored.output.score for scored in Engine(scorer).score(texts)]
    assert sizes == [len(set(TEXTS))]
    assert scores[0] == scores[4]
    small = [scored.output.score for scored in Engine(scorer, batch_tokens=5).score(texts)]
    assert small == pytest.approx(scores, abs=1e-5)


def test_packed_batches_count_tokens_and_no_padding() -> None:
    lengths = [3, 90, 1, 7, 7, 200, 2]
    found = list(packed_batches(lengths, budget=100))
    assert found == [[5], [1, 3], [4, 0, 6, 2]]


def test_a_score_that_is_not_finite(scorer: TokenScorer) -> None:
    inner: Any = scorer
    decoder = inner._decoder if hasattr(inner, "_decoder") else inner.decoder
    norm = decoder.lean.norm
    decoder.lean.norm = lambda x: norm(x) * float("nan")
    try:
        with pytest.raises(ScoringError, match="the score is nan"):
            scorer.forward(encoded(scorer), Want())
    finally:
        decoder.lean.norm = norm
