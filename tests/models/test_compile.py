"""`compile: true`: the same scores, what came of it in the facts, no other identity."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from pyrite.forward import compiling
from pyrite.models import Encoded, Limits, Model, Pooled, Rendered, TokenScorer, Want
from tests.models.zoo import ZOO

TEXTS = [f"the answer is {n}, said number {n * n}" for n in range(7)]
PLAIN = ("bittensor", "gpt2", "bert")
LEAN = ("compat", "qwen3")


def specimen(name: str, folder: Path) -> Model:
    kinds = ("reward_model", "gating_model", "sequence_classifier")
    made = next(s for kind in kinds for s in ZOO[kind] if s.name == name)
    return made.make(folder).model_copy(update={"device": "cpu"})


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Graphs are traced and run as they are; the real compiler takes a minute."""
    monkeypatch.setattr(compiling, "BACKEND", "eager")
    monkeypatch.setattr(compiling, "texts_per_second", lambda *_: (10.0, 20.0))
    torch.compiler.reset()
    yield
    torch.compiler.reset()


def opened(model: Model) -> TokenScorer:
    scorer = model.open()
    assert isinstance(scorer, TokenScorer)
    return scorer


def encoded(scorer: TokenScorer) -> list[Encoded]:
    paired = scorer.default_unravel == "pair"
    texts = [Rendered(t, t[4:] + "x", pair_is="segment") if paired else Rendered(t) for t in TEXTS]
    return scorer.encode(texts, Limits())


@pytest.mark.parametrize("name", PLAIN)
def test_the_plain_forward_pass_is_compiled(name: str, tmp_path: Path) -> None:
    model = specimen(name, tmp_path)
    plain, fast = opened(model), opened(model.model_copy(update={"compile": True}))
    assert str(fast.facts["compile"]).startswith("compiled in")
    assert "compile: compiled in" in str(fast.facts["notes"])
    assert "compile" not in plain.facts
    texts = encoded(plain)
    wants = [Want(), Want(hidden_states=Pooled(layer=1, pool="mean"), embeddings=Pooled())]
    for want in wants:
        for batch in (texts, texts[:1]):
            before, after = plain.forward(batch, want), fast.forward(batch, want)
            for first, second in zip(before, after, strict=True):
                np.testing.assert_allclose(first.score, second.score, atol=1e-5)
                if first.hidden_states is not None:
                    assert second.hidden_states is not None
                    np.testing.assert_allclose(first.hidden_states, second.hidden_states, atol=1e-2)


@pytest.mark.parametrize("name", LEAN)
def test_where_a_lean_forward_pass_runs_it_is_not(name: str, tmp_path: Path) -> None:
    scorer = opened(specimen(name, tmp_path).model_copy(update={"compile": True}))
    assert str(scorer.facts["compile"]).startswith("not compiled, because the lean forward pass")
    assert "lean forward pass runs" in str(scorer.facts["notes"])


@pytest.mark.parametrize("name", [*PLAIN, *LEAN])
def test_it_is_no_part_of_the_identity(name: str, tmp_path: Path) -> None:
    model = specimen(name, tmp_path)
    assert model.identity() == model.model_copy(update={"compile": True}).identity()


def test_short_floats_are_not_compiled(tmp_path: Path) -> None:
    model = specimen("gpt2", tmp_path)
    scorer = opened(model.model_copy(update={"compile": True, "compute": "bfloat16"}))
    assert "not compiled, because in short floats" in str(scorer.facts["compile"])
