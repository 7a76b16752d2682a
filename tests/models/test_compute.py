"""What a model computes in: exact unless asked, told apart wherever scores are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers.pytorch_utils import Conv1D

from pyrite.errors import CheckpointError, ModelError
from pyrite.models import Encoded, Limits, Model, Rendered, TokenScorer, Want
from pyrite.models._compute import computed_in, loaded_in, settle
from pyrite.models._int8 import round_to_int8
from pyrite.scoring.memory import scorer_key
from tests.models.support_scorers import opened, scores
from tests.models.zoo import ZOO

TEXTS = [f"the answer is {n}, said number {n * n}" for n in range(12)]
LINEAR = (torch.nn.Linear, Conv1D)
SPECIMENS = {
    specimen.name: specimen
    for kind in ("reward_model", "gating_model", "sequence_classifier")
    for specimen in ZOO[kind]
    if specimen.name
    in ("compat", "native", "difference", "bittensor", "llama", "qwen3", "gpt2", "deberta", "bert")
}


@pytest.fixture(params=sorted(SPECIMENS))
def model(request: pytest.FixtureRequest, tmp_path: Path) -> Model:
    made = SPECIMENS[request.param].make(tmp_path)
    return made.model_copy(update={"device": "cpu"})


def changed(model: Model, **fields: Any) -> TokenScorer:
    scorer = model.model_copy(update=fields).open()
    assert isinstance(scorer, TokenScorer)
    return scorer


def values(scorer: TokenScorer) -> np.ndarray:
    kinds = {"qa": "alone", "pair": "segment"}
    kind: Any = kinds.get(scorer.default_unravel)
    texts = [Rendered(t, t[4:] + "x", pair_is=kind) if kind else Rendered(t) for t in TEXTS]
    encoded: list[Encoded] = scorer.encode(texts, Limits())
    return np.array([np.atleast_1d(o.score) for o in scorer.forward(encoded, Want())])


def test_short_products_are_near_and_not_equal(model: Model) -> None:
    exact, usual = values(changed(model, compute="float32")), values(changed(model))
    np.testing.assert_array_equal(exact, usual)
    scorer = changed(model, compute="bfloat16")
    coarse = values(scorer)
    assert scorer.facts["dtype"] == "bfloat16"
    assert np.abs(coarse - exact).max() > 0
    # Scores of a few tiny models with random weights spread little: against their size.
    assert np.abs(coarse - exact).max() < 0.05 * max(1.0, np.abs(exact).max())
    assert "computes in bfloat16" in str(scorer.facts["notes"])
    assert "computes in" not in str(changed(model).facts["notes"])


def test_identity_and_store_tell_them_apart(model: Model) -> None:
    kinds = ("auto", "bfloat16", "float16")
    assert len({str(model.model_copy(update={"compute": k}).identity()) for k in kinds}) == 3
    kinds = ("float32", "bfloat16", "int8")
    assert len({str(model.model_copy(update={"dtype": k}).identity()) for k in kinds}) == 3
    scorers = [changed(model, compute=k) for k in ("float32", "bfloat16")]
    # Even under one identity, as `auto` may be on another machine.
    assert len({scorer_key(scorer, "the same", of="texts") for scorer in scorers}) == 2


def test_float16_on_a_cpu_is_refused_with_the_cure(model: Model) -> None:
    with pytest.raises(ModelError, match=r"float16 on a CPU.*compute: bfloat16"):
        changed(model, compute="float16")


def test_rounded_weights_are_computed_in_float32(model: Model) -> None:
    rounded = changed(model, dtype="bfloat16", compute="float32")
    assert (rounded.facts["precision"], rounded.facts["dtype"]) == ("bfloat16", "float32")
    anatomy = rounded.anatomy()
    assert anatomy is not None
    for weight in anatomy.module.parameters():
        assert weight.dtype == torch.float32
        assert torch.equal(weight, weight.bfloat16().float())


def test_int8_weights_have_few_values_and_near_scores(model: Model) -> None:
    exact = values(changed(model, dtype="float32", compute="float32"))
    scorer = changed(model, dtype="int8")
    assert (scorer.facts["precision"], scorer.facts["dtype"]) == ("int8", "float32")
    assert "linear layers are rounded to int8" in str(scorer.facts["notes"])
    coarse = values(scorer)
    assert 0 < np.abs(coarse - exact).max() < 0.15 * max(1.0, np.abs(exact).max())
    rounded, whole = scorer.anatomy(), changed(model, dtype="float32", compute="float32").anatomy()
    assert rounded is not None
    assert whole is not None
    layers = {n for n, m in rounded.module.base_model.named_modules() if isinstance(m, LINEAR)}
    assert layers
    before = dict(whole.module.base_model.named_parameters())
    for name, weight in rounded.module.base_model.named_parameters():
        layer = name.removesuffix(".weight")
        if layer not in layers:
            assert torch.equal(weight, before[name]), name
            continue
        written_in_out = isinstance(rounded.module.base_model.get_submodule(layer), Conv1D)
        both = (weight.T, before[name].T) if written_in_out else (weight, before[name])
        for row, old in zip(*both, strict=True):
            assert (row - old).abs().max() <= old.abs().max() / 127 * 0.5001
            assert len(row.unique()) <= 255
    for key, value in rounded.head.items():
        assert torch.equal(value, whole.head[key])


def test_int8_rounds_to_multiples_of_the_largest_weight() -> None:
    layer = torch.nn.Linear(3, 2)
    layer.weight.data = torch.tensor([[1.27, -0.004, 0.016], [0.0, 0.0, 0.0]])
    round_to_int8(torch.nn.Sequential(layer))
    wanted = torch.tensor([[1.27, 0.0, 0.02], [0.0, 0.0, 0.0]])
    torch.testing.assert_close(layer.weight.data, wanted)


def test_recorded_scores_do_not_change_by_naming_float32(recorded: dict[str, Any]) -> None:
    texts = [case["text"] for case in recorded["single"]]
    expected = [case["score"] for case in recorded["single"]]
    named = opened(recorded["base"], recorded["checkpoint"], compute="float32")
    assert (named.facts["precision"], named.facts["dtype"]) == ("float16", "float32")
    assert scores(named, *texts) == pytest.approx(expected, abs=1e-4)
    coarse = opened(recorded["base"], recorded["checkpoint"], compute="bfloat16")
    assert (coarse.facts["precision"], coarse.facts["dtype"]) == ("float16", "bfloat16")
    assert scores(coarse, *texts) == pytest.approx(expected, abs=0.2)
    assert scores(coarse, *texts) != pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("name", ["compat", "llama", "qwen3"])
def test_the_lean_forward_pass_is_used_in_short_floats(name: str, tmp_path: Path) -> None:
    scorer = changed(SPECIMENS[name].make(tmp_path), device="cpu", compute="bfloat16")
    assert scorer.packed
    assert str(scorer.facts["forward"]).startswith("lean")


def test_the_head_computes_in_float32(tmp_path: Path) -> None:
    scorer = changed(SPECIMENS["llama"].make(tmp_path), device="cpu", compute="bfloat16")
    assert scorer.decoder is not None
    scores = scorer.decoder.head(torch.ones(2, scorer.decoder.module.config.hidden_size).bfloat16())
    assert scores.dtype == torch.float32


def test_auto_is_what_the_kind_does() -> None:
    gpu, cpu = torch.device("cuda"), torch.device("cpu")
    for usual in (torch.float32, torch.bfloat16, torch.float16):
        assert computed_in("auto", usual=usual, device=gpu, name="m") == usual
    assert computed_in("float16", usual=torch.float32, device=gpu, name="m") == torch.float16
    assert computed_in("bfloat16", usual=torch.float32, device=cpu, name="m") == torch.bfloat16


@pytest.mark.parametrize("precision", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("compute", [torch.float32, torch.float16, torch.bfloat16])
def test_weights_are_rounded_to_their_precision_first(
    precision: torch.dtype, compute: torch.dtype
) -> None:
    module = torch.nn.BatchNorm1d(64)
    with torch.no_grad():
        module.weight.copy_(torch.randn(64))
    wanted = module.weight.detach().to(precision).to(compute)
    for parameter in module.parameters():
        parameter.data = parameter.data.to(loaded_in(precision, compute))
    settle(module, precision, compute, where="file")
    assert torch.equal(module.weight.detach(), wanted)
    assert module.running_var is not None
    assert module.running_var.dtype == torch.float32


def test_a_weight_beyond_the_floats_is_named() -> None:
    module = torch.nn.Linear(2, 2)
    with torch.no_grad():
        module.weight[0, 0] = 1e6
    module.to(loaded_in(torch.float32, torch.float16))
    with pytest.raises(CheckpointError, match="file"):
        settle(module, torch.float32, torch.float16, where="file")
