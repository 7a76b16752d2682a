"""Rows token by token in the report: from what a query stored, never from a model."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import pyrite
from pyrite import Run
from pyrite.report import TokenRewards
from pyrite.report import tokens as tokens_module
from pyrite.report.build import build
from pyrite.report.html import render
from pyrite.report.html.tokens import view
from tests.report.runs import cells, recorded_run, section, table, trained_rows

EXPERIMENT = """
name: tokens
out: {out}
doctor: "off"
model: {{id: tiny, path: "builtin:tiny-reward-model", reading: compat}}
data: {{id: rows, path: "builtin:demo/{data}.jsonl", sample: {{n: 30}}}}
query:
  id: scores
  requires: [tiny, rows]
  save_interval: 7
  store: [{stored}]
"""


def run_of(folder: Path, data: str, stored: str = "score, token_rewards") -> Run:
    file = folder / "e.yml"
    file.write_text(EXPERIMENT.format(out=folder / "runs", data=data, stored=stored))
    return pyrite.run(file, quiet=True)


def shown(run: Run) -> list[TokenRewards]:
    blocks = section(build(run), "extremes").blocks
    return [one for one in blocks if isinstance(one, TokenRewards)]


@pytest.mark.parametrize("data", ["questions", "pairs"])
def test_the_first_rows_at_both_ends_token_by_token(tmp_path: Path, data: str) -> None:
    run = run_of(tmp_path, data)
    frame, found = run.table("scores"), shown(run)
    assert len({one.id for one in found}) == len(found) == 4
    prefixes = ["chosen_", "rejected_"] if data == "pairs" else [""]
    ends = cells(table(build(run), "extremes-scores"), "row_id")
    for at, one in enumerate(found):
        prefix = prefixes[at % len(prefixes)]
        said = re.search(r"row (\d+)", one.caption)
        assert said is not None
        row = int(said[1])
        assert row in (ends[0], ends[1], ends[-10], ends[-9], ends[len(ends) // 2])
        assert one.tokens == list(frame[f"{prefix}token_texts"][row])
        stored = np.asarray(frame[f"{prefix}token_rewards"][row])
        np.testing.assert_array_equal(np.array(one.rewards, float), stored)
        # bittensor's reading: the end of text itself is never read.
        assert one.tokens[-1] == "<|endoftext|>"
        assert one.rewards[-1] is None
        assert f"read at token {len(one.tokens) - 1}, and nothing after it" in one.caption
        assert f"score {stored[len(one.tokens) - 2]:.2f}" in one.caption
    assert "reward token by token" not in build(run).verdict[-1]
    assert 'class="token unread"' in render(build(run), run.path)


def test_of_a_long_text_the_tokens_before_the_score_are_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of(tmp_path, "questions")
    whole = shown(run)
    monkeypatch.setattr(tokens_module, "MOST_TOKENS", 8)
    for one, all_of_it in zip(shown(run), whole, strict=True):
        assert one.tokens == all_of_it.tokens[-8:]
        assert one.rewards == all_of_it.rewards[-8:]
        assert f"{len(all_of_it.tokens) - 8:,} of {len(all_of_it.tokens):,} tokens" in one.caption


def test_what_is_missing_is_told_with_its_cure(tmp_path: Path) -> None:
    report = build(run_of(tmp_path, "questions", "score"))
    assert not [b for b in section(report, "extremes").blocks if isinstance(b, TokenRewards)]
    assert "add `token_rewards` to `store`" in str(section(report, "unmeasured"))
    (tmp_path / "other").mkdir()
    recorded = build(recorded_run(tmp_path / "other", trained_rows(60, prompts=12)))
    assert "no model here reads a linear head at one token" in str(section(recorded, "unmeasured"))


def test_the_key_has_the_shades_of_the_texts_own_ends() -> None:
    made = view(TokenRewards(id="a", caption="", tokens=["x", "y"], rewards=[-4.0, -1.6]), id="a")
    assert (made.lowest.shade, made.lowest.reward) == ("minus-5", "−4.00")
    assert (made.highest.shade, made.highest.reward) == ("minus-2", "−1.60")
