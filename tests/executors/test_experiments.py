"""Whole experiments: the same scores, identities and tables whatever does the work."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import pyrite as pyrite_package
from pyrite.config import load, loads
from pyrite.errors import ConfigError, PyriteError, ScoringError
from pyrite.executors.local import Local
from pyrite.executors.processes import Processes
from pyrite.executors.ray import Ray
from tests.executors.conftest import executor_of

REWARD = """
def score(prompt, response, weight):
    if response == "boom":
        raise KeyError("nothing is called boom")
    return len(response) * float(weight)
"""

OWN_MODEL = """
import os
from pyrite.models import Capability, ItemScorer, Model, Output
from pyrite.sources import Source
from pathlib import Path


class Length(Model):
    factor: float = 1.0

    def sources(self):
        return {"code": Source(name="code", files=(Path(__file__),))}

    def open(self):
        return _Scorer(self.factor)


class _Scorer(ItemScorer):
    capabilities = frozenset({Capability.SCORE})
    facts = {"read_at": "not read"}

    def __init__(self, factor):
        self.factor = factor

    def score(self, items):
        return [Output(self.factor * len(item.response or "")) for item in items]
"""

WORDS = ["the", "answer", "is", "certainly", "no", "sorry", "1 + 1 = 2", "because", "- item", "!"]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scores of one engine must not come from another one's by way of the score store."""
    monkeypatch.setenv("PYRITE_CACHE", str(tmp_path / "cache"))


def write(folder: Path, model: str, *, rows: int = 60, query: str = "") -> Path:
    """An experiment over texts, `q`, and over pairs, `p`."""
    draw = random.Random(1)
    with (folder / "rows.jsonl").open("w") as texts, (folder / "pairs.jsonl").open("w") as pairs:
        for row in range(rows):
            first, second = (" ".join(draw.choices(WORDS, k=draw.randint(1, 40))) for _ in "ab")
            asked = {"prompt": f"question {row}", "weight": row}
            texts.write(json.dumps({**asked, "response": first}) + "\n")
            pairs.write(json.dumps({**asked, "chosen": first, "rejected": second}) + "\n")
    file = folder / "e.yml"
    file.write_text(
        f"name: e\nout: {folder}/runs\nmodel: {{id: m, {model}}}\n"
        f"data: [{{id: d, path: {folder}/rows.jsonl}}, {{id: e, path: {folder}/pairs.jsonl}}]\n"
        "query:\n"
        f"  - {{id: q, requires: [m, d], save_interval: 7, cache: false{query}}}\n"
        f"  - {{id: p, requires: [m, e], save_interval: 7, cache: false{query}}}\n"
    )
    return file


def run_of(file: Path, engine: str, request: pytest.FixtureRequest) -> pyrite_package.Run:
    """A run of its own, with a number of workers that does not divide the rows."""
    written = executor_of(engine, request).model_dump()
    experiment = load(file, overrides=[f"out={file.parent}/{engine}"])
    values = {name: getattr(experiment, name) for name in ("name", "data", "out")}
    run = pyrite_package.run(
        pyrite_package.Experiment(
            model=experiment.models,
            query=experiment.queries,
            engine={"kind": engine, **written},
            **values,
        ),
        quiet=True,
    )
    assert run.manifest["engine"] == {"kind": engine, **written}
    if engine != "local":
        names = {"processes": "2 processes", "ray": "2 Ray workers"}
        assert f"q: scored on {names[engine]}" in run.notes
        meta = json.loads((run.path / "steps" / "q" / "meta.json").read_text())
        assert meta["engine"] == {"where": names[engine], "workers": 2}
    return run


@pytest.mark.parametrize("engine", ["processes", "ray"])
def test_a_neural_model_scores_the_same(
    tmp_path: Path, engine: str, request: pytest.FixtureRequest
) -> None:
    store = ", store: [hidden_states, tokens]"
    file = write(tmp_path, "path: 'builtin:tiny-reward-model'", query=store)
    here, there = run_of(file, "local", request), run_of(file, engine, request)
    scores = {
        "q": ["score"],
        "p": ["chosen_end_scores", "rejected_end_scores", "margin", "loss"],
    }
    for query, names in scores.items():
        one, two = here.table(query), there.table(query)
        assert list(two["row_id"]) == list(range(60))
        assert list(one.columns) == list(two.columns)
        for name in names:
            assert one[name].std() > 0
            assert np.abs(one[name] - two[name]).max() < 1e-5 * one[name].std()
        same = [c for c in one.columns if c not in names]
        pd.testing.assert_frame_equal(one[same], two[same])
        vectors = here.query(query).vector_names
        assert vectors
        for name in vectors:
            first, second = (run.query(query).vectors(name) for run in (here, there))
            assert np.abs(first - second).max() < 1e-2 * first.std()


@pytest.mark.parametrize("engine", ["processes", "ray"])
def test_functions_and_own_kinds_of_model_score_the_same(
    tmp_path: Path, engine: str, request: pytest.FixtureRequest
) -> None:
    for name, code, target in (
        ("reward.py", REWARD, "score"),
        ("own.py", OWN_MODEL, "Length, factor: 2.5"),
    ):
        folder = tmp_path / name.removesuffix(".py")
        folder.mkdir()
        (folder / name).write_text(code)
        file = write(folder, f"entrypoint: {folder}/{name}:{target}")
        here, there = run_of(file, "local", request), run_of(file, engine, request)
        pd.testing.assert_frame_equal(here.table("q"), there.table("q"))
        pd.testing.assert_frame_equal(here.table("p"), there.table("p"))
        assert here.table("q")["score"].nunique() > 10


def test_a_mistake_in_a_users_function_is_told_as_here(
    tmp_path: Path, remote: Any, request: pytest.FixtureRequest
) -> None:
    (tmp_path / "reward.py").write_text(REWARD)
    file = write(tmp_path, f"entrypoint: {tmp_path}/reward.py:score")
    with (tmp_path / "rows.jsonl").open("a") as stream:
        stream.write(json.dumps({"prompt": "p", "weight": 1, "response": "boom"}) + "\n")
    engine = {"Processes": "processes", "Ray": "ray"}[type(remote).__name__]
    with pytest.raises(ScoringError, match=r"reward\.py:4: .* raised KeyError.*boom"):
        run_of(file, engine, request)
    chunks = list(tmp_path.glob(f"{engine}/e/*/steps/q/rows/rows-*.parquet"))
    assert chunks, "what was finished before is kept"


def test_the_engine_is_part_of_no_identity(tmp_path: Path) -> None:
    (tmp_path / "reward.py").write_text(REWARD)
    file = write(tmp_path, f"entrypoint: {tmp_path}/reward.py:score")
    first = pyrite_package.run(file, overrides=["engine={processes: {workers: 3}}"], quiet=True)
    second = pyrite_package.run(file, quiet=True)
    assert first.path == second.path
    assert {step["how"] for step in second.manifest["steps"]} <= {"reused", "not run"}


def test_workers_use_the_score_store(tmp_path: Path) -> None:
    file = write(tmp_path, "path: 'builtin:tiny-reward-model'")
    file.write_text(file.read_text().replace("cache: false", "cache: true"))
    engine = "engine={kind: processes, workers: 1}"
    first = pyrite_package.run(file, overrides=[engine], quiet=True)
    # The chosen texts of the pairs are the texts of the first query.
    assert any(note.startswith("p: 60 of 120 texts came from") for note in first.notes)
    again = pyrite_package.run(file, overrides=[f"out={tmp_path}/two"], quiet=True)
    assert any(note.startswith("q: 60 of 60 texts came from") for note in again.notes)


ENGINES: Mapping[str, Any] = {
    "local": Local(),
    "processes": Processes(),
    "{kind: processes, workers: 5}": Processes(workers=5),
    "{processes: {workers: 5}}": Processes(workers=5),
    "{ray: }": Ray(),
    "{kind: ray, num_workers: 8, num_gpus: 0.5, address: auto}": Ray(
        num_workers=8, num_gpus=0.5, address="auto"
    ),
}


@pytest.mark.parametrize("written", ENGINES)
def test_an_engine_reads_and_comes_back_from_the_resolved_file(written: str) -> None:
    text = "model: {id: m, path: 'builtin:tiny-reward-model'}\n"
    experiment = loads(f"{text}engine: {written}\n")
    assert experiment.engine == ENGINES[written]
    assert loads(experiment.to_yaml()).canonical() == experiment.canonical()
    built = pyrite_package.Experiment(
        name="experiment", model=experiment.models, engine=ENGINES[written]
    )
    assert built.canonical() == experiment.canonical()
    assert loads(text).engine == Local()


def test_numbers_of_an_engine_may_come_from_the_environment() -> None:
    text = "model: {path: 'builtin:tiny-reward-model'}\nengine: {kind: ray, num_workers: '${N}'}\n"
    experiment = loads(text, env={"N": "3"})
    assert experiment.engine == Ray(num_workers=3)
    assert "num_workers: ${N}" in experiment.to_yaml()


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("proceses", "e.yml:2: engine: is 'proceses', and no engine is called so (did you mean "),
        ("\n  kind: ray\n  num_gpu: 1", "e.yml:4: engine.num_gpu: unknown key (did you mean 'num"),
        ("\n  ray:\n    num_workers: 0", "e.yml:4: engine.ray.num_workers: is 0, expected a nu"),
        ("[ray]", "e.yml:2: engine: is a list (write `kind:` local, processes, ray)"),
    ],
)
def test_mistakes_are_told_with_their_line(written: str, told: str) -> None:
    text = f"model: {{path: 'builtin:tiny-reward-model'}}\nengine: {written}\n"
    with pytest.raises(ConfigError) as caught:
        loads(text, file="e.yml")
    assert [told in str(mistake) for mistake in caught.value.mistakes] == [True]


def test_an_engine_of_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(
        "from pyrite.executors.local import Local\n\n\nclass Mine(Local):\n    queue: str = 'a'\n"
    )
    (tmp_path / "reward.py").write_text(REWARD)
    file = write(tmp_path, "entrypoint: ./reward.py:score")
    file.write_text(file.read_text() + "engine: {kind: ./mine.py:Mine, queue: b}\n")
    run = pyrite_package.run(file, quiet=True)
    assert len(run.table("q")) == 60
    assert run.manifest["engine"] == {"kind": "./mine.py:Mine", "queue": "b"}
    again = load(run.path / "experiment.yml")
    assert again.canonical() == load(file).canonical()


def test_ray_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.executors.toy import OpenFactor

    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(PyriteError, match=r"pip install 'pyrite\[ray\]'"):
        Ray().start(OpenFactor())
