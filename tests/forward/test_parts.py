"""The pieces: packing, linear layers, activations, attention with its sums."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from pyrite.forward.attention import rotate, with_sums, with_sums_plain
from pyrite.forward.linear import Activation, Linear, activation_of, can_prepack
from pyrite.forward.packing import chunks, filling, pack

CPU = torch.device("cpu")
rows = st.lists(st.integers(0, 9), min_size=1, max_size=6).map(tuple)
texts = st.lists(rows, min_size=1, max_size=12)


@given(given_texts=texts)
def test_a_pack_holds_every_text_once(given_texts: list[tuple[int, ...]]) -> None:
    packed = pack(given_texts, CPU)
    assert sorted(packed.order) == list(range(len(given_texts)))
    assert packed.groups[-1].stop == len(packed.ids) == sum(map(len, given_texts))
    ends = packed.last.tolist()
    for index, end in zip(packed.order, ends, strict=True):
        text = given_texts[index]
        start = end + 1 - len(text)
        assert tuple(packed.ids[start : end + 1].tolist()) == text
        assert packed.positions[start : end + 1].tolist() == list(range(len(text)))
    lengths = [group.length for group in packed.groups]
    assert len(lengths) == len(set(lengths))
    assert sum(group.count for group in packed.groups) == len(given_texts)


@given(given_texts=texts)
def test_a_filling_only_adds_at_the_end(given_texts: list[tuple[int, ...]]) -> None:
    bare, filled = pack(given_texts, CPU), pack(given_texts, CPU, filled=True)
    tokens, count = len(bare.ids), len(bare.last)
    assert torch.equal(filled.ids[:tokens], bare.ids)
    assert torch.equal(filled.positions[:tokens], bare.positions)
    assert torch.equal(filled.last[:count], bare.last)
    assert filled.groups[: len(bare.groups)] == bare.groups
    assert filled.order == bare.order
    assert filled.groups[-1].stop == len(filled.ids)
    assert sum(group.count for group in filled.groups) == len(filled.last)


@given(tokens=st.integers(1, 5000), texts=st.integers(1, 600))
def test_a_filling_costs_little(tokens: int, texts: int) -> None:
    texts = min(texts, tokens)
    more = filling(tokens, texts)
    assert sum(more.lengths) == more.tokens <= 8 + (tokens + 8) / 32
    assert len(more.lengths) == more.texts <= 8
    assert all(length > 0 for length in more.lengths)


def test_filled_packs_have_few_sizes() -> None:
    every = [(tokens, texts) for tokens in range(1, 1025) for texts in range(1, tokens // 4 + 1, 3)]
    added = [(case, filling(*case)) for case in every]
    assert len({tokens + more.tokens for (tokens, _), more in added}) < 200
    assert len({texts + more.texts for (_, texts), more in added}) < 45


@given(given_texts=texts, budget=st.integers(1, 20))
def test_chunks_hold_every_text_once_and_keep_the_budget(
    given_texts: list[tuple[int, ...]], budget: int
) -> None:
    found = list(chunks(given_texts, budget))
    assert sorted(i for chunk in found for i in chunk) == list(range(len(given_texts)))
    for chunk in found:
        assert len(chunk) == 1 or sum(len(given_texts[i]) for i in chunk) <= budget


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("rows", [1, 7, 300])
def test_linear_layers(packed: bool, biased: bool, rows: int) -> None:
    torch.manual_seed(0)
    weights = [torch.randn(n, 24) for n in (8, 12)]
    if packed and not can_prepack(weights):
        pytest.skip("oneDNN is not there")
    biases = [torch.randn(8), None] if biased else []
    x, other = torch.randn(rows, 24), torch.randn(rows, 20)
    wanted = torch.cat([functional.linear(x, weight) for weight in weights], dim=1)
    if biased:
        assert biases[0] is not None
        wanted[:, :8] += biases[0]
    layer = Linear(weights, biases, packed=packed)
    with torch.inference_mode():
        close = {"atol": 2e-5, "rtol": 2e-5}
        torch.testing.assert_close(layer(x), wanted, **close)
        torch.testing.assert_close(layer.added(x, other), wanted + other, **close)
        torch.testing.assert_close(layer.multiplied(x, other), wanted * other, **close)
        for act in (torch.nn.GELU("tanh"), torch.nn.GELU(), torch.nn.SiLU(), torch.nn.ReLU()):
            known = activation_of(act)
            assert known.fused is not None
            torch.testing.assert_close(layer.activated(x, known), act(wanted), **close)
        unknown = Activation(torch.nn.Softsign())
        torch.testing.assert_close(
            layer.activated(x, unknown), torch.nn.Softsign()(wanted), **close
        )


def test_activations_are_told_by_their_values() -> None:
    from transformers.activations import ACT2FN

    for name in ("gelu_new", "gelu_pytorch_tanh", "gelu_fast"):
        assert activation_of(ACT2FN[name]).fused == ("gelu", "tanh")
    assert activation_of(ACT2FN["gelu"]).fused == ("gelu", "none")
    assert activation_of(ACT2FN["silu"]).fused == ("swish", "")
    for name in ("quick_gelu", "mish", "relu2"):
        assert activation_of(ACT2FN[name]).fused is None


@settings(max_examples=25, deadline=None)
@given(
    count=st.integers(1, 4),
    length=st.integers(1, 40),
    keys=st.integers(1, 70),
    groups=st.sampled_from([1, 2, 4]),
    causal=st.booleans(),
)
def test_sums_of_attention(count: int, length: int, keys: int, groups: int, causal: bool) -> None:
    if causal:
        keys = length
    q = torch.randn(count, 4, length, 8)
    k, v = (torch.randn(count, 4 // groups, keys, 8) for _ in range(2))
    out, sums = with_sums(q, k, v, scale=0.3, causal=causal)
    plain, plain_sums = with_sums_plain(q, k, v, scale=0.3, causal=causal)
    torch.testing.assert_close(out, plain, atol=2e-6, rtol=2e-5)
    torch.testing.assert_close(sums, plain_sums, atol=2e-6, rtol=2e-5)
    wanted = functional.scaled_dot_product_attention(
        q, k, v, scale=0.3, is_causal=causal, enable_gqa=True
    )
    torch.testing.assert_close(out, wanted, atol=2e-6, rtol=2e-5)


def test_turning_short_floats_and_halves() -> None:
    x = torch.randn(5, 2, 8)
    turns = torch.polar(torch.ones(5, 1, 2), torch.rand(5, 1, 2))
    short = rotate(x.bfloat16(), turns)
    long = rotate(x.clone(), turns)
    torch.testing.assert_close(short.float(), long, atol=0.05, rtol=0.02)
    order = [0, 2, 1, 3, 4, 5, 6, 7]
    halves = rotate(x[..., order], turns, halves=True)
    torch.testing.assert_close(halves[..., order], long)
    short = rotate(x[..., order].bfloat16(), turns, halves=True)
    torch.testing.assert_close(short[..., order].float(), long, atol=0.05, rtol=0.02)
    assert torch.equal(long[..., 4:], x[..., 4:])
