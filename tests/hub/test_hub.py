"""The real client libraries against the hub on loopback, and Pyrite's own reader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .server import Hub

READ = """
import json, sys
from pyrite.config.sections import DataSection
from pyrite.data.load import load
from pyrite.errors import DataError

def read(path="someone/some-data", **section):
    try:
        rows = load(DataSection(path=path, **section))
    except DataError as error:
        return str(error)
    return {
        "prompts": rows.table().column("prompt").to_pylist(),
        "scores": rows.table().column("score").to_pylist(),
        "detected": rows.detected,
        "fingerprint": rows.source.fingerprint(),
    }
"""


def publish(hub: Hub, folder: Path, version: str, tag: str = "", **options: Any) -> str:
    folder.mkdir(exist_ok=True)
    for split, count in (("train", 5), ("test", 3)):
        rows = [
            {"prompt": f"{version} {split} {i}", "response": "r", "score": i / 2}
            for i in range(count)
        ]
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(x) + "\n" for x in rows))
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")
    return hub.add_dataset("someone/some-data", folder, tag=tag, **options)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def test_data_by_name_and_revision_online_and_offline(hub: Hub, tmp_path: Path, home: Path) -> None:
    old = publish(hub, tmp_path / "files", "old", tag="v1")
    new = publish(hub, tmp_path / "files", "new")
    code = READ + (
        "print(json.dumps([read(split='test'), read(split='test', revision='v1'), "
        f"read(split='test', revision='{old}'), read(split='tset'), read(), "
        "read(split='test', revision='none')]))"
    )
    main, tagged, pinned, wrong_split, no_split, wrong_revision = json.loads(hub.run(code, home))
    assert main["prompts"] == ["new test 0", "new test 1", "new test 2"]
    assert main["scores"] == [0.0, 0.5, 1.0]
    assert main["fingerprint"] == f"commit:{new}"
    assert f"the hub data set was read at commit {new}" in main["detected"]
    assert tagged == pinned
    assert pinned["prompts"][0] == "old test 0"
    assert pinned["fingerprint"] == f"commit:{old}"
    assert "no split 'tset'; it has train, test (did you mean 'test'?)" in wrong_split
    assert "has the splits train, test" in no_split
    assert "no revision 'none'" in wrong_revision

    hub.requests.clear()
    offline = json.loads(hub.run(code, home, offline=True))
    assert hub.requests == []
    assert offline[:3] == [main, tagged, pinned]
    assert "not in the local cache" in offline[5]  # and not another revision in its stead


def test_missing_private_and_unreachable(hub: Hub, tmp_path: Path, home: Path) -> None:
    publish(hub, tmp_path / "files", "secret", private=True)
    code = (
        READ
        + f"""
import os
found = [read("someone/none", split="test"), read(split="test")]
os.environ["HF_TOKEN"] = "{hub.token}"
print(json.dumps([*found, read(split="test")["prompts"][0]]))
"""
    )
    missing, private, read = json.loads(hub.run(code, home))
    assert "someone/none: no such data set on the hub, or it is private" in missing
    assert "someone/some-data: no such data set on the hub, or it is private" in private
    assert read == "secret test 0"
    hub.close()
    (tmp_path / "empty").mkdir()
    code = READ + "print(json.dumps(read(split='test')))"
    down = json.loads(hub.run(code, tmp_path / "empty"))
    assert "the hub cannot be reached" in down
    assert "give its local path" in down


def test_streaming_and_the_datasets_library_itself(hub: Hub, tmp_path: Path, home: Path) -> None:
    publish(hub, tmp_path / "files", "old", tag="v1")
    publish(hub, tmp_path / "files", "new")
    code = """
import datasets, json
from pyrite.data.hub_dataset import HubDataset
reader = HubDataset(path="someone/some-data", revision="v1", mode="stream")
places, records = zip(*reader.read("test"))
plain = datasets.load_dataset("someone/some-data", revision="v1")
print(json.dumps([places, records, plain["test"].to_list(), datasets.is_progress_bar_enabled()]))
"""
    places, records, plain, bars = json.loads(hub.run(code, home))
    assert places[0] == "someone/some-data [test] row 1"
    assert records == plain
    assert records[0] == {"prompt": "old test 0", "response": "r", "score": 0.0}
    assert bars


def test_a_repository_without_data(hub: Hub, tmp_path: Path, home: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "some-data.py").write_text("raise SystemExit('must not run')")
    hub.add_dataset("someone/some-data", tmp_path / "files")
    told = json.loads(hub.run(READ + "print(json.dumps(read(split='test')))", home))
    assert "holds no data file" in told
    assert "built by a script" in told


def build_classifier(folder: Path) -> Any:
    """A tiny random classifier with a byte-level tokenizer; returns the logits of one text."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForSequenceClassification, PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {"<pad>": 0, **{char: i + 1 for i, char in enumerate(alphabet)}}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        model_input_names=["input_ids", "attention_mask"],
    )
    config = LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_labels=1,
        pad_token_id=0,
        bos_token_id=None,
        eos_token_id=None,
    )
    torch.manual_seed(0)
    model = LlamaForSequenceClassification(config).eval()
    model.save_pretrained(folder)
    wrapped.save_pretrained(folder)
    with torch.no_grad():
        return model(**wrapped("hello", return_tensors="pt")).logits.item()


def test_transformers_loads_a_classifier(hub: Hub, tmp_path: Path, home: Path) -> None:
    expected = build_classifier(tmp_path / "model")
    commit = hub.add_model("someone/tiny", tmp_path / "model")
    code = """
import json, torch
from huggingface_hub import HfApi, hf_hub_download, snapshot_download
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer
name = "someone/tiny"
tokenizer = AutoTokenizer.from_pretrained(name)
model = AutoModelForSequenceClassification.from_pretrained(name).eval()
with torch.no_grad():
    logit = model(**tokenizer("hello", return_tensors="pt")).logits.item()
print(json.dumps([
    logit, AutoConfig.from_pretrained(name).num_labels, HfApi().model_info(name).sha,
    snapshot_download(name), hf_hub_download(name, "config.json"),
    sorted(HfApi().list_repo_files(name)), HfApi().list_repo_refs(name).branches[0].name,
]))
"""
    logit, labels, sha, folder, config, files, branch = json.loads(hub.run(code, home))
    assert logit == pytest.approx(expected, abs=1e-6)
    assert (labels, sha, branch) == (1, commit, "main")
    assert Path(folder).name == commit
    assert Path(config).parent == Path(folder)
    assert "model.safetensors" in files
