"""Several models, queries and analyses in one experiment."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import pyrite as pyrite_package
from pyrite import Run
from tests.end_to_end.programs import pyrite, sets, write_jsonl
from tests.models.support_gptj import (
    NODES,
    gating_state,
    gptj_config,
    neo_config,
    reward_state,
    write_base,
)

EXPERIMENT = """
name: several
out: {folder}/runs
model:
  - {{id: tiny, path: builtin:tiny-reward-model, reading: native, device: cpu}}
  - {{id: random, path: {folder}/base, ckpt: {folder}/weights.pt, device: cpu}}
  - {{id: length, entrypoint: "{folder}/own.py:score"}}
data: {{id: rows, path: {folder}/rows.jsonl}}
query:
  - {{id: all_of_them, requires: [tiny, random, length, rows], store: [score]}}
  - {{id: qa, requires: [tiny, rows], message: {{unravel: qa}}, store: [score]}}
analyze:
  - {{id: every, requires: [all_of_them, qa], compute: [num_words], bootstrap: 100}}
  - {{id: one, requires: [qa], compute: [num_chars], plot: [score: [num_chars]], bootstrap: 100}}
"""


@pytest.fixture
def experiment(tmp_path: Path) -> Path:
    base = tmp_path / "base"
    base.mkdir()
    write_base(base, config=gptj_config(n_positions=160))
    torch.save(reward_state(), tmp_path / "weights.pt")
    (tmp_path / "own.py").write_text("def score(prompt, response):\n    return len(response)\n")
    rows = [
        {"prompt": f"what is {i} of {i % 7}?", "response": "it is " + "so " * (i % 9) + f"{i}!"}
        for i in range(30)
    ]
    write_jsonl(tmp_path / "rows.jsonl", rows)
    file = tmp_path / "several.yml"
    file.write_text(EXPERIMENT.format(folder=tmp_path))
    return file


def steps(run: Run) -> dict[str, str]:
    return {step["id"]: step["how"] for step in run.manifest["steps"]}


def test_a_query_of_three_models_becomes_three(experiment: Path) -> None:
    run = pyrite_package.run(experiment, quiet=True)
    queries = [step["id"] for step in run.manifest["steps"] if step["kind"] == "query"]
    fanned = [name for name in queries if name != "qa"]
    assert len(fanned) == 3
    scores = {name.removeprefix("all_of_them."): run.table(name)["score"] for name in fanned}
    assert set(scores) == {"tiny", "random", "length"}
    responses = run.table("qa")["response"]
    assert list(scores["length"]) == [len(text) for text in responses]
    assert scores["tiny"].corr(scores["random"]) < 0.99
    assert list(run.table("qa")["score"]) != list(scores["tiny"]), "another form, another score"
    texts = " ".join(run.findings)
    for name in fanned:
        assert name in texts
    folders = {figure.parent.parent.name for figure in run.figures}
    assert folders == {"every", "one"}
    assert set(steps(run).values()) == {"run"}


def test_only_named_steps_run(experiment: Path) -> None:
    ended = pyrite("run", experiment, "--only", "qa,rows", "-q")
    assert ended.status == 0, ended.err
    (path,) = (experiment.parent / "runs" / "several").iterdir()
    first = steps(Run(path))
    assert first["qa"] == "run"
    assert {name for name, how in first.items() if how == "not run"} >= {"every", "one"}
    ended = pyrite("run", experiment, "--only", "one", "-q")
    assert ended.status == 0, ended.err
    second = steps(Run(path))
    assert (second["qa"], second["one"]) == ("reused", "run")
    assert second["every"] == "not run"
    refused = pyrite("run", experiment, "--only", "every", "-q")
    assert refused.status == 1
    assert "not run because of --only every" in refused.err
    assert "Traceback" not in refused.err
    unknown = pyrite("run", experiment, "--only", "nothing", "-q")
    assert unknown.status == 1
    assert unknown.err.startswith("pyrite: --only: no step nothing; steps: all_of_them")
    lines = pyrite("run", experiment, "--dry-run", "--only", "every", "-q").out
    said = {line.split()[1]: line.split(maxsplit=3)[3] for line in lines.splitlines()}
    assert said["all_of_them.tiny"] == "not selected by --only, and not stored: would be refused"
    assert said["one"] == "not selected by --only"
    assert said["every"] == "to do"
    whole = pyrite("run", experiment, "-q")
    assert whole.status == 0, whole.err
    third = steps(Run(path))
    assert (third["qa"], third["one"], third["every"]) == ("reused", "reused", "run")


def test_a_renamed_model_is_not_scored_again(experiment: Path) -> None:
    pyrite_package.run(experiment, only=["qa"], quiet=True)
    text = experiment.read_text()
    experiment.write_text(text.replace("tiny,", "small,").replace("id: tiny", "id: small"))
    lines = pyrite("run", experiment, "--dry-run", "-q").out.splitlines()
    (query,) = [line for line in lines if line.startswith("query") and " qa " in line]
    assert "stored in " in query


GATE = """
name: gate
out: {folder}/runs
model: {{id: gate, entrypoint: GatingModel, path: {folder}/base, ckpt: {folder}/gate.pt}}
data: {{id: rows, path: {folder}/rows.jsonl}}
query:
  id: gates
  requires: [gate, rows]
  message: {{unravel: none}}
  tokenizer: {{truncation: {truncation}}}
  store: [scores, topk_uids, entropy]
"""


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    base = tmp_path / "base"
    base.mkdir()
    write_base(base, config=neo_config())
    torch.save({"model_state_dict": gating_state(), "num_hotkeys": NODES}, tmp_path / "gate.pt")
    return tmp_path


def gated(folder: Path, truncation: str) -> Run:
    file = folder / "gate.yml"
    file.write_text(GATE.format(folder=folder, truncation=truncation))
    return pyrite_package.run(file, quiet=True)


def test_outputs_of_a_text_that_has_none_are_not_ranked(gate: Path) -> None:
    rows = [{"prompt": "short", "response": "text"}, {"prompt": "long", "response": "x y z " * 99}]
    write_jsonl(gate / "rows.jsonl", rows)
    table = gated(gate, "false").table("gates")
    assert list(table["problem"].isna()) == [True, False]
    assert len(table["topk_uids"][0]) == NODES
    assert table["topk_uids"][1] is None
    assert list(table["entropy"].isna()) == [False, True]


@pytest.mark.parametrize("side", ["chosen", "rejected"])
def test_either_side_of_a_pair_can_be_cut(gate: Path, side: str) -> None:
    row = {"prompt": "short", "chosen": "yes", "rejected": "no"}
    write_jsonl(gate / "rows.jsonl", [row, {**row, side: "x y z " * 99}])
    cut = gated(gate, "true")
    assert list(cut.table("gates")["truncated"]) == [False, True]
    assert "gates: 1 of 2 rows were truncated (column `truncated`)" in cut.notes
    whole = gated(gate, "false")
    assert list(whole.table("gates")["problem"].isna()) == [True, False]
    assert "gates: 1 row has no score (column `problem` says why)" in whole.notes


def test_settings_from_the_command_line_reach_the_fanned_out_queries(experiment: Path) -> None:
    options = sets(data__sample="{method: first, n: 12}", out=experiment.parent / "others")
    ended = pyrite("run", experiment, "--only", "all_of_them", *options, "-q")
    assert ended.status == 0, ended.err
    (path,) = (experiment.parent / "others" / "several").iterdir()
    run = Run(path)
    assert len(run.table("all_of_them.tiny")) == len(run.table("all_of_them.length")) == 12
    assert steps(run)["qa"] == "not run"


def test_a_model_alone_is_opened_and_described(experiment: Path) -> None:
    ended = pyrite("run", experiment, "--only", "tiny", "-q")
    assert ended.status == 0, ended.err
    (path,) = (experiment.parent / "runs" / "several").iterdir()
    assert steps(Run(path)) == {
        name: "run" if name == "tiny" else "not run" for name in steps(Run(path))
    }
    meta = json.loads((path / "steps" / "tiny" / "meta.json").read_text())
    assert meta["facts"]["reading"] == "native"
    alone = experiment.parent / "alone.yml"
    alone.write_text(
        f"out: {experiment.parent}/runs\nmodel: {{id: m, path: builtin:tiny-reward-model}}\n"
    )
    run = pyrite_package.run(alone, quiet=True)
    assert steps(run) == {"m": "run"}
    assert (run.path / "steps" / "m" / "meta.json").is_file()
