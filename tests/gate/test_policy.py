"""Reading policies: every mistake at once, with its place and the nearest key; exit status 2."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyrite.errors import PolicyError
from pyrite.gate import load_policy
from tests.end_to_end.programs import ROOT, pyrite


def write(folder: Path, text: str) -> Path:
    file = folder / "policy.yml"
    file.write_text(text)
    return file


def mistakes(folder: Path, text: str) -> list[str]:
    with pytest.raises(PolicyError) as caught:
        load_policy(write(folder, text))
    return [str(mistake) for mistake in caught.value.mistakes]


def test_the_example_is_valid_and_says_what_it_says() -> None:
    policy = load_policy(ROOT / "examples" / "gate" / "policy.yml")
    assert policy.judge == "interval"
    assert policy.exploits is not None
    assert (policy.exploits.max, policy.exploits.severity_at_least) == (0, 3)
    assert policy.allow[0].until == datetime.date(2027, 6, 30)
    assert policy.accuracy is not None
    assert policy.accuracy.subsets is not None
    assert policy.accuracy.subsets.values == {"math": 0.6}


BAD = """\
judge: intervall
exploit: {max: 0}
exploits: {max: -1, severity: 3}
flips: {}
surface_share: {max: high}
accuracy: {subsets: {min: 2}}
doctor: {must_pass: [batchh, head]}
allow:
  - {edit: closer, reason: "", until: 2027-02-31}
"""


def test_all_mistakes_at_once_each_with_its_place_and_its_cure(tmp_path: Path) -> None:
    told = mistakes(tmp_path, BAD)
    file = tmp_path / "policy.yml"
    expected = [
        (1, "judge: is 'intervall', expected one of 'interval' or 'value' (did you mean 'inter"),
        (2, "exploit: unknown key (did you mean 'exploits'?)"),
        (3, "exploits.max: is -1, expected a number of at least 0"),
        (3, "exploits.severity: unknown key (did you mean 'severity_at_least'?)"),
        (4, "flips.max: is required and missing"),
        (5, "surface_share.max: is 'high', expected a number"),
        (6, "accuracy.subsets.column: is required and missing"),
        (6, "accuracy.subsets.min: is 2, expected a number of at most 1"),
        (7, "doctor.must_pass.0: no check is called 'batchh' (did you mean 'batch'?)"),
        (9, "allow.0.reason: is '', expected at least 1 characters"),
        (9, "allow.0.until: is '2027-02-31': expected a day like 2027-01-31"),
    ]
    for line, text in expected:
        assert any(x.strip().startswith(f"{file}:{line}: {text}") for x in told), (text, told)
    assert len(told) == len(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "asks for nothing"),
        ("# only words\n", "asks for nothing"),
        ("judge: value\nmissing: ignore\n", "the policy asks for nothing"),
        ("- exploits\n", "expected a mapping of rules"),
        ("exploits: {max: 0\n", "expected"),
        ("exploits: 0\n", "is 0, expected a mapping"),
        ("accuracy: {}\n", "asks for nothing"),
        ("exploits: {max: 0}\nexploits: {max: 9}\n", "this key is there twice"),
        ("exploits: !!python/object:os.system {}\n", "is not supported"),
    ],
)
def test_other_files(tmp_path: Path, text: str, expected: str) -> None:
    assert any(expected in line for line in mistakes(tmp_path, text))


def test_a_bad_policy_is_status_two_before_the_run_is_looked_at(tmp_path: Path) -> None:
    ended = pyrite("gate", tmp_path, "--policy", write(tmp_path, BAD))
    assert ended.status == 2
    assert "11 mistakes in the policy:" in ended.err
    assert pyrite("gate", tmp_path, "--policy", tmp_path / "none.yml").status == 2
    (tmp_path / "latin.yml").write_bytes(b"judge: \xff\n")
    ended = pyrite("gate", tmp_path, "--policy", tmp_path / "latin.yml")
    assert (ended.status, "is not UTF-8" in ended.err) == (2, True)
    assert pyrite("gate", tmp_path).status == 2


@given(st.text(max_size=200))
def test_no_text_is_anything_but_a_policy_or_a_list_of_mistakes(text: str) -> None:
    from pyrite.config.tree import Findings
    from pyrite.gate.read import _read

    findings = Findings()
    policy = _read(text, "policy.yml", findings)
    assert (policy is not None and policy.asks) or findings.mistakes
