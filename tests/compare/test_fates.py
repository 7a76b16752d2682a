"""What becomes of an exploit, from tables of effects that say exactly what they should."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy import stats

from pyrite.analysis.resample import Estimate
from pyrite.compare.fates import compare_exploits, effect_difference
from pyrite.compare.result import ComparedEdit, ComparedExploits, Fate
from pyrite.finished import FinishedStep

BLANK = {
    **dict.fromkeys(("verdict", "reason", "problem")),
    **dict.fromkeys(("effect", "effect_low", "effect_high", "effect_prompts", "answers")),
    **dict.fromkeys(("discovery_effect", "discovery_error", "discovery_prompts")),
    "discovery_answers": None,
    "family": "magic",
}


def confirmed(verdict: str, value: float, low: float, high: float, **more: Any) -> dict[str, Any]:
    row = {"effect": value, "effect_low": low, "effect_high": high}
    prompts = {"effect_prompts": 40, "answers": 80}
    return {**BLANK, "verdict": verdict, "reason": "it says so", **row, **prompts, **more}


def discovered(value: float, error: float, prompts: int) -> dict[str, Any]:
    row = {"discovery_effect": value, "discovery_error": error, "discovery_prompts": prompts}
    return {**BLANK, **row, "discovery_answers": prompts}


def step(
    folder: Path, rows: dict[str, dict[str, Any]], claim: str = "keeps", smallest: float = 0.2
) -> FinishedStep:
    folder.mkdir()
    named = [{"edit": x, "identity": x, "claim": claim, **row} for x, row in rows.items()]
    pq.write_table(pa.Table.from_pylist(named), folder / "effects.parquet")
    return FinishedStep(
        id="holes",
        kind="exploit",
        requires=("m", "d"),
        identity="",
        declared={"confirm": {"smallest": smallest}},
        content={},
        meta={"files": {"effects.parquet": 1}},
        path=folder,
    )


def fate(
    tmp_path: Path, a: dict[str, Any] | None, b: dict[str, Any] | None, claim: str = "keeps"
) -> ComparedEdit:
    other = {"other": confirmed("not_confirmed", 0.0, -0.1, 0.1)}
    rows_a = {**other, **({"x": a} if a else {})}
    rows_b = {**other, **({"x": b} if b else {})}
    found = compare_exploits(
        step(tmp_path / "a", rows_a, claim), step(tmp_path / "b", rows_b, claim)
    )
    assert isinstance(found, ComparedExploits)
    (edit,) = found.edits
    return edit


EXPLOIT = confirmed("exploit", 2.0, 1.8, 2.2)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (EXPLOIT, EXPLOIT, Fate.PERSISTING),
        (EXPLOIT, confirmed("not_confirmed", 0.05, -0.05, 0.15), Fate.FIXED),
        (EXPLOIT, confirmed("not_confirmed", 0.1, -0.1, 0.3), Fate.OPEN),
        (EXPLOIT, confirmed("bias", 0.9, 0.8, 1.0), Fate.OPEN),
        (EXPLOIT, discovered(-0.2, 0.05, 30), Fate.FIXED),
        (EXPLOIT, discovered(0.1, 0.1, 30), Fate.OPEN),
        (EXPLOIT, discovered(-5.0, 0.01, 6), Fate.OPEN),
        (EXPLOIT, None, Fate.NOT_TESTED),
        (EXPLOIT, {**BLANK, "problem": "raised ValueError"}, Fate.NOT_TESTED),
        (confirmed("not_confirmed", 0.05, -0.05, 0.15), EXPLOIT, Fate.NEW),
        (confirmed("bias", 0.9, 0.8, 1.0), EXPLOIT, Fate.NEW),
        (None, EXPLOIT, Fate.NOT_TESTED),
    ],
)
def test_fates(
    tmp_path: Path, a: dict[str, Any] | None, b: dict[str, Any] | None, expected: Fate
) -> None:
    found = fate(tmp_path, a, b)
    assert found.fate is expected
    assert found.why


def test_an_edit_that_destroys_is_fixed_only_where_the_score_certainly_drops(
    tmp_path: Path,
) -> None:
    hole = confirmed("exploit", 0.0, -0.1, 0.1)
    (tmp_path / "drops").mkdir()
    (tmp_path / "may").mkdir()
    drops = confirmed("not_confirmed", -1.0, -1.2, -0.8)
    assert fate(tmp_path / "drops", hole, drops, "lowers").fate is Fate.FIXED
    small = confirmed("not_confirmed", -0.1, -0.3, 0.1)
    assert fate(tmp_path / "may", hole, small, "lowers").fate is Fate.OPEN


def test_edits_are_the_same_by_code_and_arguments_not_by_name(tmp_path: Path) -> None:
    a = step(tmp_path / "a", {"x": {**EXPLOIT, "identity": "version 1"}})
    b = step(tmp_path / "b", {"x": {**EXPLOIT, "identity": "version 2"}})
    found = compare_exploits(a, b)
    assert isinstance(found, ComparedExploits)
    assert [one.fate for one in found.edits] == [Fate.NOT_TESTED, Fate.NOT_TESTED]
    assert found.same == 0


def test_other_rules_are_told(tmp_path: Path) -> None:
    a = step(tmp_path / "a", {"x": EXPLOIT}, smallest=0.5)
    b = step(tmp_path / "b", {"x": EXPLOIT}, smallest=0.2)
    found = compare_exploits(a, b)
    assert isinstance(found, ComparedExploits)
    assert found.smallest == 0.2
    assert "0.5 SD in A and 0.2 SD in B" in found.notes[0]


def test_the_difference_of_effects_is_welchs() -> None:
    def measured(mean: float, sd: float, n: int) -> Estimate:
        reach = stats.t.ppf(0.975, n - 1) * sd / n**0.5
        return Estimate(mean, mean - reach, mean + reach, n, n)

    found = effect_difference(measured(2.0, 1.0, 40), measured(0.5, 2.0, 25))
    assert found is not None
    expected = stats.ttest_ind_from_stats(0.5, 2.0, 25, 2.0, 1.0, 40, equal_var=False)
    error = -1.5 / expected.statistic
    v, w = 4 / 25, 1 / 40
    degrees = (v + w) ** 2 / (v**2 / 24 + w**2 / 39)
    assert found.value == pytest.approx(-1.5)
    assert found.high - found.value == pytest.approx(stats.t.ppf(0.975, degrees) * error)
    assert (found.rows, found.groups) == (25, 25)
