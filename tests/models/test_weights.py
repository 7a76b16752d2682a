"""Checkpoints are read without running anything, and no parameter is left to chance."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from transformers import GPTJModel

from pyrite.errors import CheckpointError, ModelError
from pyrite.models._model_files import checkpoint_source, model_folder, weight_files
from pyrite.models._weights import build, read_state, round_weights
from tests.models.support_gptj import gptj_config, write_base

STATE = {"a.weight": torch.arange(6.0).reshape(2, 3), "b.bias": torch.ones(3)}


def same(found: dict[str, Any], wanted: dict[str, Any] = STATE) -> bool:
    return set(found) == set(wanted) and all(torch.equal(found[k], wanted[k]) for k in wanted)


def test_every_format_round_trips(tmp_path: Path) -> None:
    save_file(STATE, tmp_path / "m.safetensors")
    torch.save(STATE, tmp_path / "zip.pt")
    torch.save(STATE, tmp_path / "legacy.bin", _use_new_zipfile_serialization=False)
    for name in ("m.safetensors", "zip.pt", "legacy.bin"):
        assert same(read_state(tmp_path / name)), name


@pytest.mark.parametrize(("ending", "stem"), [("safetensors", "model"), ("bin", "pytorch_model")])
def test_shards_are_joined_by_their_index(tmp_path: Path, ending: str, stem: str) -> None:
    places = {"a.weight": f"{stem}-1.{ending}", "b.bias": f"{stem}-2.{ending}"}
    for key, file in places.items():
        save = save_file if ending == "safetensors" else torch.save
        save({key: STATE[key]}, tmp_path / file)
    index = tmp_path / f"{stem}.{ending}.index.json"
    index.write_text(json.dumps({"weight_map": places}))
    assert same(read_state(tmp_path))
    source = checkpoint_source(str(tmp_path), None, ckpt=None, sha256=None)
    assert {path.name for path in source.files} == {index.name, *places.values()}
    before = source.fingerprint()
    save({"b.bias": torch.zeros(3)}, tmp_path / places["b.bias"])
    assert source.fingerprint() != before


def test_shards_that_are_missing_or_elsewhere_are_refused(tmp_path: Path) -> None:
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": "one.safetensors"}}))
    with pytest.raises(CheckpointError, match=r"one\.safetensors: no such checkpoint"):
        read_state(index)
    save_file({"b": torch.ones(1)}, tmp_path / "one.safetensors")
    with pytest.raises(CheckpointError, match="the shards lack 1 key: a"):
        read_state(index)
    index.write_text(json.dumps({"weight_map": {"a": "../one.safetensors"}}))
    with pytest.raises(CheckpointError, match="points out of the model folder"):
        read_state(index)
    index.write_text("[]")
    with pytest.raises(CheckpointError, match="not an index"):
        read_state(index)


class Bomb:
    """Unpickled by the usual means, it would create a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.target,))


class Shell:
    def __reduce__(self) -> tuple[Any, ...]:
        import os

        return (os.system, ("true",))


def test_a_pickle_that_would_run_code_is_refused_and_not_run(tmp_path: Path) -> None:
    for legacy in (False, True):
        victim = tmp_path / f"executed-{legacy}"
        path = tmp_path / f"bomb-{legacy}.pt"
        torch.save({"w": Bomb(victim)}, path, _use_new_zipfile_serialization=not legacy)
        with pytest.raises(CheckpointError, match=r"refused and nothing in it was run"):
            read_state(path)
        assert not victim.exists()


def test_the_refusal_names_the_global(tmp_path: Path) -> None:
    zipped, bare = tmp_path / "shell.pt", tmp_path / "bare.bin"
    torch.save({"w": Shell()}, zipped)
    bare.write_bytes(pickle.dumps(Shell()))
    for path in (zipped, bare):
        with pytest.raises(CheckpointError, match=r"wants '\w+\.system'"):
            read_state(path)


@pytest.mark.parametrize("name", ["m.safetensors", "zip.pt", "legacy.bin"])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.99])
def test_a_truncated_file_is_told_as_such(tmp_path: Path, name: str, share: float) -> None:
    path = tmp_path / name
    state = {"w": torch.randn(50, 50)}
    if name.endswith("safetensors"):
        save_file(state, path)
    else:
        torch.save(state, path, _use_new_zipfile_serialization=name == "zip.pt")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(CheckpointError, match=r"fetch it again"):
        read_state(path)


def test_what_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no such checkpoint"):
        read_state(tmp_path / "absent.pt")
    (tmp_path / "text.pt").write_text("<html>404</html>")
    with pytest.raises(CheckpointError, match="not a whole torch checkpoint"):
        read_state(tmp_path / "text.pt")
    torch.save([torch.ones(1)], tmp_path / "list.pt")
    with pytest.raises(CheckpointError, match="holds a list"):
        read_state(tmp_path / "list.pt")


def test_the_weights_of_a_folder_are_never_a_matter_of_directory_order(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no weights here"):
        weight_files(tmp_path)
    torch.save(STATE, tmp_path / "b.pt")
    assert weight_files(tmp_path) == (tmp_path / "b.pt",)
    torch.save(STATE, tmp_path / "training_args.bin")
    assert weight_files(tmp_path) == (tmp_path / "b.pt",)
    torch.save(STATE, tmp_path / "a.bin")
    with pytest.raises(CheckpointError, match=r"2 weight files .*a\.bin, b\.pt"):
        weight_files(tmp_path)
    save_file(STATE, tmp_path / "model.safetensors")
    assert weight_files(tmp_path) == (tmp_path / "model.safetensors",)


def trunk_state() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return GPTJModel(gptj_config()).state_dict()


def built(state: dict[str, torch.Tensor], dtype: torch.dtype = torch.float32) -> Any:
    return build(GPTJModel, gptj_config(), state, where="file.pt", dtype=dtype)


def test_a_built_model_is_the_saved_one_bit_for_bit() -> None:
    torch.manual_seed(0)
    original = GPTJModel(gptj_config()).eval()
    model = built(original.state_dict())
    ids = torch.tensor([[1, 2, 3, 4]])
    with torch.inference_mode():
        assert torch.equal(model(ids)[0], original(ids)[0])
    assert not model.training
    assert not any(p.requires_grad for p in model.parameters())


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_weights_that_are_not_finite_are_named(value: float, dtype: torch.dtype) -> None:
    state = {name: tensor.to(dtype) for name, tensor in trunk_state().items()}
    state["h.1.mlp.fc_in.weight"][3, 2] = value
    with pytest.raises(CheckpointError, match=r"h\.1\.mlp\.fc_in\.weight has 1 of 512 values"):
        built(state)


def test_large_finite_weights_are_no_mistake() -> None:
    large = torch.full((16,), 3e38)
    assert large.sum().isinf(), "their sum is what is looked at first"
    model = built({**trunk_state(), "ln_f.bias": large})
    assert torch.equal(model.get_parameter("ln_f.bias"), large)


def test_missing_unknown_and_misshapen_weights_are_named() -> None:
    lacking = {k: v for k, v in trunk_state().items() if not k.startswith("h.1.attn")}
    with pytest.raises(CheckpointError, match=r"lack 4 keys: h\.1\.attn\.\w+_proj\.weight"):
        built(lacking)
    with pytest.raises(CheckpointError, match=r"no place for 1 key: h\.2\.ln_1\.bias"):
        built({**trunk_state(), "h.2.ln_1.bias": torch.ones(16)})
    with pytest.raises(CheckpointError, match=r"ln_f\.bias has shape \(17,\)"):
        built({**trunk_state(), "ln_f.bias": torch.ones(17)})
    with pytest.raises(CheckpointError, match=r"quantised weights are not read"):
        built({**trunk_state(), "ln_f.bias": torch.ones(16, dtype=torch.int8)})


def test_rounding_is_to_the_precision_and_refuses_an_overflow() -> None:
    model = built(trunk_state())
    round_weights(model, torch.float16, where="file.pt")
    for name, value in trunk_state().items():
        assert torch.equal(model.get_parameter(name), value.half().float())
    model.ln_f.bias.data[0] = 1e6
    with pytest.raises(CheckpointError, match=r"rounded to torch\.float16: ln_f\.bias"):
        round_weights(model, torch.float16, where="file.pt")


def test_a_hub_repository_in_the_local_cache_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = "0" * 40
    repo = tmp_path / "models--someone--tiny"
    (repo / "refs").mkdir(parents=True)
    (repo / "refs" / "main").write_text(commit)
    write_base(repo / "snapshots" / commit)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.chdir(tmp_path)
    assert (model_folder("someone/tiny", None, ["*.json"]) / "config.json").is_file()
    with pytest.raises(ModelError, match=r"someone/absent .*the hub did not give it"):
        model_folder("someone/absent", None, ["*.json"])
    with pytest.raises(ModelError, match="neither a folder here nor"):
        model_folder("not a name", None, ["*.json"])
    with pytest.raises(ModelError, match="does not exist"):
        model_folder("./nowhere", None, ["*.json"])
