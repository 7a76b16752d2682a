from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
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


def child_names() -> list[str]:
    if not Path("/proc/self/stat").exists():
        pytest.skip("needs /proc to see the processes that a run leaves")
    names = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = stat.read_text().partition(") ")
        except OSError:
            continue
        state, parent = rest.split()[:2]
        if int(parent) == os.getpid() and state != "Z":
            names.append(name.partition("(")[2])
    return names


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


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], list[str]]]:
    """A loopback W&B that answers every request with one status; gives the paths asked for."""
    asked: list[str] = []
    answer = [500]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path)
            self.rfile.read(int(self.headers.get("content-length") or 0))
            self.send_response(answer[0])
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()

        def answering(status: int) -> list[str]:
            answer[0] = status
            monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{http.server_address[1]}")
            return asked

        yield answering
        http.shutdown()
        thread.join()


@pytest.mark.parametrize("mode", ["auto", "online"])
def test_a_key_of_a_wrong_form_is_told_before_any_request(
    mode: Any,
    info: RunInfo,
    server: Callable[[int], list[str]],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    asked = server(401)
    monkeypatch.setenv("WANDB_API_KEY", "short")
    with pytest.raises(
        TrackerError, match=r"40\+ characters.*`wandb login`.*`mode: offline`"
    ) as at:
        Wandb(mode=mode).start(info)
    assert "short" not in str(at.value).replace("has 5", "")
    assert asked == []
    assert capfd.readouterr() == ("", "")
    assert "wandb-core" not in child_names()


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_the_server_refuses_is_told_with_the_cure(
    status: int,
    info: RunInfo,
    server: Callable[[int], list[str]],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    asked = server(status)
    monkeypatch.setenv("WANDB_API_KEY", GOOD_FORM)
    with pytest.raises(
        TrackerError, match=r"http://127.*refuses.*key is wrong.*mode: offline"
    ) as at:
        Wandb(entity="team").start(info)
    assert "'team/pyrite'" in str(at.value)
    assert GOOD_FORM not in str(at.value)
    assert "/graphql" in asked
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
    info: RunInfo, server: Callable[[int], list[str]]
) -> None:
    asked = server(200)
    session = Wandb().start(info)
    session.scalars({"a": 1.0}, step=0)
    line = session.finish("finished")
    assert line is not None
    assert "offline (not logged in)" in line
    assert asked == []


def test_a_login_in_the_netrc_file_is_found(
    info: RunInfo, server: Callable[[int], list[str]], account: Path
) -> None:
    asked = server(401)
    (account / "netrc").write_text(f"machine {_host()}\n  login user\n  password {GOOD_FORM}\n")
    with pytest.raises(TrackerError, match="refuses"):
        Wandb().start(info)
    assert "/graphql" in asked


def _host() -> str:
    return os.environ["WANDB_BASE_URL"].removeprefix("http://")


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
