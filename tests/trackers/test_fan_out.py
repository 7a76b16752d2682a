from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pyrite.errors import TrackerError
from pyrite.trackers import FigureFiles, RunInfo, Session, Tracker
from pyrite.trackers.fan_out import Trackers

CALLS: list[tuple[str, str]] = []


class Recorder(Tracker):
    label: str = "recorder"
    fails_at: str = ""

    def start(self, info: RunInfo) -> Session:
        if self.fails_at == "start":
            raise TrackerError("wrong key; run login")
        return RecorderSession(self)


class Another(Recorder):
    pass


class RecorderSession(Session):
    def __init__(self, tracker: Recorder) -> None:
        self.tracker = tracker

    def _note(self, what: str) -> None:
        CALLS.append((self.tracker.label, what))
        if self.tracker.fails_at in (what, "all"):
            raise ConnectionError(f"gone at {what}")

    def scalars(self, values: Mapping[str, float], step: int | None = None) -> None:
        self._note("scalars")

    def table(self, name: str, table: pa.Table) -> None:
        self._note("table")

    def figure(self, figure: FigureFiles) -> None:
        self._note("figure")

    def artifact(self, name: str, path: Path, kind: str) -> None:
        self._note("artifact")

    def finish(self, status: str) -> str | None:
        self._note("finish")
        CALLS.append((self.tracker.label, status))
        return f"see {self.tracker.label}"


@pytest.fixture(autouse=True)
def no_calls() -> None:
    CALLS.clear()


def use(trackers: Trackers, figure: FigureFiles) -> None:
    trackers.scalars({"a": 1.0}, step=1)
    trackers.table("t", pa.table({"a": [1]}))
    trackers.figure(figure)
    trackers.artifact("a", Path("a"), "data")


def started(*trackers: Tracker, info: RunInfo) -> tuple[Trackers, list[Any]]:
    problems: list[Any] = []
    opened = Trackers.start(
        trackers, info=info, on_problem=lambda name, text: problems.append((name, text))
    )
    return opened, problems


def test_every_call_goes_to_all_and_lines_are_collected(info: RunInfo, figure: FigureFiles) -> None:
    trackers, problems = started(Recorder(label="a"), Recorder(label="b"), info=info)
    use(trackers, figure)
    assert trackers.finish("finished") == ("see a", "see b")
    assert problems == []
    steps = ["scalars", "table", "figure", "artifact", "finish", "finished"]
    for label in "ab":
        assert [what for who, what in CALLS if who == label] == steps


def test_a_failing_tracker_is_told_once_muted_and_still_closed(
    info: RunInfo, figure: FigureFiles
) -> None:
    trackers, problems = started(
        Another(label="bad", fails_at="all"), Recorder(label="good"), info=info
    )
    use(trackers, figure)
    use(trackers, figure)
    assert trackers.finish("finished") == ("see good",)
    assert problems == [("another", "ConnectionError: gone at scalars")]
    assert [what for who, what in CALLS if who == "bad"] == ["scalars", "finish"]
    assert len([who for who, _ in CALLS if who == "good"]) == 10


def test_a_failure_at_the_end_is_told_too(info: RunInfo) -> None:
    trackers, problems = started(Recorder(fails_at="finish"), info=info)
    assert trackers.finish("finished") == ()
    assert problems == [("recorder", "ConnectionError: gone at finish")]


def test_a_refusal_at_start_propagates_and_closes_the_others(info: RunInfo) -> None:
    with pytest.raises(TrackerError, match="wrong key; run login"):
        started(Recorder(label="first"), Recorder(fails_at="start"), info=info)
    assert CALLS == [("first", "finish"), ("first", "failed")]


def test_finishing_twice_closes_once(info: RunInfo) -> None:
    trackers, _ = started(Recorder(label="a"), info=info)
    assert trackers.finish("finished") == trackers.finish("failed") == ("see a",)
    assert CALLS.count(("a", "finish")) == 1


def test_an_interrupt_is_not_swallowed(info: RunInfo, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    trackers, problems = started(Recorder(), info=info)
    monkeypatch.setattr(RecorderSession, "scalars", interrupt)
    with pytest.raises(KeyboardInterrupt):
        trackers.scalars({})
    assert problems == []
    assert trackers.finish("interrupted") == ("see recorder",)


def test_no_tracker_is_fine(info: RunInfo, figure: FigureFiles) -> None:
    trackers, _ = started(info=info)
    use(trackers, figure)
    assert trackers.finish("finished") == ()
