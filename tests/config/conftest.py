"""Stand-ins for the components that an experiment names, so that only the reading is tested."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field, field_validator, model_validator

import pyrite.models
import pyrite.trackers
from pyrite.component import Component, Family, Listing, snake_case
from pyrite.config import loads
from pyrite.errors import ComponentError, ConfigError
from pyrite.experiment import Experiment
from pyrite.models import Model, Scorer
from pyrite.sources import Source
from pyrite.trackers import Tracker


class _NeverOpened(Model):
    def sources(self) -> Mapping[str, Source]:
        return {}

    def open(self) -> Scorer:
        raise AssertionError("reading an experiment opens no model")


class RewardModel(_NeverOpened):
    entrypoint: str = "RewardModel"
    path: str
    ckpt: str | None = None
    tokenizer: str = "default"
    embedding: str = "default"
    norm: str | None = None
    device: str = "auto"
    batch: int = Field(default=8, ge=1)

    @field_validator("device")
    @classmethod
    def _no_tpu(cls, device: str) -> str:
        if device == "tpu":
            raise ValueError("no such device")
        return device

    @model_validator(mode="after")
    def _fits(self) -> RewardModel:
        if self.device == "cpu" and self.batch > 100:
            raise ValueError("batch is too large for a cpu")
        return self


class GatingModel(_NeverOpened):
    path: str
    ckpt: str | None = None
    norm: str = "none"


class PythonCallable(_NeverOpened):
    entrypoint: str


class Wandb(Tracker):
    project: str = "pyrite"
    mode: str | None = None


class StandIns(Family):
    """A family of the classes given instead of a folder."""

    def __init__(self, family: Family, classes: tuple[type[Component], ...]) -> None:
        super().__init__(family.name, family.package, family.base)
        object.__setattr__(self, "classes", {snake_case(c.__name__): c for c in classes})

    def listings(self) -> list[Listing]:
        found: dict[str, type[Component]] = self.__dict__["classes"]
        return [Listing(name, "", cls.__module__, cls.__name__) for name, cls in found.items()]

    def get(self, name: str) -> type[Component]:
        if ":" in name:
            return super().get(name)
        found: dict[str, type[Component]] = self.__dict__["classes"]
        if snake_case(name) not in found:
            raise ComponentError(f"no {name}")
        return found[snake_case(name)]


@pytest.fixture
def real_components() -> None:
    """Asked for by tests that want the package's own kinds of models and trackers."""


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Known kinds of models and trackers, whatever the package has."""
    if "real_components" in request.fixturenames:
        return
    kinds = (RewardModel, GatingModel, PythonCallable)
    models = StandIns(pyrite.models.MODELS, kinds)
    monkeypatch.setattr(pyrite.models, "MODELS", models)
    monkeypatch.setattr(pyrite.trackers, "TRACKERS", StandIns(pyrite.trackers.TRACKERS, (Wandb,)))


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative paths start from a folder with nothing in it."""
    monkeypatch.chdir(tmp_path)


Mistakes = Callable[..., list[str]]


@pytest.fixture
def mistakes() -> Mistakes:
    """The mistakes of a text, as they are shown."""

    def of(text: str, **kwargs: Any) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            loads(text, file="e.yml", **{"env": {}, **kwargs})
        return [str(mistake).strip() for mistake in caught.value.mistakes]

    return of


def read(text: str, **kwargs: Any) -> Experiment:
    """Read a text with an empty environment."""
    return loads(text, file="e.yml", **{"env": {}, **kwargs})


def one(text: str, section: str, **kwargs: Any) -> dict[str, Any]:
    """The canonical form of the only section of a kind."""
    (found,) = read(text, **kwargs).canonical()[section]
    assert isinstance(found, dict)
    return found


MODEL = "model: {id: m, path: org/m}\n"
DATA = "data: {id: d, path: rows}\n"
QUERY = "query: {id: q}\n"
BASE = MODEL + DATA + QUERY
