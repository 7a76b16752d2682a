"""Paths: from the working directory, else from the folder of the experiment file."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyrite.config import load
from pyrite.experiment import Experiment
from tests.config.conftest import BASE, DATA, MODEL, Mistakes, read

USER_FILE = '''
from collections.abc import Mapping

from pyrite.features import Feature
from pyrite.models import Model, Scorer
from pyrite.sources import Source
from pyrite.trackers import Tracker


def score(prompt: str, response: str) -> float:
    return 0.0


class Mine(Model):
    """My own kind."""

    power: float = 1.0

    def sources(self) -> Mapping[str, Source]:
        return {}

    def open(self) -> Scorer:
        raise NotImplementedError


class NumSemicolons(Feature):
    """Semicolons."""

    unit = "semicolons"
    mark: str = ";"


class Pager(Tracker):
    """My own tracker."""

    number: int = 1


CONSTANT = 3
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with an experiment's files, beside the working directory's own."""
    folder = tmp_path / "experiments"
    (folder / "model").mkdir(parents=True)
    (folder / "rows.jsonl").write_text("{}\n")
    (folder / "more.csv").write_text("a\n1\n")
    (folder / "mine.py").write_text(f"{USER_FILE}# {folder}\n")
    return folder


def write(folder: Path, text: str) -> Experiment:
    (folder / "e.yml").write_text(text)
    return load(folder / "e.yml", env={})


def test_files_beside_the_experiment(folder: Path) -> None:
    model = "model: {path: ./model, ckpt: model}\n"
    text = model + "data: {path: rows.jsonl, join: {path: more.csv, on: a}}"
    experiment = write(folder, text)
    content = experiment.canonical()
    assert content["model"][0]["path"] == str(folder / "model")
    assert content["model"][0]["ckpt"] == str(folder / "model")
    assert content["data"][0]["path"] == str(folder / "rows.jsonl")
    assert content["data"][0]["join"]["path"] == str(folder / "more.csv")
    assert read(experiment.to_yaml()) == experiment


def test_the_working_directory_comes_first(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("{}\n")
    assert write(folder, "data: {path: rows.jsonl}").data[0].path == "rows.jsonl"


def test_hub_names_and_addresses_are_not_looked_for(folder: Path) -> None:
    text = "model: {path: org/model, ckpt: 'https://h/org/m/resolve/main/w.pt'}\ndata: {path: set}"
    content = write(folder, text).canonical()
    assert content["model"][0]["path"] == "org/model"
    assert content["model"][0]["ckpt"] == "https://h/org/m/resolve/main/w.pt"


MISSING = {
    "data: {path: ./row.jsonl}": (
        "e.yml:1: data.path: is './row.jsonl': no such file or folder (did you mean 'rows.jsonl'?)"
    ),
    "data: {path: /no/such/file}": "e.yml:1: data.path: is '/no/such/file': no such file or folder",
    "data: {path: rows.jsonl, join: {path: ./m.csv, on: a}}": (
        "e.yml:1: data.join.path: is './m.csv': no such file or folder"
    ),
    "model: {path: org/m, ckpt: weights.pt}": (
        "e.yml:1: model.ckpt: is 'weights.pt': no such file or folder"
    ),
    "model: {path: org/m, tokenizer: a/b/c}": (
        "e.yml:1: model.tokenizer: is 'a/b/c': no such file or folder"
    ),
    'data: {path: "a\\0b"}': "e.yml:1: data.path: is 'a\\x00b', which is not a usable path",
    "data: {path: '~nosuchuser/x'}": (
        "e.yml:1: data.path: is '~nosuchuser/x', which is not a usable path"
    ),
    "model: {entrypoint: './none.py:f'}": "none.py: no such Python file",
    "model: {entrypoint: './mine.py:scor'}": (
        "e.yml:1: model.entrypoint: mine.py defines no 'scor' (did you mean 'score'?)"
    ),
    "model: {entrypoint: './mine.py:CONSTANT'}": (
        "e.yml:1: model.entrypoint: 'CONSTANT' in mine.py is neither a kind of model nor a function"
    ),
}


@pytest.mark.parametrize("text", MISSING)
def test_missing_files(
    text: str, folder: Path, mistakes: Mistakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    (mistake,) = mistakes(text, folder=folder)
    assert (
        MISSING[text].replace("in mine.py", "in ./mine.py").replace(": mine.py d", ": ./mine.py d")
        in mistake
    )


def test_builtin_names(mistakes: Mistakes) -> None:
    assert (
        read("data: {path: 'builtin:demo/pairs.jsonl'}").data[0].path == "builtin:demo/pairs.jsonl"
    )
    (mistake,) = mistakes("data: {path: 'builtin:demo/pair.jsonl'}")
    assert mistake.startswith("e.yml:1: data.path: is 'builtin:demo/pair.jsonl': no asset")


class TestUserFiles:
    def test_a_function_is_a_model(self, folder: Path) -> None:
        (model,) = write(folder, "model: {entrypoint: './mine.py:score'}").models
        assert type(model).__name__ == "PythonCallable"
        assert model.model_dump()["entrypoint"] == f"{folder}/mine.py:score"

    def test_a_kind_of_model_is_itself(self, folder: Path) -> None:
        experiment = write(folder, "model: {entrypoint: './mine.py:Mine', power: 2}")
        (model,) = experiment.models
        assert (type(model).__name__, model.model_dump()["power"]) == ("Mine", 2.0)
        assert experiment.canonical()["model"][0]["entrypoint"] == "./experiments/mine.py:Mine"
        assert read(experiment.to_yaml()) == experiment
        assert Experiment(model=model, name="e") == experiment

    def test_its_fields_are_checked(self, folder: Path, mistakes: Mistakes) -> None:
        assert mistakes("model: {entrypoint: './mine.py:Mine', powr: 2}", folder=folder) == [
            "e.yml:1: model.powr: unknown key (did you mean 'power'?)"
        ]

    def test_a_query_may_name_the_same(self, folder: Path) -> None:
        text = "model: {entrypoint: './mine.py:score'}\n" + DATA
        assert write(folder, text + "query: {entrypoint: './mine.py:score'}").queries

    def test_a_feature(self, folder: Path, mistakes: Mistakes) -> None:
        text = BASE + "analyze: {compute: ['./mine.py:NumSemicolons']}"
        experiment = write(folder, text)
        (item,) = experiment.analyses[0].compute
        assert (item.id, item.name) == ("num_semicolons", f"{folder}/mine.py:NumSemicolons")
        assert read(experiment.to_yaml()) == experiment
        wrong = BASE + "analyze: {compute: [{name: './mine.py:NumSemicolons', marc: ','}]}"
        assert mistakes(wrong, folder=folder) == [
            "e.yml:4: analyze.compute.0.marc: unknown key (did you mean 'mark'?)"
        ]

    def test_a_tracker(self, folder: Path) -> None:
        experiment = write(folder, MODEL + "track: [{'./mine.py:Pager': {number: 7}}]")
        assert experiment.canonical()["track"] == [
            {"kind": "./experiments/mine.py:Pager", "number": 7}
        ]
        assert read(experiment.to_yaml()) == experiment
