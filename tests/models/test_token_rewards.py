"""The reward at every token: what the head gives there, whatever the batch, and who has none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pyrite.models import Capability, Encoded, Limits, Pooled, Rendered, TokenScorer, Want
from tests.models.test_contract import WORDS, encode, item, numbers, some_items
from tests.models.zoo import ENCODERS, SPECIMENS

EVERY = Want(token_rewards=True)
GIVING = [
    (f"{kind}-{specimen.name}", specimen)
    for kind, specimen in SPECIMENS
    if (kind == "sequence_classifier" and specimen.name not in ENCODERS)
    or (kind == "reward_model" and specimen.name != "difference")
]
GIVING_NAMES = [name for name, _ in GIVING]


@pytest.fixture(scope="module", params=GIVING, ids=GIVING_NAMES)
def scorer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> TokenScorer:
    name, specimen = request.param
    opened = specimen.make(tmp_path_factory.mktemp(name)).open()
    assert isinstance(opened, TokenScorer)
    return opened


def rewards(scorer: TokenScorer, texts: list[Encoded], want: Want = EVERY) -> list[np.ndarray]:
    found = [output.token_rewards for output in scorer.forward(texts, want)]
    assert all(one is not None and one.dtype == np.float32 for one in found)
    return [one for one in found if one is not None]


def tolerance(scorer: TokenScorer) -> float:
    """A hundred thousandth of the spread of the model's scores."""
    return 1e-5 * float(numbers(scorer.forward(encode(scorer, some_items(24)), Want())).std())


def test_the_reward_at_the_token_that_is_read_is_the_score(scorer: TokenScorer) -> None:
    texts = encode(scorer, some_items(9))
    scores = numbers(scorer.forward(texts, Want()))[:, 0]
    for text, score, found in zip(texts, scores, rewards(scorer, texts), strict=True):
        assert len(found) == len(text.ids)
        assert abs(float(found[text.read_at]) - score) <= tolerance(scorer)
        assert np.isfinite(found[: text.read_at + 1]).all()
        assert np.isnan(found[text.read_at + 1 :]).all()


def test_the_reward_at_a_token_is_the_score_of_a_text_that_is_read_there(
    scorer: TokenScorer,
) -> None:
    assert scorer.decoder is not None
    (text,) = encode(scorer, [item("when was the last time", "in 1972 as far as anyone knows")])
    (found,) = rewards(scorer, [text])
    cut = [text.ids[: place + 1] for place in range(text.read_at + 1)]
    np.testing.assert_allclose(
        found[: text.read_at + 1], scorer.decoder.score(cut), atol=tolerance(scorer)
    )
    assert np.ptp(found[: text.read_at + 1]) > 0.01


def test_rewards_do_not_depend_on_the_batch(scorer: TokenScorer) -> None:
    items = [*some_items(6), item("who", "he"), item(" ".join(WORDS[:20]), "wrote it")]
    texts = encode(scorer, items)
    for text, together in zip(texts, rewards(scorer, texts), strict=True):
        (alone,) = rewards(scorer, [text])
        np.testing.assert_allclose(together, alone, atol=tolerance(scorer))


def test_other_wishes_change_no_reward_and_rewards_no_score(scorer: TokenScorer) -> None:
    texts = encode(scorer, some_items(3))
    plain = scorer.forward(texts, Want())
    assert all(output.token_rewards is None for output in plain)
    alone = rewards(scorer, texts)
    for layer in (-1, 1):
        want = Want(Pooled("all", layer), Pooled(), token_rewards=True)
        rich = scorer.forward(texts, want)
        assert np.abs(numbers(rich) - numbers(plain)).max() <= tolerance(scorer)
        assert all(output.hidden_states is not None for output in rich)
        for one, other in zip(rewards(scorer, texts, want), alone, strict=True):
            np.testing.assert_allclose(one, other, atol=tolerance(scorer))


def test_a_text_with_a_problem_has_no_rewards(scorer: TokenScorer) -> None:
    (good,) = encode(scorer, some_items(1))
    bad, fine = scorer.forward([Encoded((), -1, problem="too long"), good], EVERY)
    assert bad.token_rewards is None
    assert fine.token_rewards is not None


def test_texts_of_tokens_make_the_text(scorer: TokenScorer) -> None:
    assert Capability.TOKEN_REWARDS in scorer.capabilities
    said = "who wrote it? 1972, as far as anyone knows.\n\nHuman: é"
    (text,) = scorer.encode([Rendered(said)], Limits())
    texts = scorer.token_texts(text.ids)
    assert len(texts) == len(text.ids)
    assert said[:-1] in "".join(texts)


def test_whoever_has_no_head_at_a_token_says_so(tmp_path: Path) -> None:
    for kind, specimen in SPECIMENS:
        name = f"{kind}-{specimen.name}"
        if name in GIVING_NAMES or (kind, specimen.name) == ("endpoint", "labels"):
            continue
        folder = tmp_path / name
        folder.mkdir()
        opened = specimen.make(folder).open()
        assert Capability.TOKEN_REWARDS not in opened.capabilities
        if isinstance(opened, TokenScorer):
            (output,) = opened.forward(encode(opened, some_items(1)), EVERY)
            assert output.token_rewards is None
            if kind == "gating_model":
                with pytest.raises(TypeError, match="no reward for a single token"):
                    opened.token_texts([1])
        opened.close()


@pytest.fixture(scope="module")
def compat(tmp_path_factory: pytest.TempPathFactory) -> TokenScorer:
    opened = dict(GIVING)["reward_model-compat"].make(tmp_path_factory.mktemp("compat")).open()
    assert isinstance(opened, TokenScorer)
    return opened


def test_what_follows_the_end_of_text_is_never_read(compat: TokenScorer) -> None:
    plain, more = "who won", "who won<|endoftext|> he's my brother"
    short, long = compat.encode([Rendered(plain), Rendered(more)], Limits())
    assert short.read_at == long.read_at
    assert len(long.ids) > len(short.ids)
    first, second = rewards(compat, [short, long])
    until = short.read_at + 1
    np.testing.assert_allclose(first[:until], second[:until], atol=tolerance(compat))
    assert np.isnan(second[until:]).all()
    score = float(compat.forward([long], Want())[0].score)
    assert abs(float(second[long.read_at]) - score) <= tolerance(compat)


def test_without_a_lean_forward_pass(compat: TokenScorer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert compat.decoder is not None
    texts = encode(compat, some_items(5))
    lean = rewards(compat, texts)
    monkeypatch.setattr(compat.decoder, "lean", None)
    for one, other in zip(rewards(compat, texts), lean, strict=True):
        np.testing.assert_allclose(one, other, atol=tolerance(compat))
