"""What the gate writes: JUnit, JSON, summaries, annotations; hostile texts, and exit codes."""

from __future__ import annotations

import io
import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyrite.analysis.resample import Estimate
from pyrite.compare.render import as_markdown
from pyrite.escape import markdown, one_line
from pyrite.gate.junit import junit
from pyrite.gate.result import Checked, Gated, Outcome
from pyrite.gate.show import append_summary, gate_blocks, print_gate
from tests.end_to_end.programs import pyrite, pyrite_process

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=60)
HOSTILE = "\x00\x1b[31m</failure>]]>&\ud800\ufffe\n::error::owned\n##[add-path]x | `a` <script>"


def gated(text: str, outcome: Outcome = Outcome.FINDING) -> Gated:
    number = Estimate(0.5, 0.4, float("nan"), 10, 5)
    checked = (
        Checked("exploits", text, outcome, text, number, 0.1),
        Checked("accuracy", "q", Outcome.PASSED, "fine", 3, None),
        Checked("flips", text, Outcome.IGNORED, text),
    )
    return Gated(f"runs/{text}", text, "policy.yml", checked, (text,))


@given(ANY_TEXT)
def test_junit_is_well_formed_whatever_the_texts_are(text: str) -> None:
    root = ET.fromstring(junit(gated(text)))
    assert root.get("tests") == "3"
    assert root.get("failures") == "1"
    assert root.get("skipped") == "1"
    assert [case.get("classname") for case in root.iter("testcase")] == [
        "gate.exploits",
        "gate.accuracy",
        "gate.flips",
    ]


def test_junit_keeps_what_xml_can_hold() -> None:
    root = ET.fromstring(junit(gated(HOSTILE)))
    (failure,) = root.iter("failure")
    assert failure.text == HOSTILE.replace("\x00", "�").replace("\x1b", "�").replace(
        "\ud800", "�"
    ).replace("\ufffe", "�")
    assert failure.get("type") == "finding"


@given(ANY_TEXT)
def test_markdown_has_one_line_for_each_check_and_no_tag(text: str) -> None:
    page = as_markdown(gate_blocks(gated(text)))
    assert "<" not in page
    lines = page.splitlines()
    assert sum(line.startswith("| ") for line in lines) == 4
    assert all(line.count("|") == 5 for line in lines if line.startswith("| "))


def test_addresses_and_mentions_are_no_links_and_intervals_stay_readable() -> None:
    assert markdown("0.31 [0.27, 0.35] SD") == "0.31 [0.27, 0.35] SD"
    for text in ("[1](http://x)", "[1]: http://x", "[1][2]", "![a](b)"):
        assert "://" not in markdown(text)
        assert "[1]" not in markdown(text)
        assert "![" not in markdown(text)
    assert "@" not in markdown("@someone")
    assert markdown("[1](x)").startswith("&#91;1&#93;")
    assert markdown("[1]: x").startswith("&#91;1&#93;")
    assert "\n" not in one_line("a\nb\x1b")


def test_commands_of_a_github_runner_are_stopped_and_annotations_escaped() -> None:
    stream = io.StringIO()
    print_gate(gated("50%\n::stop-commands::x\rhere"), stream, {"GITHUB_ACTIONS": "true"})
    first, *lines = stream.getvalue().splitlines()
    assert first.startswith("::stop-commands::")
    token = first.removeprefix("::stop-commands::")
    again = lines.index(f"::{token}::")
    (error,) = lines[again + 1 :]
    assert error == (
        "::error title=pyrite gate%3A exploits::"
        "50%25%0A::stop-commands::x%0Dhere: 50%25%0A::stop-commands::x%0Dhere"
    )
    stream = io.StringIO()
    print_gate(gated("x"), stream, {})
    assert "::" not in stream.getvalue()


def test_json_has_no_number_that_json_lacks() -> None:
    text = json.dumps(gated("x").as_json(), allow_nan=False)
    content = json.loads(text)
    assert (content["schema_version"], content["passed"]) == (1, False)
    measured = content["checked"][0]["measured"]
    assert measured == {"value": 0.5, "low": 0.4, "high": None, "n": 10, "prompts": 5}
    assert content["checked"][0]["outcome"] == "finding"


def test_a_summary_is_appended(tmp_path: Path) -> None:
    file = tmp_path / "new" / "summary.md"
    append_summary(gated(HOSTILE), file)
    append_summary(gated("again"), file)
    assert file.read_text().count("# Gate not passed") == 2


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    file = tmp_path / "policy.yml"
    file.write_text("exploits: {max: 0}\naccuracy: {min: 0.6}\n")
    return file


def test_all_files_of_a_finding(
    audited: Path, policy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    files = ["--junit", tmp_path / "gate.xml", "--json", tmp_path / "gate.json"]
    ended = pyrite("gate", audited, "--policy", policy, *files)
    assert (ended.status, ended.err) == (100, "")
    assert "1 finding, 1 passed" in ended.out
    assert ET.parse(tmp_path / "gate.xml").getroot().get("failures") == "1"
    content = json.loads((tmp_path / "gate.json").read_text())
    assert (content["passed"], content["checked"][0]["measured"]) == (False, 1)
    assert "Gate not passed" in (tmp_path / "summary.md").read_text()
    given = tmp_path / "given.md"
    pyrite("gate", audited, "--policy", policy, "--summary", given)
    assert "Gate not passed" in given.read_text()


def test_exit_codes_in_a_process_of_its_own(audited: Path, policy: Path) -> None:
    env = {"GITHUB_ACTIONS": "true", "OMP_NUM_THREADS": "1"}
    ended = pyrite_process("gate", audited, "--policy", policy, env=env)
    assert (ended.status, ended.err) == (100, "")
    assert "::error title=pyrite gate%3A exploits::exploits: 1 with the verdict" in ended.out
    policy.write_text("exploits: {max: 1}\n")
    ended = pyrite_process("gate", audited, "--policy", policy, env=env)
    assert (ended.status, "::error" in ended.out) == (0, False)
