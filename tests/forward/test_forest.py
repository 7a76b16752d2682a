"""Texts that share what they begin with: the scores of whole texts, whatever the cuts."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pyrite.forward import Decoder, Forest, Lean, Node, linear
from tests.forward.tiny import LEAN, VOCABULARY, decoder_of, head, module_of, plain_score, spread

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


@pytest.mark.parametrize("name", LEAN)
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


def test_an_empty_forest_and_models_that_do_not_share() -> None:
    assert decoder_of("qwen3").score_forest(Forest(())) == []
    assert not decoder_of("gpt2").shares
    assert not Decoder(module_of("qwen3").bfloat16(), head).shares
