"""When the lean forward pass is not used, and that this is said."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from pyrite.forward import Decoder, proof
from pyrite.forward import families as chosen_from
from pyrite.forward.lean import Lean
from pyrite.forward.proof import plain_last, prove
from tests.forward.tiny import OTHER, decoder_of, head, module_of, plain_score


def told(name: str, **changes: Any) -> str:
    decoder = Decoder(module_of(name, **changes), head)
    assert (decoder.lean is None) == decoder.told.startswith("plain")
    # Whatever runs, it is right.
    rows = [[5, 6, 7], [8] * 20, [9]]
    wanted = [plain_score(decoder.module, row) for row in rows]
    assert decoder.score(rows) == pytest.approx(wanted, abs=1e-5 * (max(wanted) - min(wanted)))
    return decoder.told


@pytest.mark.parametrize("name", [name for name in OTHER if name != "windowed"])
def test_other_architectures(name: str) -> None:
    assert decoder_of(name).told.startswith("plain, because")


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("gptj", "h.1.mlp.fc_out.weight"),
        ("gptj", "h.0.attn.k_proj.weight"),
        ("gptj", "ln_f.bias"),
        ("qwen3", "layers.1.self_attn.q_norm.weight"),
        ("qwen3", "layers.0.mlp.up_proj.weight"),
        ("qwen2", "layers.1.self_attn.v_proj.bias"),
        ("llama", "layers.1.self_attn.o_proj.weight"),
    ],
)
def test_a_changed_weight(name: str, part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # The lean forward pass gets one weight that the module does not have.
    build = chosen_from._built

    def tampered(module: Any) -> Lean:
        other = module_of(name)
        with torch.no_grad():
            weight = dict(other.named_parameters())[part]
            weight.view(-1)[0] += 0.05
        return build(other)

    monkeypatch.setattr(chosen_from, "_built", tampered)
    decoder = Decoder(module_of(name), head)
    assert decoder.lean is None
    assert "differ" in decoder.told
    assert decoder.score([[3, 4, 5]]) == pytest.approx([plain_score(decoder.module, [3, 4, 5])])


def test_attention_that_caps_its_products() -> None:
    assert "attn_logit_softcapping" in told("llama", attn_logit_softcapping=30.0)


def test_rotary_factors_that_depend_on_the_length() -> None:
    rope = {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10000.0}
    assert "'dynamic'" in told("llama", rope_parameters=rope)


@pytest.mark.parametrize("kind", ["linear", "llama3", "yarn"])
def test_rotary_factors_that_are_known(kind: str) -> None:
    rope = {"rope_type": kind, "factor": 2.0, "rope_theta": 10000.0}
    rope |= {"original_max_position_embeddings": 48}
    if kind == "llama3":
        rope |= {"low_freq_factor": 1.0, "high_freq_factor": 4.0}
    assert told("llama", rope_parameters=rope).startswith("lean")


def test_an_unknown_activation_is_taken_from_the_module() -> None:
    assert told("llama", hidden_act="quick_gelu").startswith("lean")
    assert told("gptj", activation_function="relu").startswith("lean")


def test_a_norm_that_adds_one_is_another_norm() -> None:
    assert "GemmaRMSNorm is another norm" in decoder_of("gemma").told


def test_texts_beyond_a_window_run_plainly() -> None:
    decoder = decoder_of("windowed")
    assert "up to 12 tokens" in decoder.told
    assert decoder.fits(12)
    assert not decoder.fits(13)
    rows = [[7] * 12, list(range(13)), list(range(60)), [3]]
    wanted = [plain_score(decoder.module, row) for row in rows]
    assert decoder.score(rows) == pytest.approx(wanted, abs=1e-4)


def test_weights_of_several_types() -> None:
    module = module_of("llama")
    module.layers[0].mlp.to(torch.bfloat16)
    assert "several types" in chosen_from.choose(module, head).told


@pytest.mark.parametrize("name", ["gptj", "llama", "qwen3"])
def test_short_floats_may_err_as_much_as_the_plain_module_does(name: str) -> None:
    decoder = Decoder(short(name), head)
    assert decoder.told.startswith("lean")
    assert "in bfloat16 its error is" in decoder.told
    wanted = plain_score(decoder.module, range(20))
    assert decoder.score([range(20)]) == pytest.approx([wanted], abs=0.5)


@pytest.mark.parametrize("name", ["gptj", "qwen3"])
def test_a_small_fault_is_found_in_short_floats_too(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A fault far below the noise of bfloat16: the copy in float32 shows it.
    build = chosen_from._built

    def tampered(module: Any) -> Lean:
        lean = build(module)
        lean.scale *= 1.002
        return lean

    monkeypatch.setattr(chosen_from, "_built", tampered)
    assert "differ from the plain ones by 0.001" in Decoder(short(name), head).told


def test_noise_beyond_that_of_short_floats(monkeypatch: pytest.MonkeyPatch) -> None:
    build = chosen_from._built

    def noisy(module: Any) -> Lean:
        lean = build(module)
        if lean.embedding.dtype == torch.bfloat16:
            norm = lean.norm
            lean.norm = lambda x: norm(x) * 1.05
        return lean

    monkeypatch.setattr(chosen_from, "_built", noisy)
    assert "more than twice the" in Decoder(short("llama"), head).told


def test_short_floats_without_room_for_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "free_memory", lambda: 0.0)
    module = short("gptj")
    assert proof.exact_copy(module) is None
    assert "in bfloat16" not in Decoder(module, head).told


def test_float32_needs_no_copy() -> None:
    assert proof.exact_copy(module_of("gptj")) is None


def test_training_mode() -> None:
    module = module_of("llama").train()
    assert "training mode" in Decoder(module, head).told


def test_scores_that_are_not_finite() -> None:
    decoder = Decoder(module_of("llama"), lambda vectors: vectors.sum(dim=-1) / 0.0)
    assert "not finite" in decoder.told


def test_a_proof_states_what_it_found() -> None:
    module = module_of("llama")
    made = prove(module, head, lambda rows: [_plain(module, rows)], longest=None, name="itself")
    assert made.difference == 0.0
    assert made.allowed == pytest.approx(1e-5)


def short(name: str) -> Any:
    """A module whose parameters are bfloat16 and whose buffers are not, as files are read."""
    module = module_of(name)
    for parameter in module.parameters():
        parameter.data = parameter.data.bfloat16()
    return module


def _plain(module: Any, rows: list[tuple[int, ...]]) -> torch.Tensor:
    return torch.cat([plain_last(module, [row]) for row in rows])
