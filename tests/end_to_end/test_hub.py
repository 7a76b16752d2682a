"""A classifier and a data set from a hub: pinned to commits, and offline afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pyrite import Run
from tests.end_to_end.programs import ROOT, pyrite_process, write_jsonl
from tests.hub.server import Hub
from tests.models.zoo import build_classifier

EXPERIMENT = """
name: hub
out: {folder}/runs
model: {{id: m, entrypoint: SequenceClassifier, path: someone/classifier, device: cpu}}
data:
  id: d
  path: someone/answers
  split: train
  revision: v1
  schema: {{prompt: prompt, response: response}}
query: {{id: q, requires: [m, d], store: [score]}}
"""


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as server:
        yield server


def write_data(folder: Path, count: int) -> Path:
    folder.mkdir()
    rows = [{"prompt": f"prompt {i}", "response": "word " * (i % 5 + 1)} for i in range(count)]
    write_jsonl(folder / "train.jsonl", rows)
    return folder


ONLINE = """
from tests.end_to_end.programs import pyrite
missing = pyrite("run", {file!r}, "--set", "model.path=nobody/nothing")
assert missing.status == 1, missing.err
assert missing.err.splitlines()[-1].startswith(
    "pyrite: nobody/nothing: not a local path, not in the hub cache, and the hub did not "
    "give it (RepositoryNotFoundError: "
), missing.err
assert "`hf auth login`, or give a local folder" in missing.err
assert "Traceback" not in missing.err
assert not {runs!r}.exists()
done = pyrite("run", {file!r})
assert done.status == 0, done.err
"""

OFFLINE = """
from tests.end_to_end.programs import pyrite
again = pyrite("run", {file!r})
assert again.status == 0, again.err
assert "q: stored before (this run), not run again" in again.err
other = pyrite("run", {file!r}, "--set", "query.message.unravel=none")
assert other.status == 0, other.err
print(pyrite("run", {file!r}, "--dry-run").out)
"""


def test_hub_ids_are_pinned_and_reused_offline(hub: Hub, tmp_path: Path) -> None:
    file, runs, home = tmp_path / "hub.yml", tmp_path / "runs", tmp_path / "home"
    file.write_text(EXPERIMENT.format(folder=tmp_path))
    home.mkdir()
    build_classifier(tmp_path / "model", "llama")
    model = hub.add_model("someone/classifier", tmp_path / "model")
    data = hub.add_dataset("someone/answers", write_data(tmp_path / "data", 8), tag="v1")
    hub.add_dataset("someone/answers", write_data(tmp_path / "later", 9))

    # Nothing is cached: the plan is known, the identities are not, and no network is asked.
    dry = pyrite_process("run", file, "--dry-run", env=hub.env(home))
    assert dry.status == 0, dry.err
    assert hub.requests == []
    unknown = "------------  identity not known offline: content is on a hub and not in the cache"
    assert [line.split(maxsplit=2) for line in dry.out.splitlines()] == [
        [kind, name, unknown] for kind, name in (("model", "m"), ("data", "d"), ("query", "q"))
    ]
    assert not runs.exists()

    in_process(hub, ONLINE.format(file=file, runs=runs), home, offline=False)
    (path,) = (runs / "hub").iterdir()
    run = Run(path)
    described = {step["id"]: step["described"] for step in run.manifest["steps"]}
    assert set(described["m"]["content"].values()) == {f"commit:{model}"}
    assert set(described["d"]["content"].values()) == {f"commit:{data}"}
    scores = run.table("q")["score"]
    assert len(scores) == 8, "the tag, not what main has now"
    assert scores.nunique() > 1

    # The hub is gone: the same run is reused, and another query is scored from the cache.
    asked = len(hub.requests)
    plan = in_process(hub, OFFLINE.format(file=file), home, offline=True)
    assert len(hub.requests) == asked
    assert plan.count(f"stored in {path}") == 3
    assert len(list((runs / "hub").iterdir())) == 2


def in_process(hub: Hub, code: str, home: Path, *, offline: bool) -> str:
    """Several commands in one process: what the hub's client reads at import stays the same."""
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r})\nfrom pathlib import *\n{code}"
    return hub.run(code, home, offline=offline)


@pytest.mark.parametrize("what", ["model", "data"])
def test_a_hub_that_cannot_be_reached_is_told_without_a_traceback(
    tmp_path: Path, what: str
) -> None:
    """No network, not `HF_HUB_OFFLINE`: what a laptop on a train does."""
    model = "someone/no-such-model" if what == "model" else "builtin:tiny-reward-model"
    data = "someone/no-such-data" if what == "data" else "builtin:demo/questions.jsonl"
    file = tmp_path / "e.yml"
    file.write_text(
        f"out: {tmp_path / 'runs'}\n"
        f'model: {{id: m, path: "{model}", reading: native}}\n'
        f'data: {{id: d, path: "{data}"}}\n'
        "query: {id: q, requires: [m, d]}\n"
    )
    env = {
        "HF_ENDPOINT": "http://127.0.0.1:9",
        "HF_HUB_OFFLINE": "0",
        "HF_HOME": str(tmp_path / "hub"),
    }
    ended = pyrite_process("run", file, env=env)
    assert ended.status == 1, ended.err
    assert "Traceback" not in ended.err
    assert f"someone/no-such-{what}: not a local path" in ended.err
    assert "give a local folder" in ended.err
