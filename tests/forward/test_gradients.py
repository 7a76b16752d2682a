"""Token gradients: against finite differences, with and without the prefix kept."""

from __future__ import annotations

import pytest
import torch

from pyrite.errors import ScoringError
from pyrite.forward import Decoder
from tests.forward.tiny import HEAD, VOCABULARY, decoder_of, head, module_of

TEXT = [(7 * i + 3) % VOCABULARY for i in range(24)]
STEP = 3e-3
"""Norms and products are computed in float32 whatever the weights are, so that less is noise."""
NAMES = ["gptj", "llama", "qwen3", "mistral", "gpt2", "opt", "gemma", "gemma2", "windowed"]


def double_precision(name: str) -> Decoder:
    decoder = Decoder(module_of(name), head)
    decoder.module.double()
    decoder.head = lambda vectors: vectors @ HEAD.double()
    return decoder


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("positions", [[0, 3], [15, 20, 16], [23]])
def test_against_finite_differences(name: str, positions: list[int]) -> None:
    decoder = double_precision(name)
    found = decoder.token_gradients(TEXT, positions)
    assert found.shape == (len(positions), VOCABULARY)
    embed = decoder.module.get_input_embeddings()
    with torch.inference_mode():
        table = embed(torch.arange(VOCABULARY))
        base = embed(torch.tensor([TEXT]))
        for row, position in enumerate(positions):
            for token in (0, 5, VOCABULARY - 1):
                ends = []
                for step in (STEP, -STEP):
                    moved = base.clone()
                    moved[0, position] += step * table[token]
                    out = decoder.module(inputs_embeds=moved, use_cache=False)
                    ends.append(float(decoder.head(out.last_hidden_state[:, -1])[0]))
                wanted = (ends[0] - ends[1]) / (2 * STEP)
                assert float(found[row, token]) == pytest.approx(wanted, rel=5e-3, abs=3e-3)


@pytest.mark.parametrize("name", ["gptj", "llama", "qwen3", "gpt2", "opt", "gemma"])
def test_the_prefix_is_run_once_and_changes_nothing(name: str) -> None:
    decoder = Decoder(module_of(name), head)
    seen: list[int] = []
    first = next(m for m in decoder.module.modules() if isinstance(m, torch.nn.ModuleList))[0]
    first.register_forward_pre_hook(
        lambda _m, args, kwargs: seen.append((args or list(kwargs.values()))[0].shape[1]),
        with_kwargs=True,
    )
    assert decoder._can_cache()
    seen.clear()
    kept = decoder.token_gradients(TEXT, [18, 20])
    assert seen == [18, 6]
    again = decoder.token_gradients([*TEXT[:20], 9, *TEXT[21:]], [18])
    assert seen == [18, 6, 6]
    assert not torch.equal(again[0], kept[0])
    decoder._cache_proved = False
    whole = decoder.token_gradients(TEXT, [18, 20])
    torch.testing.assert_close(kept, whole, atol=1e-5, rtol=1e-5)


def test_the_gradient_names_tokens_that_raise_the_score() -> None:
    decoder = decoder_of("gptj")
    position = 22
    gradient = decoder.token_gradients(TEXT, [position])[0]
    swapped = [[*TEXT[:position], t, *TEXT[position + 1 :]] for t in range(VOCABULARY)]
    scores = torch.tensor(decoder.score(swapped))
    both = torch.corrcoef(torch.stack([gradient.clone(), scores]))
    assert float(both[0, 1]) > 0.3


@pytest.mark.parametrize("positions", [[], [-1], [len(TEXT)]])
def test_positions_outside_the_text(positions: list[int]) -> None:
    with pytest.raises(ScoringError, match="positions"):
        decoder_of("gptj").token_gradients(TEXT, positions)
