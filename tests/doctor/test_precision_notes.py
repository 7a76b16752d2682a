"""A query in short floats says how far its scores are from float32, on the user's own texts."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pyrite import api
from pyrite.doctor import precision
from tests.models.zoo import build_classifier

COUNT = 40


def notes(folder: Path, *, doctor: str = "warn", **fields: str) -> str:
    if not (folder / "model").exists():
        build_classifier(folder / "model", "llama")
    lines = [
        {"prompt": f"prompt {i * i}", "chosen": f"word {i} " * (i % 9 + 1), "rejected": f"{i} no"}
        for i in range(COUNT)
    ]
    (folder / "rows.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    content = {
        "name": "small",
        "out": str(folder / "runs"),
        "doctor": doctor,
        "model": {
            "id": "m",
            "entrypoint": "SequenceClassifier",
            "path": str(folder / "model"),
            "device": "cpu",
            **fields,
        },
        "data": {"id": "rows", "path": str(folder / "rows.jsonl")},
        "query": {"id": "scores", "requires": ["m", "rows"], "cache": False},
    }
    file = folder / "experiment.yml"
    file.write_text(json.dumps(content))
    return "\n".join(api.run(file, quiet=True).notes)


def test_the_error_is_measured_and_said(tmp_path: Path) -> None:
    said = notes(tmp_path, compute="bfloat16")
    found = re.search(
        r"computed in bfloat16: scores differ from float32 by up to ([\d.e-]+) SD \(median "
        r"([\d.e-]+)\) on (\d+) texts; (\d+) of (\d+) pairs change order",
        said,
    )
    assert found is not None, said
    largest, median, texts, flipped, pairs = map(float, found.groups())
    assert 0 < median <= largest < 0.5
    assert texts == 16
    assert 0 <= flipped < pairs <= 16 * 15 / 2


def test_float32_says_nothing_of_it(tmp_path: Path) -> None:
    assert "differ from float32" not in notes(tmp_path)


def test_without_the_doctor_it_is_not_measured_and_said(tmp_path: Path) -> None:
    said = notes(tmp_path, doctor="off", compute="bfloat16")
    assert "not measured, because the doctor is off" in said


def test_too_large_to_open_twice_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "MOST_PARAMETERS", 10)
    said = notes(tmp_path, compute="bfloat16")
    assert re.search(r"not measured, because \d+ parameters are too many", said)


def test_int8_is_measured_and_said(tmp_path: Path) -> None:
    said = notes(tmp_path, dtype="int8")
    assert re.search(
        r"weights rounded to int8: scores differ from float32 by up to [\d.e-]+ SD", said
    )


def test_int8_without_the_doctor_is_said(tmp_path: Path) -> None:
    said = notes(tmp_path, doctor="off", dtype="int8")
    assert "weights rounded to int8: difference from float32 not measured, because the" in said
