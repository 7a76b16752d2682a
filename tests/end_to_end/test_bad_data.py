"""Texts that are too long, empty or no texts at all, and run directories of another version."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

import pyrite as pyrite_package
from pyrite import Run
from tests.end_to_end.programs import half_written, pyrite, write_jsonl
from tests.models.support_gptj import gptj_config, reward_state, write_base

EXPERIMENT = """
name: odd
out: {folder}/runs
model: {{id: m, path: {model}, device: cpu, reading: {reading}{more}}}
data: {{id: d, path: {folder}/rows.jsonl}}
query: {{id: q, requires: [m, d], store: [score, tokens]}}
analyze:
  id: a
  requires: [q]
  compute: [num_words, num_chars: {{of: question}}]
  plot: [score: [num_words]]
  bootstrap: 100
"""

TINY = "builtin:tiny-reward-model"
FILLER = [{"prompt": f"prompt {i}", "response": "some word " * (i % 5 + 1)} for i in range(12)]
LONG = "word " * 100_000


def experiment(
    folder: Path,
    rows: list[dict[str, Any]],
    *,
    model: str = TINY,
    reading: str = "native",
    more: str = "",
) -> Path:
    write_jsonl(folder / "rows.jsonl", rows)
    file = folder / "odd.yml"
    text = EXPERIMENT.format(folder=folder, model=model, reading=reading, more=more)
    file.write_text(text)
    return file


@pytest.fixture
def compat_model(tmp_path: Path) -> dict[str, str]:
    base = tmp_path / "base"
    base.mkdir()
    write_base(base, config=gptj_config(n_positions=160))
    torch.save(reward_state(), tmp_path / "weights.pt")
    more = f", ckpt: {tmp_path / 'weights.pt'}"
    return {"model": str(base), "reading": "compat", "more": more}


def test_a_very_long_text_is_cut_on_the_left_and_told(tmp_path: Path) -> None:
    ends = [{"prompt": "a?", "response": LONG + "the end."}, {"prompt": "a?", "response": "short"}]
    run = pyrite_package.run(experiment(tmp_path, [*ends, *FILLER]), only=["q"], quiet=True)
    assert "q: 1 of 14 rows were truncated (column `truncated`)" in run.notes
    table = run.table("q")
    assert list(table["truncated"]) == [True] + [False] * 13
    positions = int(table["num_tokens"].max())
    row = table.iloc[0]
    assert row["num_tokens"] == positions < 5000
    assert row["num_cut"] > 90_000
    assert row["read_at"] == positions - 1
    assert math.isfinite(row["score"])
    # What is left is the end of the text: the same ids as a text that lacks the beginning.
    whole = tmp_path / "again"
    whole.mkdir()
    shorter = {"prompt": "a?", "response": "word " * 50_000 + "the end."}
    file = experiment(whole, [shorter, *FILLER])
    again = pyrite_package.run(file, only=["q"], quiet=True).table("q")
    assert list(again.iloc[0]["tokens"]) == list(row["tokens"])
    assert again.iloc[0]["score"] == pytest.approx(row["score"], abs=1e-5)


def test_a_very_long_text_has_a_problem_in_the_compat_reading(
    tmp_path: Path, compat_model: dict[str, str]
) -> None:
    rows = [{"prompt": "a?", "response": LONG}, *FILLER]
    run = pyrite_package.run(experiment(tmp_path, rows, **compat_model), only=["q"], quiet=True)
    assert "q: 1 row has no score (column `problem` says why)" in run.notes
    table = run.table("q")
    problem = table.iloc[0]["problem"]
    assert "tokens, the model has 160 positions and truncation is off" in problem
    assert math.isnan(table.iloc[0]["score"])
    assert table["problem"].isna().sum() == len(FILLER)
    assert table["score"].notna().sum() == len(FILLER)
    assert list(table["truncated"]) == [False] * len(rows)


def test_empty_texts_are_told_and_scored(tmp_path: Path) -> None:
    rows = [
        {"prompt": "", "response": ""},
        {"prompt": "q", "response": ""},
        {"prompt": "", "response": "x"},
        *FILLER,
    ]
    run = pyrite_package.run(experiment(tmp_path, rows), only=["q"], quiet=True)
    assert "d: 2 rows: the response is empty text" in run.notes
    table = run.table("q")
    assert list(table["response"][:3]) == ["", "", "x"]
    assert table["score"].notna().all()
    assert table["problem"].isna().all()


def test_no_text_at_all(tmp_path: Path) -> None:
    file = experiment(tmp_path, [{"prompt": "q", "response": ""}] * 3)
    ended = pyrite("run", file, "-q")
    assert (ended.status, ended.out) == (1, "")
    assert ended.err == (
        f"pyrite: {tmp_path}/rows.jsonl: the response is empty in all rows; "
        "name another column in schema\n"
    )
    assert not list(tmp_path.rglob("rows.parquet"))


def test_null_bytes_surrogates_and_markup_go_through(tmp_path: Path) -> None:
    hostile = [
        {"prompt": "a\x00b", "response": "x\ud800y"},
        {"prompt": "\udfff", "response": "\x00"},
        {"prompt": "</script><script>alert(1)</script>", "response": "<b>{0} %s ${HOME}</b>"},
        {"prompt": "\x1b[31mred", "response": "../../etc/passwd"},
    ]
    run = pyrite_package.run(experiment(tmp_path, [*hostile, *FILLER]), quiet=True)
    table = run.table("q")
    assert list(table["prompt"][:4]) == [
        "a\x00b",
        "\ufffd",
        "</script><script>alert(1)</script>",
        "\x1b[31mred",
    ]
    assert list(table["response"][:4]) == [
        "x\ufffdy",
        "\x00",
        "<b>{0} %s ${HOME}</b>",
        "../../etc/passwd",
    ]
    assert table["score"].notna().all()
    assert (
        "d: 2 values: held lone surrogates, which UTF-8 cannot hold; replaced by U+FFFD"
        in run.notes
    )
    assert run.figures
    pages = [figure.with_suffix(".html") for figure in run.figures]
    assert not any(b"<script>alert(1)" in page.read_bytes() for page in pages)


@pytest.mark.parametrize("content", ["", "\n\n"])
def test_no_rows(tmp_path: Path, content: str) -> None:
    file = experiment(tmp_path, FILLER)
    (tmp_path / "rows.jsonl").write_text(content)
    ended = pyrite("run", file, "-q")
    assert (ended.status, ended.out) == (1, "")
    assert ended.err == f"pyrite: {tmp_path}/rows.jsonl: no rows in it\n"
    assert half_written(tmp_path) == []
    assert not list(tmp_path.rglob("rows.parquet"))


def test_a_line_that_is_no_json_is_named(tmp_path: Path) -> None:
    file = experiment(tmp_path, FILLER)
    with (tmp_path / "rows.jsonl").open("a") as stream:
        stream.write('{"prompt": "cut o')
    ended = pyrite("run", file, "-q")
    assert (ended.status, ended.out) == (1, "")
    assert f"{tmp_path}/rows.jsonl:13: " in ended.err
    assert half_written(tmp_path) == []


def test_a_run_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    file = experiment(tmp_path, FILLER)
    run = pyrite_package.run(file, only=["q"], quiet=True)
    manifest = run.path / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "format": 99}))
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    wanted = (
        f"{run.path}: written by a newer Pyrite (format 99, this one knows 1); "
        "upgrade Pyrite, or choose another `out:` folder"
    )
    for options in ((), ("--dry-run",)):
        ended = pyrite("run", file, *options, "-q")
        assert (ended.status, ended.out, ended.err) == (1, "", f"pyrite: {wanted}\n")
    with pytest.raises(pyrite_package.PyriteError, match="newer Pyrite"):
        Run(run.path)
    after = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    assert after == before
