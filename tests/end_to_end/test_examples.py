"""Every example: valid by the schema, loaded, and run on the public data where that is here."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

import pyrite as pyrite_package
from tests.end_to_end.programs import ROOT, pyrite, write_jsonl

EXAMPLES = sorted((ROOT / "examples").glob("*.yml"))
NAMES = [file.stem for file in EXAMPLES]

DATA = {
    "elo_recorded": "rm_scores/elo_entities_greatest_ever_single.csv.gz",
    "evalbiasbench": "preference/evalbiasbench.jsonl.gz",
    "gptj_rm_static": "nq_open/nq_open_dev.jsonl.gz",
    "gsm8k_graded": "preference/gsm8k_example_solutions.jsonl.gz",
    "llmbar": "preference/llmbar.jsonl.gz",
    "nq_open": "nq_open/nq_open_dev.jsonl.gz",
    "rewardmath_recorded": "rm_scores/rewardmath_scalar_scores.csv.gz",
}
"""Where the data of an example is among the public files that may be beside the repository."""

ROWS = {"rewardmath_recorded": 150}
"""Rows to take where 60 are too few: ten answers a problem, and ten problems are needed."""


@pytest.fixture(scope="module")
def validator() -> Any:
    ended = pyrite("schema")
    assert (ended.status, ended.err) == (0, "")
    schema = json.loads(ended.out)
    kind = jsonschema.validators.validator_for(schema)
    kind.check_schema(schema)
    return kind(schema)


@pytest.mark.parametrize("file", EXAMPLES, ids=NAMES)
def test_the_schema_accepts_it(file: Path, validator: Any) -> None:
    content = YAML(typ="safe").load(file)
    validator.validate(content)
    content["queri"] = {}
    assert not validator.is_valid(content), "a schema that accepts anything proves nothing"


@pytest.mark.parametrize("file", EXAMPLES, ids=NAMES)
def test_it_loads_without_a_mistake_or_a_warning(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(file.parent)
    overrides = [f"out={tmp_path}"]
    given = YAML(typ="safe").load(file)["data"]["path"]
    if Path(given).suffix and not Path(given).exists() and ":" not in given:
        data = tmp_path / Path(given).name
        data.write_text('{"prompt": "p"}\n')
        overrides.append(f"data.path={data}")
    if "join" in YAML(typ="safe").load(file)["data"]:
        second = write_jsonl(tmp_path / "second.jsonl", [{"problem": 1, "text": "t"}])
        overrides.append(f"data.join.path={second}")
    experiment = pyrite_package.load(file, overrides=overrides)
    assert experiment.warnings == ()
    assert experiment.name == file.stem
    again = pyrite_package.load(_written(tmp_path, experiment.to_yaml()))
    assert again.canonical() == experiment.canonical()


def _written(folder: Path, text: str) -> Path:
    file = folder / "resolved.yml"
    file.write_text(text)
    return file


@pytest.mark.parametrize("file", EXAMPLES, ids=NAMES)
def test_it_runs_and_leaves_figures(
    file: Path, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(file.parent)
    count = ROWS.get(file.stem, 60)
    overrides = [f"out={tmp_path}/runs", f"data.sample={{n: {count}}}", "analyze.bootstrap=100"]
    if file.stem in DATA:
        shared: Path = request.getfixturevalue("shared_data")
        overrides.append(f"data.path={shared / DATA[file.stem]}")
        overrides += _replaced(file.stem, shared)
    elif file.stem == "hf_classifier":
        overrides += _classifier(tmp_path)
    run = pyrite_package.run(file, overrides=overrides, quiet=True)
    queries = [step["id"] for step in run.manifest["steps"] if step["kind"] == "query"]
    assert queries
    for query in queries:
        assert len(run.table(query)) == count
    assert run.figures
    assert run.findings
    assert all(figure.read_bytes().startswith(b"\x89PNG") for figure in run.figures)
    assert os.listdir(file.parent) == os.listdir(ROOT / "examples"), "nothing is left beside it"


def _replaced(name: str, shared: Path) -> list[str]:
    """What of an example cannot be had without a hub or a large machine, or takes long."""
    if name == "elo_recorded":
        return [
            "model.columns={GRM: Ray2333/GRM-gemma2-2B-rewardmodel-ft, URM: LxzGordon/"
            "URM-LLaMa-3.1-8B}"
        ]
    if name == "rewardmath_recorded":
        return [f"data.join.path={shared / 'rm_scores' / 'rewardmath_problems.jsonl.gz'}"]
    if name == "gptj_rm_static":
        parity = shared / "parity" / "bittensor_reward"
        weights = [f"model.path={parity / 'base'}", f"model.ckpt={parity / 'hf_ckpt.pt'}"]
        return [*weights, "model.sha256=null"]
    return []


def _classifier(folder: Path) -> list[str]:
    from tests.models.zoo import build_classifier

    build_classifier(folder / "model", "llama")
    file = folder / "mine.csv"
    with file.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["prompt", "response"])
        writer.writerows([f"what is {i}?", "it is, " * (i % 9 + 1) + str(i)] for i in range(80))
    return [f"model.path={folder / 'model'}", f"data.path={file}"]


def test_the_demo_runs_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    changes = ("data.sample={n: 60}", "analyze.bootstrap=100", "exploit.edits=[closer, opener]")
    changes += ("exploit.search=[]",)
    ended = pyrite("demo", *(part for change in changes for part in ("--set", change)), "-q")
    assert ended.status == 0, ended.err
    assert ended.err == ""
    (path,) = (tmp_path / "runs" / "demo").iterdir()
    run = pyrite_package.Run(path)
    assert len(run.table("pair_scores")) == 60
    assert run.figures
    assert list(run.effects("exploits")["edit"]) == ["closer", "opener"]
    assert f"run      runs/demo/{path.name}" in ended.out.splitlines()
