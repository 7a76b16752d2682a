"""A score depends on the text alone: not on the order, the batch or the packing."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pyrite.errors import ScoringError
from pyrite.forward import Decoder, Lean, linear
from pyrite.forward.projections import Projections
from tests.forward.tiny import (
    LEAN,
    OTHER,
    VOCABULARY,
    decoder_of,
    head,
    module_of,
    plain_score,
    spread,
)

ALL = LEAN + OTHER
tokens = st.integers(0, VOCABULARY - 1)
texts = st.lists(st.lists(tokens, min_size=1, max_size=24), min_size=1, max_size=8)
quick = settings(max_examples=12, deadline=None)


def near(name: str, found: list[float], wanted: list[float]) -> None:
    assert found == pytest.approx(wanted, abs=1e-5 * spread(name), rel=0)


@pytest.mark.parametrize("name", LEAN)
def test_these_have_a_lean_forward_pass(name: str) -> None:
    decoder = decoder_of(name)
    assert decoder.lean is not None
    family = "gptj" if name == "gptj" else "llama"
    assert decoder.told.startswith(f"lean {family}")
    assert "proved equal" in decoder.told


@pytest.mark.parametrize("name", ALL)
@quick
@given(rows=texts, data=st.data())
def test_whole_texts(name: str, rows: list[list[int]], data: st.DataObject) -> None:
    decoder = decoder_of(name)
    wanted = [plain_score(decoder.module, row) for row in rows]
    near(name, decoder.score(rows), wanted)
    order = data.draw(st.permutations(range(len(rows))))
    near(name, decoder.score([rows[i] for i in order]), [wanted[i] for i in order])
    near(name, [decoder.score([row])[0] for row in rows], wanted)


@pytest.mark.parametrize("name", LEAN)
@quick
@given(rows=texts, chunk=st.integers(1, 40))
def test_small_chunks(name: str, rows: list[list[int]], chunk: int) -> None:
    decoder = decoder_of(name)
    wanted = [plain_score(decoder.module, row) for row in rows]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Lean, "chunk", chunk)
        near(name, decoder.score(rows), wanted)


@pytest.mark.parametrize("name", LEAN)
def test_without_a_copy_of_the_weights(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear, "free_memory", lambda: 0.0)
    module = module_of(name)
    decoder = Decoder(module, head)
    assert decoder.lean is not None
    owned = {parameter.data_ptr() for parameter in module.parameters()}
    held = [layer.weight.data_ptr() for layer in _linear_layers(decoder.lean)]
    assert held
    assert set(held) <= owned
    rows = [[5], [6, 7, 8], [9] * 30, list(range(90))]
    near(name, decoder.score(rows), [plain_score(module, row) for row in rows])


def _linear_layers(lean: Lean) -> list[linear.Linear]:
    values = [value for block in lean.blocks for value in vars(block).values()]
    values += [layer for v in values if isinstance(v, Projections) for layer in v.layers]
    return [value for value in values if isinstance(value, linear.Linear)]


@pytest.mark.parametrize("name", LEAN)
@quick
@given(rows=texts, layer=st.integers(0, 2))
def test_vectors_of_all_tokens(name: str, rows: list[list[int]], layer: int) -> None:
    decoder = decoder_of(name)
    assert decoder.lean is not None
    for row, (final, inner) in zip(rows, decoder.lean.states(rows, layer), strict=True):
        with torch.inference_mode():
            out = decoder.module(
                input_ids=torch.tensor([row]), output_hidden_states=True, use_cache=False
            )
        torch.testing.assert_close(final, out.last_hidden_state[0], atol=2e-5, rtol=2e-5)
        torch.testing.assert_close(inner, out.hidden_states[layer][0], atol=2e-5, rtol=2e-5)


@pytest.mark.parametrize("name", ALL)
def test_the_same_texts_have_the_same_score_to_the_bit(name: str) -> None:
    decoder = decoder_of(name)
    rows = [[5, 6, 7], [9] * 9, [5, 6, 7], [3], [3], [9] * 9]
    one = decoder.score(rows)
    assert (one[0], one[1], one[3]) == (one[2], one[5], one[4])


@pytest.mark.parametrize("name", ["gptj", "qwen3", "gpt2"])
def test_a_text_without_tokens_is_an_error(name: str) -> None:
    decoder = decoder_of(name)
    with pytest.raises(ScoringError, match="text 1 of 2 has no tokens"):
        decoder.score([[3], []])
    assert decoder.score([]) == []
