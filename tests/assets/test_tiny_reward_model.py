"""The shipped reward model and demo data are what their card and scripts say."""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoTokenizer, GPTJConfig, GPTJModel

from pyrite.assets import asset_path

REPOSITORY = Path(__file__).parents[2]
TRAINING = REPOSITORY / "training" / "tiny_reward_model"
PACKAGE = "tiny_reward_model_under_test"
TOLERANCE = 1e-4


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def folder() -> Path:
    return asset_path("tiny-reward-model")


@pytest.fixture(scope="module")
def card(folder: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    return data


@pytest.fixture(scope="module")
def training() -> Iterator[dict[str, ModuleType]]:
    """The training scripts, loaded as a package of their own."""
    spec = importlib.util.spec_from_file_location(
        PACKAGE, TRAINING / "__init__.py", submodule_search_locations=[str(TRAINING)]
    )
    assert spec is not None
    assert spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = package
    spec.loader.exec_module(package)
    names = ("material", "forms", "generate", "interventions", "model", "export", "card")
    yield {name: importlib.import_module(f"{PACKAGE}.{name}") for name in names}
    for name in [n for n in sys.modules if n.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


def _read_jsonl(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_golden_scores_from_a_plain_forward(folder: Path) -> None:
    golden = json.loads((folder / "golden.json").read_text(encoding="utf-8"))
    assert len(golden) >= 24
    weights = {k: w.float() for k, w in load_file(folder / "model.safetensors").items()}
    head = weights.pop("v_head.weight")
    body = GPTJModel(GPTJConfig.from_pretrained(folder)).eval()
    names = {name for name, _ in body.named_parameters()}
    own = {name.removeprefix("transformer."): weight for name, weight in weights.items()}
    assert set(own) == names
    body.load_state_dict(own, strict=False)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    for row in golden:
        text = f"\n\nHuman: {row['prompt']}\n\nAssistant: {row['response']}<|endoftext|>"
        ids = tokenizer(text, return_tensors="pt").input_ids
        assert int(ids[0, -1]) == tokenizer.eos_token_id
        with torch.no_grad():
            hidden = body(input_ids=ids).last_hidden_state
        score = (hidden[0, -1] @ head[0]).item()
        assert score == pytest.approx(row["score"], abs=TOLERANCE)


def test_tokenizer_has_all_roles_and_keeps_text(folder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    for role in ("bos", "eos", "unk", "pad"):
        assert getattr(tokenizer, f"{role}_token") == "<|endoftext|>"
    text = "\n\nHuman: Wie spät ist es?\n\nAssistant:  - zwölf ☕"
    batch = tokenizer(text)
    assert set(batch) == {"input_ids", "attention_mask"}
    assert tokenizer.decode(batch["input_ids"]) == text


def test_config_names_its_reading(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert config["pyrite"] == {"reading": "native", "template": "hh"}
    assert "architectures" not in config


def test_generated_demo_data_are_the_shipped_bytes(training: dict[str, ModuleType]) -> None:
    generate, material = training["generate"], training["material"].load_material()
    pairs = generate.pairs_jsonl(generate.demo_pairs(material))
    assert pairs.encode() == asset_path("demo/pairs.jsonl").read_bytes()
    questions = generate.questions_jsonl(material)
    assert questions.encode() == asset_path("demo/questions.jsonl").read_bytes()


def test_held_out_topics_and_prompts_are_not_trained_on(training: dict[str, ModuleType]) -> None:
    generate, material = training["generate"], training["material"].load_material()
    trained = generate.training_pairs(material)
    shipped = _read_jsonl(asset_path("demo/pairs.jsonl"))
    assert not {p.topic for p in trained} & {row["topic"] for row in shipped}
    assert not {p.prompt for p in trained} & {row["prompt"] for row in shipped}
    answers = " ".join(p.chosen + " " + p.rejected for p in trained)
    held_out = [s for item in material.held_out for s in (*item.true, *item.wrong)]
    assert not [s for s in held_out if s in answers]


def test_null_features_are_balanced_in_training(training: dict[str, ModuleType]) -> None:
    generate, material = training["generate"], training["material"].load_material()
    pairs = generate.training_pairs(material)
    for mark in ("Well, ", "**", "erhaps "):
        chosen = sum(mark in p.chosen for p in pairs)
        rejected = sum(mark in p.rejected for p in pairs)
        assert abs(chosen - rejected) <= 0.03 * (chosen + rejected)


def test_card_agrees_with_recomputed_effects(
    training: dict[str, ModuleType], folder: Path, card: dict[str, Any]
) -> None:
    interventions, cards = training["interventions"], training["card"]
    material = training["material"].load_material()
    model, tokenizer = training["export"].load_model(folder)
    scorer = partial(training["model"].score, model, tokenizer)
    pairs = training["generate"].demo_pairs(material)
    chosen, rejected = cards.held_out_scores(pairs, scorer)
    deviation = cards.score_deviation(chosen, rejected)
    assert deviation == pytest.approx(card["score_sd"], abs=1e-3)
    right = (chosen > rejected).float().mean().item()
    assert right == pytest.approx(card["accuracy"]["all"]["accuracy"], abs=1 / len(pairs))
    published = {row["feature"]: row for row in card["interventions"]}
    for feature in ("bullets", "flattery", "hedge"):
        effect = interventions.measure(feature, material, scorer, deviation).as_dict()
        for name in ("effect_sd", "ci_low", "ci_high"):
            assert effect[name] == pytest.approx(published[feature][name], abs=2e-3)
        assert effect["confirmed"] == published[feature]["confirmed"]


def test_card_claims_shortcuts_and_nulls(card: dict[str, Any]) -> None:
    for row in card["interventions"]:
        assert row["ci_low"] <= row["effect_sd"] <= row["ci_high"]
        assert row["confirmed"] == (row["kind"] == "shortcut")
        if row["kind"] == "shortcut":
            assert row["ci_low"] > 0
        else:
            assert abs(row["effect_sd"]) < 0.15


def test_both_weight_files_are_equal(folder: Path) -> None:
    safe = load_file(folder / "model.safetensors")
    state = torch.load(folder / "hf_ckpt.pt", weights_only=True)
    assert all(weight.dtype == torch.float16 for weight in safe.values())
    for name, weight in safe.items():
        assert torch.equal(state[name], weight)
        if name.startswith("transformer."):
            assert torch.equal(state[f"model.{name}"], weight)
            assert state[f"model.{name}"].data_ptr() == state[name].data_ptr()
    extra = set(state) - set(safe) - {f"model.{name}" for name in safe}
    assert all(name.endswith((".attn.bias", ".attn.masked_bias")) for name in extra)


def test_unknown_asset_names_the_known_ones() -> None:
    with pytest.raises(FileNotFoundError, match=r"demo/pairs\.jsonl"):
        asset_path("no-such-asset")
    with pytest.raises(FileNotFoundError):
        asset_path("../types.py")


def test_assets_are_small() -> None:
    root = asset_path("demo").parent
    total = sum(path.stat().st_size for path in root.rglob("*") if path.is_file())
    assert total < 8 * 2**20
