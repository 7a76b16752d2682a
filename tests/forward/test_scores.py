"""A score depends on the text alone: not on the order, the batch, the packing or the prefix."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pyrite.errors import ScoringError
from pyrite.forward import Decoder, Lean, Part, Swap, linear
from pyrite.forward.projections import Projections
from tests.forward.tiny import (
    HEAD,
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
prefixes = st.lists(tokens, max_size=20)
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


@pytest.mark.parametrize("name", ALL)
@quick
@given(prefix=prefixes, rows=texts)
def test_continuations(name: str, prefix: list[int], rows: list[list[int]]) -> None:
    decoder = decoder_of(name)
    wanted = [plain_score(decoder.module, prefix + row) for row in rows]
    near(name, decoder.score_continuations(prefix, rows), wanted)


@pytest.mark.parametrize("name", ALL)
@quick
@given(row=st.lists(tokens, min_size=1, max_size=24), data=st.data())
def test_swaps(name: str, row: list[int], data: st.DataObject) -> None:
    decoder = decoder_of(name)
    swap = st.builds(Swap, st.integers(0, len(row) - 1), tokens)
    swaps = data.draw(st.lists(swap, min_size=1, max_size=8))
    changed = [[*row[: s.position], s.token, *row[s.position + 1 :]] for s in swaps]
    wanted = [plain_score(decoder.module, text) for text in changed]
    near(name, decoder.score_swaps(row, swaps), wanted)


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
    longer = [plain_score(module, [3, 4, *row]) for row in rows]
    near(name, decoder.score_continuations([3, 4], rows), longer)


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
    two = decoder.score_continuations([4, 4], rows)
    assert (two[0], two[1], two[3]) == (two[2], two[5], two[4])


@pytest.mark.parametrize("name", ["gptj", "qwen3", "gpt2"])
def test_a_text_without_tokens_of_its_own_is_an_error(name: str) -> None:
    decoder = decoder_of(name)
    with pytest.raises(ScoringError, match="text 1 of 2 has no tokens"):
        decoder.score_continuations([1, 2], [[3], []])
    with pytest.raises(ScoringError, match="text 0 of 1 has no tokens"):
        decoder.score([[]])
    with pytest.raises(ScoringError, match="swap at 2 of a text of 2"):
        decoder.score_swaps([1, 2], [Swap(2, 5)])
    assert decoder.score([]) == []


@pytest.mark.parametrize("name", ["gptj", "qwen3", "gpt2"])
def test_a_prefix_is_run_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = decoder_of(name)
    decoder.score_continuations([1, 2], [[3]])
    seen = []
    embed = decoder.module.get_input_embeddings()
    watch = embed.register_forward_hook(lambda _m, ids, _out: seen.append(ids[0].numel()))
    if decoder.lean is not None:
        through = type(decoder.lean)._through

        def watched(self: Lean, attention: object, stop: int) -> torch.Tensor:
            seen.append(len(attention.pack.ids))  # type: ignore[attr-defined]
            return through(self, attention, stop)  # type: ignore[arg-type]

        monkeypatch.setattr(Lean, "_through", watched)
    decoder.score_continuations(list(range(40)), [[1, 2], [3, 4], [5, 6]])
    watch.remove()
    assert sum(seen) == 40 + 3 * 2


def test_parts_may_begin_with_any_length_of_the_prefix() -> None:
    decoder = decoder_of("qwen3")
    lean = decoder.lean
    assert lean is not None
    prefix = lean.start(range(30))
    parts = [Part((7, 8), shared) for shared in (0, 1, 17, 30)] + [Part((9,) * 5, 17)]
    found = lean.read(parts, prefix)
    wanted = [plain_score(decoder.module, [*range(part.shared), *part.ids]) for part in parts]
    near("qwen3", (found @ HEAD).tolist(), wanted)
