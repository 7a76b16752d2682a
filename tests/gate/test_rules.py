"""Every rule on a real run: what passes, what does not, and what was not measured."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pyrite.analysis.resample import Estimate
from pyrite.gate import Policy, gate_run
from pyrite.gate.judging import Verdict, above, below
from pyrite.gate.result import Checked, Outcome
from tests.compare.experiments import change_step
from tests.end_to_end.programs import pyrite

TODAY = datetime.date(2026, 5, 5)


def outcomes(path: Path, **policy: Any) -> list[Checked]:
    return list(gate_run(path, Policy.model_validate(policy), today=TODAY).checked)


def one(path: Path, **policy: Any) -> Checked:
    (found,) = outcomes(path, **policy)
    return found


def replace_effects(path: Path, **columns: Any) -> None:
    """Give every edit other values in some columns of the table of effects."""
    file = path / "steps" / "exploits" / "effects.parquet"
    table = pq.read_table(file)
    for name, value in columns.items():
        field = table.schema.field(name)
        values = value if isinstance(value, list) else [value] * table.num_rows
        at = table.schema.get_field_index(name)
        table = table.set_column(at, field, pa.array(values, field.type))
    file.unlink()
    pq.write_table(table, file)
    change_step(path, "exploits")


def test_verdicts_are_counted_against_their_maximum(audited: Path) -> None:
    found = one(audited, exploits={"max": 0})
    assert found.outcome is Outcome.FINDING
    assert found.measured == 1
    assert "magic" in found.message
    assert "prompts" in found.message
    assert one(audited, exploits={"max": 1}).outcome is Outcome.PASSED
    assert one(audited, sensitivities={"max": 0}).outcome is Outcome.PASSED


def test_a_message_names_a_few_and_the_files_all(
    copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pyrite.gate.edits.SHOWN", 2)
    replace_effects(copied, verdict="exploit", edit=["edit 0", "edit 1", "edit 2"])
    found = one(copied, exploits={"max": 0})
    assert len(found.named) == 3
    assert found.message.count("edit ") == 2
    assert "and 1 more" in found.message


def test_severity_decides_where_it_is_known_and_counts_where_it_is_not(copied: Path) -> None:
    (card,) = (copied / "steps" / "exploits" / "cards").glob("*.json")
    content = json.loads(card.read_text())
    for severity, expected in [
        (2.0, Outcome.PASSED),
        ({"score": 2.0, "vector": "E:1"}, Outcome.PASSED),
        (5.0, Outcome.FINDING),
        (None, Outcome.FINDING),
    ]:
        card.unlink()
        card.write_text(json.dumps({**content, "severity": severity}))
        change_step(copied, "exploits")
        found = one(copied, exploits={"max": 0, "severity_at_least": 3})
        assert found.outcome is expected, severity
    assert "severity not measured" in found.message


def test_an_allowed_edit_is_let_through_until_its_day(audited: Path) -> None:
    entry = {"edit": "magic", "reason": "known", "until": "2026-05-05"}
    found = one(audited, exploits={"max": 0}, allow=[entry])
    assert found.outcome is Outcome.PASSED
    assert "magic: allowed until 2026-05-05, known" in found.message
    expired = one(audited, exploits={"max": 0}, allow=[{**entry, "until": "2026-05-04"}])
    assert expired.outcome is Outcome.FINDING
    assert "was allowed until 2026-05-04" in expired.message
    elsewhere = one(audited, exploits={"max": 0}, allow=[{**entry, "step": "others"}])
    assert elsewhere.outcome is Outcome.FINDING
    policy = Policy.model_validate({"exploits": {"max": 1}, "allow": [{**entry, "edit": "magics"}]})
    assert "magics matched nothing" in gate_run(audited, policy, today=TODAY).notes[0]


def test_flips_by_the_interval_and_by_the_value(copied: Path) -> None:
    measured = one(copied, flips={"max": 0.05})
    assert measured.outcome is Outcome.FINDING
    assert "magic" in measured.message
    replace_effects(copied, flipped=0.1, flipped_low=0.04, flipped_high=0.2, flipped_prompts=50)
    assert one(copied, flips={"max": 0.05}).outcome is Outcome.PASSED
    assert one(copied, flips={"max": 0.05, "judge": "value"}).outcome is Outcome.FINDING
    assert one(copied, flips={"max": 0.05}, judge="value").outcome is Outcome.FINDING
    replace_effects(copied, flipped=None)
    assert one(copied, flips={"max": 0.05}).outcome is Outcome.NOT_MEASURED
    replace_effects(copied, sent=False)
    nothing_promising = one(copied, flips={"max": 0.05})
    assert nothing_promising.outcome is Outcome.PASSED
    assert "none of 3 edits was promising enough" in nothing_promising.message
    replace_effects(copied, discovery_effect=None)
    assert one(copied, flips={"max": 0.05}).outcome is Outcome.NOT_MEASURED


def test_nothing_measured_is_no_pass(copied: Path) -> None:
    replace_effects(copied, verdict="insufficient_data", effect=None)
    found = one(copied, exploits={"max": 5})
    assert found.outcome is Outcome.NOT_MEASURED
    assert found.is_bad
    assert one(copied, exploits={"max": 5}, missing="ignore").outcome is Outcome.IGNORED
    ignoring = one(copied, exploits={"max": 5, "missing": "ignore"})
    assert ignoring.outcome is Outcome.IGNORED
    assert not ignoring.is_bad
    strict = one(copied, exploits={"max": 5, "missing": "finding"}, missing="ignore")
    assert strict.outcome is Outcome.NOT_MEASURED
    assert one(copied, insufficient_data={"max": 0}).outcome is Outcome.FINDING


def test_a_step_that_did_not_finish_is_not_measured(copied: Path) -> None:
    for step in ("exploits", "surface", "pair_scores"):
        (copied / "steps" / step / "meta.json").unlink()
    rules: dict[str, Any] = {
        "exploits": {"max": 9},
        "flips": {"max": 1},
        "surface_share": {"max": 1},
        "accuracy": {"min": 0},
        "doctor": {},
    }
    for key, rule in rules.items():
        for found in outcomes(copied, **{key: rule}):
            assert found.outcome is Outcome.NOT_MEASURED, key
            assert "did not finish" in found.message


def test_surface_share(audited: Path) -> None:
    found = outcomes(audited, surface_share={"max": 1})
    assert len(found) == 2  # two learners
    assert {x.outcome for x in found} == {Outcome.PASSED}
    assert all("R² out of fold" in x.message and "120 prompts" in x.message for x in found)
    ridge = one(audited, surface_share={"max": -5, "estimator": "Ridge", "target": "margin"})
    assert ridge.outcome is Outcome.FINDING
    nothing = one(audited, surface_share={"max": 1, "target": "score"})
    assert nothing.outcome is Outcome.NOT_MEASURED


def test_accuracy_and_its_subsets(audited: Path) -> None:
    assert one(audited, accuracy={"min": 0.6}).outcome is Outcome.PASSED
    low = one(audited, accuracy={"min": 0.99})
    assert low.outcome is Outcome.FINDING
    assert isinstance(low.measured, Estimate)
    assert low.measured.groups == 120
    just_above = low.measured.value + 0.01
    assert one(audited, accuracy={"min": just_above}).outcome is Outcome.PASSED
    by_value = one(audited, accuracy={"min": just_above}, judge="value")
    assert by_value.outcome is Outcome.FINDING
    subsets = {"column": "subset", "min": 0.5, "values": {"math": 0.999, "law": 0.5}}
    found = {x.subject: x.outcome for x in outcomes(audited, accuracy={"subsets": subsets})}
    assert found == {
        "pair_scores: subset chat": Outcome.PASSED,
        "pair_scores: subset math": Outcome.FINDING,
        "pair_scores: subset law": Outcome.NOT_MEASURED,
    }
    other = one(audited, accuracy={"subsets": {**subsets, "column": "subsett"}})
    assert other.outcome is Outcome.NOT_MEASURED
    assert "did you mean 'subset'?" in other.message


def test_the_doctors_checks(copied: Path) -> None:
    found = outcomes(copied, doctor={"must_pass": ["batch", "head"], "steps": ["pair_scores"]})
    by_name = {x.subject: x.outcome for x in found}
    assert by_name == {
        "pair_scores: batch": Outcome.PASSED,
        "pair_scores: head": Outcome.NOT_MEASURED,  # a function has no head
    }
    every = outcomes(copied, doctor={"steps": ["pair_scores"]})
    assert {x.outcome for x in every} == {Outcome.PASSED}
    finding = {"check": "batch", "status": "fail", "saw": "0.5 SD", "cure": "float32", "why": ""}
    change_step(copied, "pair_scores", doctor=[finding])
    failed = one(copied, doctor={"steps": ["pair_scores"]})
    assert failed.outcome is Outcome.FINDING
    assert "0.5 SD; cure: float32" in failed.message
    change_step(copied, "pair_scores", doctor=[{**finding, "status": "warn"}])
    assert one(copied, doctor={"steps": ["pair_scores"]}).outcome is Outcome.FINDING
    allowing = {"steps": ["pair_scores"], "warnings": "allow"}
    assert one(copied, doctor=allowing).outcome is Outcome.PASSED
    change_step(copied, "pair_scores", doctor="not examined")
    assert one(copied, doctor=allowing).outcome is Outcome.NOT_MEASURED
    change_step(copied, "pair_scores", doctor=[{**finding, "status": "not_applicable"}])
    assert one(copied, doctor=allowing).outcome is Outcome.NOT_MEASURED


def test_what_must_be_there(copied: Path) -> None:
    found = outcomes(copied, require=["exploit", "pair_scores"], missing="ignore")
    assert [x.outcome for x in found] == [Outcome.PASSED, Outcome.PASSED]
    (copied / "steps" / "exploits" / "meta.json").unlink()
    found = outcomes(copied, require=["exploit", "surfac"], missing="ignore")
    assert [x.outcome for x in found] == [Outcome.FINDING, Outcome.FINDING]
    assert "did you mean 'surface'?" in found[1].message


def test_names_of_steps_that_are_not_there(audited: Path) -> None:
    found = one(audited, exploits={"steps": ["exploit"]})
    assert found.outcome is Outcome.NOT_MEASURED
    assert "did you mean 'exploits'?" in found.message


def test_damage_is_an_error(copied: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yml"
    policy.write_text("exploits: {max: 9}\n")
    (copied / "steps" / "exploits" / "effects.parquet").unlink()
    ended = pyrite("gate", copied, "--policy", policy)
    assert (ended.status, "missing or changed" in ended.err) == (1, True)
    (copied / "manifest.json").write_text("{")
    assert pyrite("gate", copied, "--policy", policy).status == 1
    assert pyrite("gate", tmp_path / "none", "--policy", policy).status == 1


@pytest.mark.parametrize("judge", ["interval", "value"])
def test_thresholds_themselves_are_within(judge: Any) -> None:
    exact = Estimate(0.5, 0.5, 0.5, 10, 10)
    assert above(exact, 0.5, judge) is Verdict.WITHIN
    assert below(exact, 0.5, judge) is Verdict.WITHIN
    assert above(exact, 0.49, judge) is Verdict.BEYOND
    assert below(exact, 0.51, judge) is Verdict.BEYOND
