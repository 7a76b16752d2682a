"""What is secret never reaches a file, an event or a tracker."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end.programs import pyrite, sets, write_jsonl

FROM_ENVIRONMENT = "quiet-harbour-7731-lantern"
LITERAL = "hf_" + "A1b2C3d4E5" * 3 + "F6g7"
IN_A_URL = "correct-horse-battery"

EXPERIMENT = """
name: secrets
out: {folder}/runs
tags: [plain, "${{PYRITE_TEST_TOKEN}}", "{literal}"]
group: https://user:{url}@example.org/project
track: []
model: {{id: m, path: builtin:tiny-reward-model, reading: native, device: cpu}}
data: {{id: d, path: {folder}/rows.jsonl}}
query: {{id: q, requires: [m, d], store: [score]}}
analyze: {{id: a, requires: [q], compute: [num_words], bootstrap: 100}}
"""


def write_experiment(folder: Path) -> Path:
    rows = [{"prompt": f"p {i}", "response": "word " * (i % 5 + 1)} for i in range(12)]
    write_jsonl(folder / "rows.jsonl", rows)
    file = folder / "secrets.yml"
    file.write_text(EXPERIMENT.format(folder=folder, literal=LITERAL, url=IN_A_URL))
    return file


def leaks(folder: Path) -> list[tuple[str, Path]]:
    """Every file below a folder that holds a secret, in its name or in its bytes."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [
        (secret, path)
        for secret in (FROM_ENVIRONMENT, LITERAL, IN_A_URL)
        for path in files
        if secret in str(path) or secret.encode() in path.read_bytes()
    ]


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYRITE_TEST_TOKEN", FROM_ENVIRONMENT)


def test_no_secret_is_in_any_file(tmp_path: Path) -> None:
    ended = pyrite("run", write_experiment(tmp_path), *sets(track="{wandb: {mode: offline}}"))
    assert ended.status == 0, ended.err
    names = {path.suffix for path in (tmp_path / "runs").rglob("*") if path.is_file()}
    assert {".wandb", ".json", ".jsonl", ".yml", ".parquet", ".png", ".html", ".txt"} <= names
    assert leaks(tmp_path / "runs") == []
    (stored,) = (tmp_path / "runs").glob("secrets/*/experiment.yml")
    assert "${PYRITE_TEST_TOKEN}" in stored.read_text()


def test_the_tracker_s_own_settings_are_no_way_round(tmp_path: Path) -> None:
    settings = "{mode: offline, tags: ['${PYRITE_TEST_TOKEN}'], job_type: %s, name: %s}"
    track = "{wandb: " + settings % (LITERAL, LITERAL) + "}"
    file = write_experiment(tmp_path)
    ended = pyrite("run", file, *sets(track=track), "--only", "data")
    assert ended.status == 0, ended.err
    assert leaks(tmp_path / "runs") == []


def test_a_failure_tells_no_secret_to_a_file(tmp_path: Path) -> None:
    weights = tmp_path / f"{LITERAL}.pt"
    weights.write_bytes(b"no weights at all")
    options = sets(model__ckpt=weights, track="{wandb: {mode: offline}}")
    ended = pyrite("run", write_experiment(tmp_path), *options)
    assert ended.status == 1
    assert "not a whole torch checkpoint" in ended.err
    assert leaks(tmp_path / "runs") == []
