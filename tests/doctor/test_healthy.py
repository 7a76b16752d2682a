"""No check fails on a model that is as it should be, and together they cost little."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from pyrite.doctor import DOCTOR, MOST_FORWARDS, Check, Status
from pyrite.doctor.examine import Examination, examine
from pyrite.models import Scorer
from pyrite.models.reward_model import RewardModel
from pyrite.types import Item
from tests.doctor.patients import FakeModel, pairs, patient, rows
from tests.models.zoo import SPECIMENS

ALL_IDS = [f"{kind}-{specimen.name}" for kind, specimen in SPECIMENS]


def with_columns(items: list[Item]) -> list[Item]:
    return [
        Item(item.prompt, item.response, columns={"recorded": 0.7 * i, "row_id": i})
        for i, item in enumerate(items)
    ]


@cache
def tiny(**fields: str) -> Scorer:
    return RewardModel(path="builtin:tiny-reward-model", device="cpu", **fields).open()


def problems(found: Examination) -> list[str]:
    return [finding.line() for finding in found.failed]


@pytest.mark.parametrize("name", ALL_IDS)
def test_no_check_fails_on_a_healthy_model(name: str, tmp_path: Path) -> None:
    scorer = SPECIMENS[ALL_IDS.index(name)][1].make(tmp_path).open()
    # Short rows: the specimens have few positions.
    items = [Item(f"{i} who", f"he {'ok ' * (i % 5)}{i * i}") for i in range(16)]
    found = examine(patient(scorer, with_columns(items)), rows=16)
    assert not problems(found)
    assert 0 < found.forwards <= MOST_FORWARDS
    scorer.close()


@pytest.mark.parametrize("reading", ["native", "compat"])
def test_the_model_that_ships_passes_and_compat_says_why_it_warns(reading: str) -> None:
    found = examine(patient(tiny(reading=reading), labelled=pairs()), rows=16)
    assert not problems(found)
    warnings = [f for f in found.findings if f.status is Status.WARN]
    if reading == "native":
        assert not warnings
    else:
        assert "template" in [f.check for f in warnings]
        assert all("misreading on purpose" in f.line() for f in warnings)


def test_all_checks_pass_or_are_not_applicable_on_the_healthy_fake() -> None:
    found = examine(patient(FakeModel(), rows()), rows=16)
    assert {f.status for f in found.findings} <= {Status.PASS, Status.NOT_APPLICABLE}


@pytest.mark.parametrize("name", DOCTOR.names())
def test_a_check_says_what_it_is_for(name: str) -> None:
    check = DOCTOR.get(name)()
    assert isinstance(check, Check)
    assert check.name == name
    assert check.why
    assert not check.why.endswith(".")
