"""bittensor's gating model: its recorded outputs, both layouts, local attention in batches."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from safetensors.torch import save_file
from transformers import GPTNeoModel

from pyrite.errors import CheckpointError, HeadError, ModelError
from pyrite.models import Capability, Encoded, Limits, Pooled, Rendered, TokenScorer, Want
from pyrite.models.gating_model import GatingModel
from tests.models.support_gptj import (
    END,
    NODES,
    POSITIONS,
    State,
    gating_state,
    gptj_config,
    neo_config,
    write_base,
)
from tests.models.support_scorers import encoded


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_base(tmp_path_factory.mktemp("encoder"), config=neo_config())


@pytest.fixture(scope="module")
def gating_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("gating") / "gating.torch"
    torch.save({"model_state_dict": with_masks(gating_state()), "num_hotkeys": NODES}, path)
    return path


@pytest.fixture(scope="module")
def gating(encoder: Path, gating_file: Path) -> TokenScorer:
    return opened(encoder, gating_file)


def with_masks(state: State) -> State:
    masks: State = {}
    for layer in range(2):
        prefix = f"model.h.{layer}.attn.attention"
        masks[f"{prefix}.bias"] = torch.ones(1, 1, 8, 8, dtype=torch.bool)
        masks[f"{prefix}.masked_bias"] = torch.tensor(-1e9)
    return {**state, **masks}


def opened(folder: Path, ckpt: Path | None, **fields: Any) -> TokenScorer:
    name = None if ckpt is None else str(ckpt)
    return GatingModel(path=str(folder), ckpt=name, device="cpu", **fields).open()


def values(scorer: TokenScorer, batch: list[Encoded]) -> np.ndarray:
    """[texts, outputs]."""
    return np.array([output.score for output in scorer.forward(batch, Want())])


def outputs(scorer: TokenScorer, *texts: str) -> np.ndarray:
    return values(scorer, encoded(scorer, *texts))


def test_recorded_outputs(shared_data: Path) -> None:
    folder = shared_data / "parity" / "bittensor_gating"
    cases = json.loads((folder / "cases.json").read_text(encoding="utf-8"))["cases"]
    tokenizer = str(shared_data / "parity" / "bittensor_reward" / "base")
    scorer = opened(folder / "base", folder / "gating.torch", tokenizer=tokenizer)
    expected = np.array([case["scores"] for case in cases])
    messages = [case["message"] for case in cases]
    assert scorer.output_names == tuple(map(str, range(12)))
    np.testing.assert_allclose(outputs(scorer, *messages), expected, rtol=0, atol=1e-4)
    alone = np.concatenate([outputs(scorer, message) for message in messages])
    np.testing.assert_allclose(alone, expected, rtol=0, atol=1e-4)


def test_outputs_are_those_of_a_plain_forward_pass(gating: TokenScorer) -> None:
    texts = encoded(gating, "user: who won the cup\n", "a")
    state = gating_state()
    trunk = GPTNeoModel(neo_config()).eval()
    trunk.load_state_dict({k[6:]: v for k, v in state.items() if k.startswith("model.")})
    for text, found in zip(texts, values(gating, texts), strict=True):
        with torch.inference_mode():
            last = trunk(torch.tensor([text.ids])).last_hidden_state[0, -1]
            expected = torch.nn.functional.linear(
                last, state["linear.weight"], state["linear.bias"]
            )
        np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)
        assert text.read_at == len(text.ids) - 1


def test_what_it_says_of_itself(gating: TokenScorer) -> None:
    assert gating.default_unravel == "gating"
    assert gating.output_names == ("0", "1", "2", "3", "4")
    assert Capability.VECTOR in gating.capabilities
    assert Capability.SCORE not in gating.capabilities
    json.dumps(gating.facts)


@settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))
@given(texts=st.lists(st.text(min_size=1, max_size=40), min_size=1, max_size=6), data=st.data())
def test_outputs_depend_on_nothing_but_the_text(
    gating: TokenScorer, texts: list[str], data: st.DataObject
) -> None:
    batch = [text for text in encoded(gating, *texts) if not text.problem]
    together = values(gating, batch)
    apart = np.concatenate([values(gating, [text]) for text in batch])
    np.testing.assert_allclose(together, apart, atol=2e-5)
    order = data.draw(st.permutations(range(len(batch))))
    shuffled = values(gating, [batch[index] for index in order])
    np.testing.assert_allclose(shuffled, together[order], atol=2e-5)


def test_padding_never_moves_an_output(gating: TokenScorer) -> None:
    long = encoded(gating, "word " * 50)
    texts = [text for n in range(1, 12) for text in encoded(gating, "the cup was held"[:n])]
    apart = np.concatenate([values(gating, [text]) for text in texts])
    padded = np.array([values(gating, [text, *long])[0] for text in texts])
    assert np.abs(apart - padded).max() < 1e-5 * np.ptp(apart)


def test_softmax_is_over_a_text_of_its_own(
    encoder: Path, gating_file: Path, gating: TokenScorer
) -> None:
    texts = ("who won", "the cup was held in France")
    soft = outputs(opened(encoder, gating_file, norm="softmax"), *texts)
    raw = np.exp(outputs(gating, *texts))
    np.testing.assert_allclose(soft, raw / raw.sum(axis=1, keepdims=True), atol=1e-6)
    default = GatingModel(path="x", norm="default")
    assert default == GatingModel(path="x", norm="none")
    assert default.identity() != GatingModel(path="x", norm="softmax").identity()
    with pytest.raises(ValidationError, match="norm"):
        GatingModel(path="x", norm="zscore")


def test_texts_are_cut_on_the_right(gating: TokenScorer) -> None:
    (off,) = encoded(gating, "word " * POSITIONS, limits=Limits(truncation=False))
    assert "truncation is off" in off.problem
    (cut,) = encoded(gating, "word " * POSITIONS)
    assert cut.ids == off.ids[:POSITIONS]
    assert cut.num_cut == len(off.ids) - POSITIONS
    (short,) = encoded(gating, "word " * POSITIONS, limits=Limits(max_tokens=3))
    assert short.ids == off.ids[:3]
    assert short.read_at == 2
    (long,) = encoded(gating, "word " * 100_000)
    assert long.num_cut > 99_000
    assert np.isfinite(values(gating, [cut, short, long])).all()


def test_more_than_2048_tokens_are_never_taken(tmp_path: Path) -> None:
    config = neo_config()
    config.max_position_embeddings = 4096
    torch.manual_seed(0)
    state = {f"model.{k}": v for k, v in GPTNeoModel(config).state_dict().items()}
    linear = {"linear.weight": torch.ones(2, 16), "linear.bias": torch.ones(2)}
    torch.save({**state, **linear}, tmp_path / "w.pt")
    scorer = opened(write_base(tmp_path, config=config), tmp_path / "w.pt")
    (cut,) = encoded(scorer, "word " * 5000, limits=Limits(truncation=True, max_tokens=4000))
    assert len(cut.ids) == 2048


@pytest.mark.parametrize("text", ["\0", "\ud800", "🙂", f"a{END}b"])
def test_odd_texts_have_outputs(gating: TokenScorer, text: str) -> None:
    assert np.isfinite(outputs(gating, text)).all()


def test_an_empty_text_has_no_output(gating: TokenScorer) -> None:
    empty, good = encoded(gating, "", "who")
    assert "empty" in empty.problem
    found = values(gating, [empty, good])
    assert np.isnan(found[0]).all()
    assert found.shape == (2, NODES)
    np.testing.assert_allclose(found[1], outputs(gating, "who")[0], atol=1e-6)


def test_hidden_states_and_embeddings(gating: TokenScorer) -> None:
    (text,) = encoded(gating, "who won the cup")
    want = Want(Pooled("last", dtype="float32"), Pooled("all", dtype="float32"))
    (output,) = gating.forward([text], want)
    state = gating_state()
    assert output.hidden_states is not None
    expected = (
        output.hidden_states @ state["linear.weight"].numpy().T + state["linear.bias"].numpy()
    )
    np.testing.assert_allclose(output.score, expected, atol=1e-5)
    np.testing.assert_array_equal(
        output.embeddings, state["model.wte.weight"][list(text.ids)].numpy()
    )


def test_segments_are_refused(gating: TokenScorer) -> None:
    with pytest.raises(ModelError, match="one text"):
        gating.encode([Rendered("a", text_pair="b")], Limits())


# Layouts


def test_every_layout_gives_the_same_outputs(
    tmp_path: Path, encoder: Path, gating: TokenScorer
) -> None:
    state = gating_state()
    expected = outputs(gating, "who won", "a")
    torch.save(state, tmp_path / "flat.pt")
    np.testing.assert_array_equal(
        outputs(opened(encoder, tmp_path / "flat.pt"), "who won", "a"), expected
    )
    linear = {"weight": state["linear.weight"], "bias": state["linear.bias"]}
    torch.save(linear, tmp_path / "EleutherAI_gpt-neo-125m_gating_linear_layer.pth")
    bare = {name.removeprefix("model."): v for name, v in with_masks(state).items()}
    for prefix in ("", "transformer."):
        body = {f"{prefix}{k}": v for k, v in bare.items() if not k.startswith("linear.")}
        if prefix:
            body["lm_head.weight"] = torch.zeros(3, 16)
        folder = write_base(tmp_path / f"whole{prefix}", config=neo_config())
        save_file(body, folder / "model.safetensors")
        model = GatingModel(path=str(folder), ckpt=str(next(tmp_path.glob("*.pth"))))
        np.testing.assert_array_equal(outputs(model.open(), "who won", "a"), expected)
        before = model.sources()["encoder"].fingerprint()
        body[f"{prefix}ln_f.bias"] = body[f"{prefix}ln_f.bias"] + 1
        save_file(body, folder / "model.safetensors")
        assert model.sources()["encoder"].fingerprint() != before


def test_a_linear_layer_alone_needs_an_encoder(tmp_path: Path, encoder: Path) -> None:
    state = gating_state()
    linear = {"weight": state["linear.weight"], "bias": state["linear.bias"]}
    torch.save(linear, tmp_path / "linear.pth")
    with pytest.raises(CheckpointError, match="no weights here"):
        opened(encoder, tmp_path / "linear.pth")


def test_an_encoder_without_a_gate_is_refused(tmp_path: Path) -> None:
    folder = write_base(tmp_path, config=neo_config())
    body = {k[6:]: v for k, v in gating_state().items() if k.startswith("model.")}
    save_file(body, folder / "model.safetensors")
    with pytest.raises(HeadError, match=r"no linear\.weight and no linear\.bias.* none is made up"):
        opened(folder, None)


def test_checkpoints_that_do_not_fit(tmp_path: Path, encoder: Path) -> None:
    good = gating_state()
    cases: list[tuple[State, int, str]] = [
        ({}, NODES + 1, "num_hotkeys is 6, the linear layer has 5 outputs"),
        ({"linear.weight": torch.ones(NODES, 9)}, NODES, "the encoder is 16 wide"),
        ({"linear.bias": torch.ones(NODES + 1)}, NODES, r"shapes \(5, 16\) and \(6,\)"),
        ({"linear.bias": torch.full((NODES,), math.nan)}, NODES, "5 of 5 values that are NaN"),
        ({"model.ln_f.bias": torch.full((16,), math.inf)}, NODES, r"ln_f\.bias has 16 of 16"),
        ({"model.extra.bias": torch.ones(1)}, NODES, r"no place for 1 key: extra\.bias"),
    ]
    for changes, nodes, message in cases:
        content = {"model_state_dict": {**good, **changes}, "num_hotkeys": nodes}
        torch.save(content, tmp_path / "gating.torch")
        with pytest.raises(CheckpointError, match=message):
            opened(encoder, tmp_path / "gating.torch")
    partial = {name: value for name, value in good.items() if ".h.1." not in name}
    torch.save({"model_state_dict": partial, "num_hotkeys": NODES}, tmp_path / "gating.torch")
    with pytest.raises(CheckpointError, match=r"the weights lack 13 keys: h\.1\."):
        opened(encoder, tmp_path / "gating.torch")


def test_another_architecture_is_refused(tmp_path: Path, gating_file: Path) -> None:
    folder = write_base(tmp_path, config=gptj_config())
    with pytest.raises(ModelError, match="a gptj model, and GatingModel reads GPT-Neo"):
        opened(folder, gating_file)


def test_identity_is_the_content(encoder: Path, gating_file: Path) -> None:
    model = GatingModel(path=str(encoder), ckpt=str(gating_file))
    assert set(model.sources()) == {"config", "weights", "tokenizer", "encoder"}
    assert model.identity() == GatingModel(id="other", path="elsewhere").identity()
