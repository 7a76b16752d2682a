"""Texts that share what they begin with: the scores of whole texts, whatever the cuts."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pyrite.forward import Decoder, Forest, Lean, Node, linear
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

FORGETS = ["gemma2", "windowed"]
"""Their cache does not keep all tokens. `windowed` shares what fits into its window."""
CACHED = [name for name in OTHER if name not in FORGETS]

ids = st.lists(st.integers(0, VOCABULARY - 1), min_size=1, max_size=9).map(tuple)


@st.composite
def forests(draw: st.DrawFn) -> Forest:
    """A walk: each node follows on the one before, on one above that, or on none."""
    nodes: list[Node] = []
    path: list[int] = []
    for own in draw(st.lists(ids, min_size=1, max_size=14)):
        path = path[: draw(st.integers(0, len(path)))]
        nodes.append(Node(own, path[-1] if path else -1))
        path.append(len(nodes) - 1)
    return Forest(tuple(nodes))


def texts_of(forest: Forest) -> list[list[int]]:
    found = []
    for index in range(len(forest.nodes)):
        if index not in forest.inner:
            places = [*reversed(forest.above(index)), index]
            found.append([token for place in places for token in forest.nodes[place].ids])
    return found


@given(forest=forests(), budget=st.integers(1, 40))
def test_stretches_hold_every_node_once_and_keep_the_budget(forest: Forest, budget: int) -> None:
    found = list(forest.stretches(budget))
    assert [i for first, stop in found for i in range(first, stop)] == list(
        range(len(forest.nodes))
    )
    for first, stop in found:
        assert stop - first == 1 or sum(len(n.ids) for n in forest.nodes[first:stop]) <= budget


@given(forest=forests())
def test_texts_that_end_on_one_node_are_neighbours(forest: Forest) -> None:
    leaves = [i for i in range(len(forest.nodes)) if i not in forest.inner]
    found = list(forest.ends())
    assert [i for _, some in found for i in some] == leaves
    assert all(forest.nodes[i].parent == above for above, some in found for i in some)
    assert [list(forest.beginning(i)) for i in leaves] == texts_of(forest)


@pytest.mark.parametrize("name", LEAN + CACHED)
@settings(max_examples=12, deadline=None)
@given(forest=forests(), chunk=st.sampled_from([1, 7, 20, 1024]))
def test_scores_are_those_of_whole_texts(name: str, forest: Forest, chunk: int) -> None:
    decoder = decoder_of(name)
    assert decoder.shares
    if forest.longest > 96:
        return
    wanted = [plain_score(decoder.module, text) for text in texts_of(forest)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Lean, "chunk", chunk)
        found = decoder.score_forest(forest)
    assert found == pytest.approx(wanted, abs=1e-5 * spread(name), rel=0)


@pytest.mark.parametrize("name", ["gptj", "qwen3"])
def test_every_token_is_run_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = decoder_of(name)
    seen = []
    through = Lean._through

    def watched(self: Lean, attention: object, stop: int) -> torch.Tensor:
        seen.append(len(attention.pack.ids))  # type: ignore[attr-defined]
        return through(self, attention, stop)  # type: ignore[arg-type]

    monkeypatch.setattr(Lean, "_through", watched)
    monkeypatch.setattr(Lean, "chunk", 24)
    nodes = [Node(tuple(range(20))), *(Node((i,) * 5, 0) for i in range(9)), Node((7,) * 20)]
    decoder.score_forest(Forest(tuple(nodes)))
    assert sum(seen) == 20 + 9 * 5 + 20
    assert max(seen) <= 24


@pytest.mark.parametrize("name", ["gptj", "qwen3"])
def test_without_a_copy_of_the_weights(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear, "free_memory", lambda: 0.0)
    module = module_of(name)
    decoder = Decoder(module, head)
    forest = Forest((Node((3, 4, 5)), Node((6,), 0), Node((7, 8), 0)))
    wanted = [plain_score(module, text) for text in texts_of(forest)]
    assert decoder.score_forest(forest) == pytest.approx(wanted, abs=1e-5 * spread(name), rel=0)


@pytest.mark.parametrize("name", CACHED)
def test_a_cache_runs_every_token_once_and_keeps_the_last_beginning(name: str) -> None:
    decoder = decoder_of(name)
    assert decoder.shares
    decoder.score_forest(Forest((Node((1,)), Node((2,), 0))))
    seen: list[int] = []
    embed = decoder.module.get_input_embeddings()
    watch = embed.register_forward_hook(lambda _m, ids, _out: seen.append(ids[0].numel()))
    nodes = (Node(tuple(range(20))), Node((5,) * 4, 0), Node((6,) * 4, 0), Node((7,) * 10, 0))
    more = (*(Node((i,) * 4, 3) for i in range(3)), Node((8,) * 3, 0))
    decoder.score_forest(Forest(nodes + more))
    assert seen == [20, 2 * 4, 10, 3 * 4, 3]
    seen.clear()
    # What a forest that was cut begins with is still there.
    decoder.score_forest(Forest((nodes[0], Node((9,) * 2, 0))))
    watch.remove()
    assert seen == [2]


@pytest.mark.parametrize("name", ["gpt2", "gpt_neox"])
def test_a_cache_takes_little_memory(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from pyrite.forward import cached

    decoder = decoder_of(name)
    nodes = [Node(tuple(range(20))), *(Node((i % 100,) * (1 + i % 5), 0) for i in range(40))]
    forest = Forest(tuple(nodes))
    wanted = decoder.score_forest(forest)
    rows: list[int] = []
    embed = decoder.module.get_input_embeddings()
    watch = embed.register_forward_hook(lambda _m, ids, _out: rows.append(ids[0].shape[0]))
    # A row of the longest takes 25 tokens of 32 keys and 32 values of 4 bytes.
    monkeypatch.setattr(cached, "LARGEST", 8 * 25 * 64 * 4)
    assert decoder.score_forest(forest) == pytest.approx(wanted, abs=1e-5 * spread(name), rel=0)
    watch.remove()
    assert max(rows) < 16
    assert sum(rows) == 40


def test_an_empty_forest_and_models_that_do_not_share() -> None:
    assert decoder_of("qwen3").score_forest(Forest(())) == []
    assert decoder_of("gpt2").score_forest(Forest(())) == []
    assert not decoder_of("gemma2").shares
    assert not Decoder(module_of("qwen3").bfloat16(), head).shares
    assert not Decoder(module_of("gpt2").bfloat16(), head).shares


def test_a_cache_that_gives_something_else_is_not_used() -> None:
    module = module_of("gpt2")
    forward = module.forward

    def forgets(*args: Any, past_key_values: Any = None, **kwargs: Any) -> Any:
        out = forward(*args, past_key_values=past_key_values, **kwargs)
        if kwargs.get("use_cache") and past_key_values is None:
            out.past_key_values.layers[0].keys *= 1.01
        return out

    module.forward = forgets
    assert not Decoder(module, head).shares
