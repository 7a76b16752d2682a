"""bittensor's pair mode, and the vectors that a reward model gives."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import GPTJModel

from pyrite.errors import ScoringError
from pyrite.models import Encoded, Limits, Pooled, TokenScorer, Want
from tests.models.support_gptj import (
    END,
    POSITIONS,
    gptj_config,
    reward_state,
)
from tests.models.support_scorers import alone, encoded, opened, scores


def test_recorded_pairs(recorded: dict[str, Any]) -> None:
    cases = recorded["pairs"]
    scorer = opened(recorded["base"], recorded["checkpoint"])
    first = encoded(scorer, *[case["chosen"] for case in cases])
    second = encoded(scorer, *[case["rejected"] for case in cases])
    for output, case in zip(scorer.forward_pairs(first, second), cases, strict=True):
        assert output.chosen == pytest.approx(case["chosen_end_score"], abs=1e-4)
        assert output.rejected == pytest.approx(case["rejected_end_score"], abs=1e-4)
        assert output.loss == pytest.approx(case["loss"], abs=1e-4)
        assert not output.problem


# Pairs


def pair(scorer: TokenScorer, chosen: str, rejected: str) -> Any:
    return scorer.forward_pairs(encoded(scorer, chosen), encoded(scorer, rejected))[0]


def test_equal_lengths_read_each_text_at_its_own_end(compat: TokenScorer) -> None:
    texts = ("who won #", "who won $")
    first, second = encoded(compat, *texts)
    assert len(first.ids) == len(second.ids)
    output = pair(compat, *texts)
    assert [output.chosen, output.rejected] == pytest.approx(scores(compat, *texts), abs=1e-5)
    margin = output.chosen - output.rejected
    assert output.loss == pytest.approx(math.log1p(math.exp(-margin)), abs=1e-5)


def test_the_shorter_text_is_read_at_a_pad(compat: TokenScorer) -> None:
    long, short = "who won the cup in 1998", "who won"
    output = pair(compat, long, short)
    own = scores(compat, long, short)
    assert output.chosen == pytest.approx(own[0], abs=1e-5)
    assert abs(output.rejected - own[1]) > 1e-3
    mirrored = pair(compat, short, long)
    assert mirrored.chosen == pytest.approx(output.rejected, abs=1e-5)


def test_pairs_do_not_depend_on_each_other(compat: TokenScorer) -> None:
    texts = [("who won", "who lost it"), ("a", "word " * 20), ("the", "the "), ("x y z", "x q")]
    first = encoded(compat, *[a for a, _ in texts])
    second = encoded(compat, *[b for _, b in texts])
    together = compat.forward_pairs(first, second)
    for output, (a, b) in zip(together, texts, strict=True):
        single = pair(compat, a, b)
        for name in ("chosen", "rejected", "loss"):
            assert getattr(output, name) == pytest.approx(getattr(single, name), abs=1e-5)


@pytest.mark.parametrize(
    ("chosen", "rejected", "problem"),
    [
        (f"who{END}a", f"who{END}b", "the same up to the first end of text"),
        ("who", "word " * POSITIONS, "truncation is off"),
    ],
)
def test_pairs_without_a_loss(
    compat: TokenScorer, chosen: str, rejected: str, problem: str
) -> None:
    first = encoded(compat, chosen, "who won")
    second = encoded(compat, rejected, "who lost")
    bad, good = compat.forward_pairs(first, second)
    assert problem in bad.problem
    assert all(map(math.isnan, (bad.chosen, bad.rejected, bad.loss)))
    assert not bad.spoils_call
    assert math.isfinite(good.loss)
    assert not good.problem


@pytest.mark.parametrize(("chosen", "rejected"), [("who won", "who won"), ("who", f"who{END}")])
def test_an_identical_pair_keeps_the_score_of_its_text(
    compat: TokenScorer, chosen: str, rejected: str
) -> None:
    first = encoded(compat, chosen, "who won")
    second = encoded(compat, rejected, "who lost")
    twin, other = compat.forward_pairs(first, second)
    assert twin.chosen == pytest.approx(scores(compat, chosen)[0], abs=1e-5)
    assert math.isnan(twin.rejected)
    assert math.isnan(twin.loss)
    assert "the same tokens" in twin.problem
    assert twin.spoils_call
    assert math.isfinite(other.loss)
    assert not other.problem
    assert not other.spoils_call


def test_a_hopeless_pair_has_a_finite_loss(base: Path, tmp_path: Path) -> None:
    state = reward_state()
    state["v_head.weight"] *= 2000
    torch.save(state, tmp_path / "steep.pt")
    scorer = opened(base, tmp_path / "steep.pt")
    losses = [pair(scorer, "who won", "the cup").loss, pair(scorer, "the cup", "who won").loss]
    assert max(losses) > 200
    assert all(map(math.isfinite, losses))


def test_other_forms_leave_pairs_to_the_engine(
    native: TokenScorer, difference: TokenScorer
) -> None:
    for scorer in (native, difference):
        with pytest.raises(TypeError, match="one by one"):
            scorer.forward_pairs([], [])


# Vectors


@pytest.mark.parametrize("layer", [0, 1, 2, -1, -3])
def test_hidden_states_are_those_of_the_layer(
    compat: TokenScorer, base: Path, checkpoint: Path, layer: int
) -> None:
    texts = encoded(compat, "who won the cup", "a")
    outputs = {}
    for pool in ("last", "mean", "all"):
        want = Want(hidden_states=Pooled(pool, layer, "float32"))
        outputs[pool] = compat.forward(texts, want)
    trunk = GPTJModel(gptj_config()).eval()
    state = reward_state()
    trunk.load_state_dict(
        {k[12:]: v.float() for k, v in state.items() if k.startswith("transformer.")}
    )
    for row, text in enumerate(texts):
        with torch.inference_mode():
            layers = trunk(torch.tensor([text.ids]), output_hidden_states=True).hidden_states
        expected = layers[layer][0].numpy()
        found = {pool: outputs[pool][row].hidden_states for pool in outputs}
        np.testing.assert_allclose(found["all"], expected, atol=1e-4)
        np.testing.assert_allclose(found["mean"], expected.mean(axis=0), atol=1e-4)
        np.testing.assert_allclose(found["last"], expected[text.read_at], atol=1e-4)
        assert outputs["all"][row].embeddings is None


def test_embeddings_are_the_rows_of_the_table(compat: TokenScorer) -> None:
    (text,) = encoded(compat, "who won")
    (output,) = compat.forward([text], Want(embeddings=Pooled("all", dtype="float16")))
    table = reward_state()["transformer.wte.weight"]
    assert output.embeddings is not None
    assert output.embeddings.dtype == np.float16
    assert np.array_equal(output.embeddings, table[list(text.ids)].numpy())
    assert output.hidden_states is None


def test_a_difference_keeps_the_vectors_of_the_full_text(
    difference: TokenScorer, compat: TokenScorer
) -> None:
    want = Want(hidden_states=Pooled("all", dtype="float32"))
    batch = difference.encode([alone("who won it", "it"), alone("a b", "b")], Limits())
    single = compat.forward(encoded(compat, "who won it", "a b"), want)
    for found, expected in zip(difference.forward(batch, want), single, strict=True):
        np.testing.assert_allclose(found.hidden_states, expected.hidden_states, atol=1e-5)


def test_wishes_that_cannot_be_met(compat: TokenScorer) -> None:
    batch = encoded(compat, "who")
    for layer in (3, -4):
        with pytest.raises(ScoringError, match="the model has 0 to 2"):
            compat.forward(batch, Want(hidden_states=Pooled("last", layer)))
    with pytest.raises(ScoringError, match="no pooling"):
        compat.forward(batch, Want(hidden_states=Pooled("max")))


def test_an_overflow_is_told(base: Path, tmp_path: Path) -> None:
    state = reward_state(dtype=torch.float32)
    state["transformer.ln_f.bias"] += 1e5
    torch.save(state, tmp_path / "large.pt")
    scorer = opened(base, tmp_path / "large.pt", dtype="float32")
    batch = encoded(scorer, "who")
    with pytest.raises(ScoringError, match="dtype: float32"):
        scorer.forward(batch, Want(hidden_states=Pooled("last", dtype="float16")))
    state["transformer.ln_f.bias"] += 3e38
    state["v_head.weight"] *= 1e5
    torch.save(state, tmp_path / "endless.pt")
    scorer = opened(base, tmp_path / "endless.pt", dtype="float32")
    with pytest.raises(ScoringError, match="row 1 of the batch: the score is"):
        scorer.forward([Encoded((1,), -1, problem="no"), *encoded(scorer, "a")], Want())
