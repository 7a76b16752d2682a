"""Where a report comes from: finished runs, interrupted ones, damaged ones, the command line."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pyrite
from pyrite import Run
from pyrite.errors import CorruptArtifactError, PyriteError, StoreError
from pyrite.files import read_json, write_json
from pyrite.report import Notice, Table, Text
from pyrite.report._plain import plain
from pyrite.report.build import build
from pyrite.report.write import find_run, read_report, write_report
from pyrite.trackers import RunInfo, Session, Tracker
from tests.end_to_end.programs import events
from tests.end_to_end.programs import pyrite as command
from tests.report.runs import cells, copied, recorded_run, section, table, trained_rows


def interrupted(run: Run) -> Run:
    """As a run that was killed in its query leaves its folder."""
    steps = run.path / "steps"
    (steps / "scores" / "meta.json").unlink()
    for path in sorted((steps / "surface").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    (steps / "surface").rmdir()
    write_json(run.path / "manifest.json", {**run.manifest, "status": "interrupted"})
    return Run(run.path)


def test_an_interrupted_run_has_a_report_that_says_what_is_missing(
    trained: Run, tmp_path: Path
) -> None:
    run = interrupted(copied(trained, tmp_path))
    page = write_report(run.path)
    assert page.is_file()
    report = read_report(run.path / "report.json")
    assert [one.id for one in report.sections] == ["audited", "unmeasured", "provenance"]
    notice = section(report, "audited").blocks[0]
    assert isinstance(notice, Notice)
    assert notice.level == "bad"
    assert "This run is interrupted; missing: query scores, analyze surface" in notice.text
    assert notice.cure == f"run it again: pyrite run {run.path}/experiment.yml"
    assert "query scores, analyze surface" in report.verdict[2]
    assert "nothing can be said" in report.verdict[1]
    gaps = section(report, "unmeasured").blocks[0]
    assert "600 of 600 rows are scored" in gaps.items[0].value  # type: ignore[union-attr]
    assert "run, not finished" in cells(table(report, "steps"), "how")


def test_a_run_without_its_analysis_has_all_else(trained: Run, tmp_path: Path) -> None:
    run = copied(trained, tmp_path)
    (run.path / "steps" / "surface" / "meta.json").unlink()
    report = build(run)
    names = [one.id for one in report.sections]
    assert "distributions" in names
    assert "extremes" in names
    assert "dependence" not in names
    assert "analyze surface" in report.verdict[2]


DAMAGE = {
    "steps/surface/measures.parquet": None,
    "steps/surface/associations.parquet": None,
    "steps/rows/rows.parquet": b"PAR1 nothing",
    "experiment.yml": None,
    "manifest.json": b"{}",
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_file_is_named_with_its_cure(trained: Run, tmp_path: Path, name: str) -> None:
    run = copied(trained, tmp_path)
    content = DAMAGE[name]
    if content is None:
        (run.path / name).unlink()
    else:
        (run.path / name).write_bytes(content)
    with pytest.raises(CorruptArtifactError, match="again") as raised:
        write_report(run.path)
    assert str(run.path / name) in str(raised.value)
    if name != "manifest.json":
        assert run.report is None, "an older report is not taken for this one"


@pytest.mark.parametrize("name", ["surface/surrogates.parquet", "rows/rows.parquet"])
def test_flipped_bytes_are_never_data(trained: Run, tmp_path: Path, name: str) -> None:
    run = copied(trained, tmp_path)
    path = run.path / "steps" / name
    content = bytearray(path.read_bytes())
    content[4 : len(content) - 8] = bytes(len(content) - 12)
    path.write_bytes(content)
    with pytest.raises(CorruptArtifactError, match="again") as raised:
        build(run)
    assert str(path) in str(raised.value)


def test_what_is_no_run_or_no_report_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="not a run directory"):
        write_report(tmp_path)
    path = tmp_path / "report.json"
    with pytest.raises(StoreError, match=f"write it again: pyrite report {tmp_path}"):
        read_report(path)
    for content, said in (
        ("{", "not whole JSON"),
        ('{"title": 1}', "not a report"),
        ('{"schema_version": 99}', "newer Pyrite"),
        ("[]", "not a report"),
    ):
        path.write_text(content)
        with pytest.raises(StoreError, match=said):
            read_report(path)


def test_the_command_writes_it_again(trained: Run, tmp_path: Path) -> None:
    run = copied(trained, tmp_path)
    (run.path / "report.html").unlink()
    ended = command("report", run.path)
    assert (ended.status, ended.out) == (0, f"{run.path}/report.html\n")
    assert run.report is not None
    refused = command("report", tmp_path / "nowhere")
    assert refused.status == 1
    assert "not a run directory" in refused.err


def test_of_an_experiment_the_newest_run_is_taken(tmp_path: Path) -> None:
    rows = trained_rows(30, prompts=6)
    first = recorded_run(tmp_path, rows)
    file = tmp_path / "recorded.yml"
    second = recorded_run(tmp_path, rows[:20])
    assert first.path != second.path
    assert find_run(file) == second.path
    now = (second.path / "manifest.json").stat().st_mtime_ns + 10**9
    os.utime(first.path / "manifest.json", ns=(now, now))
    assert find_run(file) == first.path
    ended = command("report", file)
    assert (ended.status, ended.out) == (0, f"{first.path}/report.html\n")
    other = tmp_path / "other.yml"
    other.write_text(file.read_text().replace("name: recorded", "name: never"))
    with pytest.raises(StoreError, match="first: pyrite run"):
        find_run(other)


def test_a_run_names_its_report_at_the_end(tmp_path: Path) -> None:
    run = recorded_run(tmp_path, trained_rows(30, prompts=6))
    ended = command("run", tmp_path / "recorded.yml", "-q")
    assert ended.status == 0, ended.err
    assert ended.out.splitlines()[-1] == f"report   {run.path}/report.html"


def test_a_report_that_fails_loses_no_run_and_is_told_loudly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pyrite.report.html as html

    def broken(report: object, folder: Path) -> str:
        raise RuntimeError("the renderer broke")

    run = recorded_run(tmp_path, trained_rows(30, prompts=6))
    assert run.report is not None
    monkeypatch.setattr(html, "render", broken)
    ended = command("run", tmp_path / "recorded.yml", "-q")
    assert ended.status == 0
    assert "THE REPORT WAS NOT WRITTEN" in ended.err
    assert f"try again: pyrite report {run.path}" in ended.err
    assert run.manifest["status"] == "finished"
    assert run.report is None
    assert len(run.table("scores")) == 30
    (failed,) = [event for event in events(run.path) if event["event"] == "report failed"]
    assert failed["message"] == "RuntimeError: the renderer broke"
    assert read_report(run.path / "report.json").name == "recorded"


class Noting(Session):
    """Writes down which files it was shown."""

    shown: ClassVar[list[tuple[str, str, str]]] = []

    def artifact(self, name: str, path: Path, kind: str) -> None:
        self.shown.append((name, path.name, kind))

    def finish(self, status: str) -> str | None:
        self.shown.append(("finish", status, ""))
        return None


class Notes(Tracker):
    """Shows nothing to anyone."""

    def start(self, info: RunInfo) -> Session:
        return Noting()


@pytest.fixture
def shown() -> Iterator[list[tuple[str, str, str]]]:
    Noting.shown.clear()
    yield Noting.shown
    Noting.shown.clear()


def test_trackers_are_shown_the_report_before_they_close(
    tmp_path: Path, shown: list[tuple[str, str, str]]
) -> None:
    recorded_run(tmp_path, trained_rows(30, prompts=6))
    experiment = pyrite.load(tmp_path / "recorded.yml")
    tracked = pyrite.Experiment(
        model=experiment.models,
        data=experiment.data,
        query=experiment.queries,
        track=Notes(),
        out=str(tmp_path / "tracked"),
        name="recorded",
    )
    pyrite.run(tracked, quiet=True)
    assert shown[-2:] == [("report", "report.html", "report"), ("finish", "finished", "")]


def test_secrets_do_not_reach_a_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMN", "rm")
    monkeypatch.setenv("MY_SECRET", "sesame-1234567")
    extra = '\ntags: ["${MY_SECRET}"]\n'
    run = recorded_run(
        tmp_path, trained_rows(30, prompts=6), scores='column: "${COLUMN}"', extra=extra
    )
    text = (run.path / "report.json").read_text("utf-8")
    assert "${MY_SECRET}" in text
    assert "sesame" not in text
    assert "sesame" not in (run.path / "report.html").read_text("utf-8")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner),
    max_leaves=10,
)


@given(anything)
def test_whatever_a_cell_holds_it_can_be_written_and_read(value: object) -> None:
    held = plain(value)
    text = json.dumps(held, allow_nan=False, ensure_ascii=False)
    text.encode("utf-8")
    assert json.loads(text) == held
    assert plain(held) == held
    made = Table(id="t", caption="c", columns=[], rows=[[value]], total=1)
    assert made.rows == [[held]]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_text_without_lone_surrogates_stays_as_it_is(text: str) -> None:
    assert Text(paragraphs=[text]).paragraphs == [text]


def test_errors_of_a_report_are_pyrites_own(trained: Run, tmp_path: Path) -> None:
    run = copied(trained, tmp_path)
    meta = read_json(run.path / "steps" / "surface" / "meta.json")
    for name in meta["files"]:
        path = run.path / "steps" / "surface" / name
        if path.suffix == ".png":
            path.unlink()
    with pytest.raises(PyriteError, match=r"\.png: missing or changed"):
        build(run)
