"""The run directory: atomic writes, locks, reuse, damage, a full disk."""

from __future__ import annotations

import errno
import multiprocessing
import os
from pathlib import Path

import pytest

from pyrite.errors import CorruptArtifactError, NewerFormatError, RunInUseError, StoreError
from pyrite.files import atomic_path, read_json, write_json, write_text
from pyrite.store import FORMAT, RunFolder, StepFolder, find_step, open_run


def finished(folder: StepFolder, identity: str = "abc", text: str = "data") -> StepFolder:
    folder.begin(identity)
    write_text(folder.path / "table.txt", text)
    folder.finish({"rows": 1})
    return folder


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    write_text(path, "old")

    def fail() -> None:
        with atomic_path(path) as temporary:
            temporary.write_text("half of the n")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file.txt"]


def test_a_full_disk_is_said_with_the_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match=r"no room left.*run the same command again"):
        write_json(tmp_path / "a.json", {})
    assert not list(tmp_path.iterdir())


def test_a_text_with_lone_surrogates_is_written(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "a\ud800b")
    assert (tmp_path / "a.txt").read_text() == "a?b"


def test_half_written_json_reads_as_nothing(tmp_path: Path) -> None:
    (tmp_path / "meta.json").write_text('{"status": "do')
    assert read_json(tmp_path / "meta.json") is None


def test_a_step_is_done_only_under_its_identity_and_with_its_files(tmp_path: Path) -> None:
    folder = finished(StepFolder(tmp_path / "steps" / "q"))
    assert folder.done("abc")
    assert not folder.done("xyz")
    (folder.path / "table.txt").write_text("dat")
    assert not folder.done("abc")
    with pytest.raises(CorruptArtifactError, match=r"table\.txt"):
        folder.require("table.txt")


def test_beginning_another_identity_removes_what_was_there(tmp_path: Path) -> None:
    folder = finished(StepFolder(tmp_path / "q"))
    folder.begin("abc")
    assert (folder.path / "table.txt").exists()
    folder.begin("new")
    assert not (folder.path / "table.txt").exists()
    assert folder.meta is None


def test_a_finished_step_of_another_run_is_found_and_adopted(tmp_path: Path) -> None:
    source = finished(StepFolder(tmp_path / "one" / "p1" / "steps" / "q"))
    assert find_step(tmp_path, "abc") is not None
    assert find_step(tmp_path, "other") is None
    target = StepFolder(tmp_path / "two" / "p2" / "steps" / "renamed")
    target.adopt(source)
    assert target.done("abc")
    assert target.require("table.txt").read_text() == "data"


def test_a_begun_step_is_found_only_when_asked_for(tmp_path: Path) -> None:
    folder = StepFolder(tmp_path / "one" / "p1" / "steps" / "q")
    folder.begin("abc")
    assert find_step(tmp_path, "abc") is None
    assert find_step(tmp_path, "abc", done=False) is not None


def test_a_run_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    RunFolder(tmp_path).write_manifest({})
    assert RunFolder(tmp_path).manifest["format"] == FORMAT
    write_json(tmp_path / "manifest.json", {"format": FORMAT + 1})
    with pytest.raises(NewerFormatError, match="newer Pyrite"):
        RunFolder(tmp_path)


def test_a_folder_without_a_manifest_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="not a run directory"):
        open_run(tmp_path)
    with pytest.raises(StoreError, match="not a run directory: nothing is there"):
        open_run(tmp_path / "gone")


def _hold(path: Path, ready: multiprocessing.Event, leave: multiprocessing.Event) -> None:  # type: ignore[valid-type]
    with RunFolder(path).locked():
        ready.set()
        leave.wait(20)


def test_two_processes_cannot_work_on_one_run(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready, leave = context.Event(), context.Event()
    holder = context.Process(target=_hold, args=(tmp_path, ready, leave))
    holder.start()
    try:
        assert ready.wait(20)
        with (
            pytest.raises(RunInUseError, match=f"process {holder.pid}"),
            RunFolder(tmp_path).locked(),
        ):
            pass
        holder.kill()
        holder.join(20)
        with RunFolder(tmp_path).locked():  # a killed process holds nothing
            pass
    finally:
        holder.kill()
        holder.join(20)


def test_events_survive_a_line_that_was_cut(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.event("start", text="a\ud800")
    with (tmp_path / "events.jsonl").open("a") as stream:
        stream.write('{"event": "ste')
    assert [event["event"] for event in run.events()] == ["start"]
