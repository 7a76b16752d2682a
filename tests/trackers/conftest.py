from __future__ import annotations

import base64
import os
from pathlib import Path

import pyarrow as pa
import pytest

from pyrite.trackers import FigureFiles, RunInfo

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture(scope="session")
def trackio_folder() -> Path:
    """Where Trackio keeps its runs during the tests; see tests/conftest.py."""
    return Path(os.environ["TRACKIO_DIR"])


@pytest.fixture(autouse=True)
def account(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Neither the login of whoever runs the tests nor their settings are used or changed."""
    folder = tmp_path_factory.mktemp("account")
    for name in ("CACHE", "CONFIG", "DATA", "ARTIFACT"):
        monkeypatch.setenv(f"WANDB_{name}_DIR", str(folder / name.lower()))
    for name in ("WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE", "WANDB_MODE", "WANDB_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(folder / "netrc"))
    return folder


@pytest.fixture
def info(tmp_path: Path) -> RunInfo:
    run = tmp_path / "run"
    run.mkdir()
    return RunInfo(
        name="demo",
        plan_id="p1a2n3",
        path=run,
        config={"model": {"path": "org/model"}, "hub": {"api_key": "sk-not-for-others"}},
        tags=("audit", "first"),
        group="sweep",
        job_type="check",
    )


@pytest.fixture
def figure(tmp_path: Path) -> FigureFiles:
    png = tmp_path / "figure.png"
    png.write_bytes(PIXEL)
    html = tmp_path / "figure.html"
    html.write_text("<!doctype html><p>hover</p>", encoding="utf-8")
    return FigureFiles("score/length", png, html)


@pytest.fixture
def step_folder(info: RunInfo) -> Path:
    folder = info.path / "steps" / "query"
    folder.mkdir(parents=True)
    (folder / "table.bin").write_bytes(b"rows")
    (folder / "meta.json").write_text("{}", encoding="utf-8")
    return folder


@pytest.fixture
def nested_table() -> pa.Table:
    return pa.table(
        {
            "text": ["<b>bold</b>", "ünï/../x", None],
            "score": [1.5, float("nan"), None],
            "tags": [["a", "b"], [], None],
            "inner": [{"n": 1, "x": float("inf")}, {"n": None, "x": 0.5}, None],
            "raw": [b"\x00\xff", None, b""],
            "": [1, 2, 3],
        }
    )
