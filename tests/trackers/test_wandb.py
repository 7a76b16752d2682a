from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pyrite.errors import TrackerError
from pyrite.trackers import FigureFiles, RunInfo, Session
from pyrite.trackers.wandb import Wandb

GOOD_FORM = "0123456789abcdef" * 2 + "01234567"


def records(info: RunInfo) -> list[dict[str, Any]]:
    """Every record of the run that W&B kept under the run directory."""
    (folder,) = (info.path / "wandb").glob("*run-*-*")
    done = subprocess.run(
        [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(folder)],
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def items(found: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [record[kind] for record in found if record["type"] == kind]


def history(found: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    return [record["item"] for record in items(found, "history") if key in record["item"]]


def children() -> list[tuple[int, str]]:
    """The living processes that this one started, as (pid, name)."""
    if not Path("/proc/self/stat").exists():
        pytest.skip("needs /proc to see the processes that a run leaves")
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = stat.read_text().partition(") ")
        except OSError:
            continue
        state, parent = rest.split()[:2]
        if int(parent) == os.getpid() and state != "Z":
            found.append((int(stat.parent.name), name.partition("(")[2]))
    return found


def child_names() -> list[str]:
    return [name for _, name in children()]


def test_an_offline_run_reads_back_whole(
    info: RunInfo, figure: FigureFiles, nested_table: pa.Table, step_folder: Path
) -> None:
    session = Wandb(project="gold", tags=("mine", "audit"), mode="offline").start(info)
    assert "wandb-core" in child_names()
    session.scalars({"query/rows": 10.0, "nothing": float("nan")}, step=10)
    session.scalars({"other/rows": 2.0}, step=2)
    session.table("samples", nested_table)
    session.figure(figure)
    session.artifact("query", step_folder, "query")
    session.scalars({"accuracy": 0.75})
    line = session.finish("finished")
    assert "wandb-core" not in child_names()

    (folder,) = (info.path / "wandb").glob("offline-run-*")
    assert line == f"wandb: offline (as asked); to upload: wandb sync {folder}"
    found = records(info)
    (run, *_) = items(found, "run")
    assert run["project"] == "gold"
    assert run["display_name"] == "demo"
    assert run["run_group"] == "sweep"
    assert run["job_type"] == "check"
    assert run["tags"] == ["audit", "first", "mine"]
    config = run["config"]["update"]
    assert config["model"] == {"path": "org/model"}
    assert config["plan_id"] == "p1a2n3"
    assert config["hub"] == {"api_key": "(redacted)"}

    (first,) = history(found, "query/rows")
    assert (first["step"], first["query/rows"], first["nothing"]) == (10, 10, "NaN")
    (second,) = history(found, "other/rows")
    assert second["step"] == 2, "a step that goes back is kept"
    assert any(update["update"].get("accuracy") == 0.75 for update in items(found, "summary"))

    (table,) = history(found, "samples._type")
    assert table["samples._type"] == "table-file"
    stored = json.loads((folder / "files" / table["samples.path"]).read_text("utf-8"))
    assert stored["columns"] == ["text", "score", "tags", "inner", "raw", "(unnamed)"]
    assert stored["data"][0][0] == "<b>bold</b>"
    assert stored["data"][0][3] == '{"n": 1, "x": "inf"}'

    (shown,) = history(found, "score/length._type")
    image = folder / "files" / shown["score/length.path"]
    page = folder / "files" / shown["score/length (interactive).path"]
    assert image.read_bytes() == figure.png.read_bytes()
    assert figure.html is not None
    assert page.read_text() == figure.html.read_text()

    (artifact,) = [found for found in items(found, "artifact") if found["type"] == "query"]
    assert artifact["name"] == "query-query"
    files = {entry["path"]: entry["local_path"] for entry in artifact["manifest"]["contents"]}
    assert files == {name: str(step_folder / name) for name in ("meta.json", "table.bin")}, (
        "the files of the run directory themselves, not copies"
    )
    assert [end["exit_code"] for end in items(found, "exit") if "exit_code" in end] == [0]


def test_a_long_table_is_cut(info: RunInfo) -> None:
    session = Wandb(mode="offline").start(info)
    session.table("long", pa.table({"n": list(range(1500)), "text": ["x" * 20_000] * 1500}))
    session.finish("failed")
    found = records(info)
    (row,) = history(found, "long._type")
    assert row["long.nrows"] == 1000
    (folder,) = (info.path / "wandb").glob("offline-run-*")
    stored = json.loads((folder / "files" / row["long.path"]).read_text("utf-8"))
    assert stored["data"][0][1].endswith("… (10000 more characters)")
    assert items(found, "exit")[0]["exit_code"] == 1


def test_nothing_of_the_machine_is_collected(info: RunInfo) -> None:
    Wandb(mode="offline").start(info).finish("finished")
    (folder,) = (info.path / "wandb").glob("offline-run-*")
    assert list((folder / "files").rglob("*.*")) == []
    text = json.dumps(records(info))
    assert "requirements" not in text
    assert '"git"' not in text
    assert "sk-not-for-others" not in text


class FakeServer:
    """A W&B on the loopback that answers every request with one status.

    With status 200 it accepts a run: its creation and the addresses to upload files to.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.status = 200
        self.asked: list[str] = []

    def answer(self, body: bytes) -> bytes:
        if self.status != 200:
            return b"{}"
        if b"UpsertBucket" in body:
            project = {"id": "p", "name": "pyrite", "entity": {"id": "e", "name": "me"}}
            name = json.loads(body)["variables"]["name"]
            bucket = {"id": "b", "name": name, "displayName": "demo", "project": project}
            return json.dumps({"data": {"upsertBucket": {"bucket": bucket}}}).encode()
        if b"CreateRunFiles" in body:
            names = json.loads(body)["variables"]["files"]
            files = [{"name": name, "uploadUrl": f"{self.url}/upload"} for name in names]
            created = {"runID": "b", "uploadHeaders": [], "files": files}
            return json.dumps({"data": {"createRunFiles": created}}).encode()
        return b"{}"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            fake.asked.append(self.path)
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            answer = fake.answer(body)
            self.send_response(fake.status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_PUT = do_POST  # noqa: N815 - the name that http.server looks for

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        fake = FakeServer(f"http://127.0.0.1:{http.server_address[1]}")
        monkeypatch.setenv("WANDB_BASE_URL", fake.url)
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield fake
        http.shutdown()
        thread.join()


def test_an_online_run_says_where_it_is_and_sends_no_key_elsewhere(
    info: RunInfo,
    server: FakeServer,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", GOOD_FORM)
    session = Wandb().start(info)
    session.scalars({"a": 1.0}, step=0)
    line = session.finish("finished")
    (folder,) = (info.path / "wandb").glob("run-*")
    run_id = folder.name.rpartition("-")[2]
    assert line == f"wandb: {server.url}/me/pyrite/runs/{run_id}"
    assert capfd.readouterr() == ("", "")
    assert f"/files/me/pyrite/{run_id}/file_stream" in server.asked
    assert not any("otel" in path for path in server.asked), "W&B reports on its own use"


def test_an_upload_that_does_not_end_is_given_up(
    info: RunInfo,
    server: FakeServer,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", GOOD_FORM)
    session = Wandb(finish_timeout=1.0).start(info)
    session.scalars({"a": 1.0}, step=0)
    server.status = 500
    began = time.monotonic()
    line = session.finish("finished")
    assert time.monotonic() - began < 5
    (folder,) = (info.path / "wandb").glob("run-*")
    assert line == (
        f"wandb: the upload did not end in time; to upload the rest: wandb sync {folder}"
    )
    assert capfd.readouterr() == ("", "")
    assert "wandb-core" not in child_names()


DEATH = """
import os, signal, sys
from pathlib import Path
from pyrite.errors import TrackerError
from pyrite.trackers import RunInfo
from pyrite.trackers.wandb import Wandb

info = RunInfo("demo", "plan", Path(sys.argv[1]), {})
session = Wandb(mode="offline").start(info)
(service,) = [
    int(stat.parent.name)
    for stat in Path("/proc").glob("[0-9]*/stat")
    if f"(wandb-core) S {os.getpid()} " in stat.read_text()
]
os.kill(service, signal.SIGKILL)
try:
    session.finish("finished")
except TrackerError as error:
    print(error)
print(session.finish("finished"))
print(Wandb(mode="offline").start(info).finish("finished"))
"""


def test_a_service_that_died_is_told_with_what_is_left_to_do(info: RunInfo) -> None:
    # In a process of its own: W&B's handle on the dead one stays behind and warns at exit.
    children()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", DEATH, str(info.path)],
        capture_output=True,
        text=True,
        timeout=30,
    )
    first, again, after = done.stdout.splitlines()
    assert first.startswith("W&B did not finish (")
    sync = first.partition("; to upload the rest: ")[2]
    assert sync.startswith(f"wandb sync {info.path}/wandb/offline-run-")
    assert again.endswith(sync)
    assert after.startswith("wandb: offline (as asked)")
    assert done.returncode == 0
    assert done.stderr == ""


@pytest.mark.parametrize("mode", ["auto", "online"])
def test_a_key_of_a_wrong_form_is_told_before_any_request(
    mode: Any,
    info: RunInfo,
    server: FakeServer,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    server.status = 401
    monkeypatch.setenv("WANDB_API_KEY", "short")
    with pytest.raises(
        TrackerError, match=r"40\+ characters.*`wandb login`.*`mode: offline`"
    ) as at:
        Wandb(mode=mode).start(info)
    assert "short" not in str(at.value).replace("has 5", "")
    assert server.asked == []
    assert capfd.readouterr() == ("", "")
    assert "wandb-core" not in child_names()


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_the_server_refuses_is_told_with_the_cure(
    status: int,
    info: RunInfo,
    server: FakeServer,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    server.status = status
    monkeypatch.setenv("WANDB_API_KEY", GOOD_FORM)
    with pytest.raises(
        TrackerError, match=r"http://127.*refuses.*key is wrong.*mode: offline"
    ) as at:
        Wandb(entity="team").start(info)
    assert "'team/pyrite'" in str(at.value)
    assert GOOD_FORM not in str(at.value)
    assert "/graphql" in server.asked
    assert capfd.readouterr() == ("", "")
    assert "wandb-core" not in child_names()


def test_without_an_answer_online_refuses_in_time_and_auto_goes_on_offline(
    info: RunInfo, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", GOOD_FORM)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    began = time.monotonic()
    with pytest.raises(TrackerError, match=r"does not answer.*mode: offline"):
        Wandb(mode="online", start_timeout=1.0).start(info)
    session = Wandb(start_timeout=1.0).start(info)
    assert time.monotonic() - began < 8
    session.scalars({"a": 1.0}, step=0)
    line = session.finish("finished")
    assert line is not None
    assert line.startswith("wandb: offline (the server did not answer); to upload: wandb sync ")
    assert capfd.readouterr() == ("", "")


def test_auto_without_a_login_is_offline_and_sends_nothing(
    info: RunInfo, server: FakeServer
) -> None:
    session = Wandb().start(info)
    session.scalars({"a": 1.0}, step=0)
    line = session.finish("finished")
    assert line is not None
    assert "offline (not logged in)" in line
    assert server.asked == []


def test_a_login_in_the_netrc_file_is_found(
    info: RunInfo, server: FakeServer, account: Path
) -> None:
    server.status = 401
    host = server.url.removeprefix("http://")
    (account / "netrc").write_text(f"machine {host}\n  login user\n  password {GOOD_FORM}\n")
    with pytest.raises(TrackerError, match="refuses"):
        Wandb().start(info)
    assert "/graphql" in server.asked


def test_online_without_a_login_never_asks(info: RunInfo) -> None:
    with pytest.raises(TrackerError, match=r"not logged in.*`wandb login`.*`mode: offline`"):
        Wandb(mode="online").start(info)


def test_the_environment_decides_only_where_the_experiment_does_not(
    info: RunInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert type(Wandb().start(info)) is Session
    offline = Wandb(mode="offline").start(info)
    assert type(offline) is not Session
    offline.finish("finished")
    assert (info.path / "wandb").is_dir()


def test_disabled_does_nothing(info: RunInfo) -> None:
    assert type(Wandb(mode="disabled").start(info)) is Session
    assert list(info.path.iterdir()) == []


def test_two_sessions_at_once_share_the_service(info: RunInfo) -> None:
    first = Wandb(mode="offline", project="one").start(info)
    second = Wandb(mode="offline", project="two").start(info)
    first.scalars({"a": 1.0}, step=0)
    assert first.finish("finished") != second.finish("finished")
    assert "wandb-core" not in child_names()


def test_without_the_library_the_cure_is_named(
    info: RunInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(TrackerError, match="pip install wandb"):
        Wandb().start(info)
