"""Several trackers in one run; one that refuses, and one that dies in the middle."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pyrite import Run
from tests.end_to_end.programs import events, pyrite, pyrite_process, write_jsonl

EXPERIMENT = """
name: tracked
out: {folder}/runs
tags: [one, two]
track: {track}
model: {{id: m, path: builtin:tiny-reward-model, reading: native, device: cpu}}
data: {{id: d, path: {folder}/rows.jsonl}}
query: {{id: q, requires: [m, d], store: [score]}}
analyze:
  id: a
  requires: [q]
  compute: [num_words]
  plot: [score: [num_words]]
  bootstrap: 100
"""

DYING = '''
"""A tracker whose service goes away while the run works."""
from pyrite.trackers import Session, Tracker


class Dying(Tracker):
    def start(self, info):
        return Gone()


class Gone(Session):
    def table(self, name, table):
        raise ConnectionResetError("the service went away")
'''


def experiment(folder: Path, track: str) -> Path:
    rows = [{"prompt": f"p {i}", "response": "some word " * (i % 5 + 1)} for i in range(20)]
    write_jsonl(folder / "rows.jsonl", rows)
    file = folder / "tracked.yml"
    file.write_text(EXPERIMENT.format(folder=folder, track=track))
    return file


def only_run(folder: Path) -> Run:
    (path,) = (folder / "runs" / "tracked").iterdir()
    return Run(path)


def test_two_trackers_get_the_same_run(tmp_path: Path) -> None:
    pytest.importorskip("trackio")
    file = experiment(tmp_path, "[wandb, trackio: {project: gold}]")
    # Trackio reads its folder when it is imported, so the run is in a process of its own.
    env = {"WANDB_MODE": "offline", "TRACKIO_DIR": str(tmp_path / "trackio")}
    ended = pyrite_process("run", file, "--only", "query", env=env)
    assert ended.status == 0, ended.err
    assert "Traceback" not in ended.err
    run = only_run(tmp_path)
    (folder,) = (run.path / "wandb").glob("offline-run-*")
    assert f"wandb: offline (as asked); to upload: wandb sync {folder}" in ended.err
    shown = f"trackio: TRACKIO_DIR={tmp_path}/trackio trackio show --project gold"
    assert shown in ended.err.splitlines()
    assert list(folder.glob("files/media/table/q_*.table.json"))
    with closing(sqlite3.connect(tmp_path / "trackio" / "gold.db")) as database:
        logged = database.execute("select metrics from metrics order by id").fetchall()
    values = {key: value for (row,) in logged for key, value in json.loads(row).items()}
    assert values["q/rows"] == 20
    assert values["q"]["_type"] == "trackio.table"
    assert [event for event in events(run.path) if event["event"] == "tracker failed"] == []


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A W&B on the loopback that knows no key."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            self.send_response(401)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        url = f"http://127.0.0.1:{http.server_address[1]}"
        monkeypatch.setenv("WANDB_BASE_URL", url)
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield url
        http.shutdown()
        thread.join()


def test_a_wrong_key_stops_before_any_work(
    tmp_path: Path, refusing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "0123456789abcdef" * 2 + "01234567"
    monkeypatch.setenv("WANDB_API_KEY", key)
    ended = pyrite("run", experiment(tmp_path, "[wandb]"))
    assert (ended.status, ended.out) == (1, "")
    (line,) = ended.err.splitlines()
    assert line.startswith("pyrite: ")
    assert refusing in line
    assert "set `mode: offline` to keep the run on disk" in line
    assert key not in line
    run = only_run(tmp_path)
    assert not (run.path / "steps").exists()
    assert run.manifest["status"] == "failed"
    assert [event["event"] for event in events(run.path)] == ["start", "failed"]


def test_a_tracker_that_dies_does_not_stop_the_run(tmp_path: Path) -> None:
    (tmp_path / "dying.py").write_text(DYING)
    ended = pyrite("run", experiment(tmp_path, f"['{tmp_path}/dying.py:Dying']"))
    assert ended.status == 0, ended.err
    run = only_run(tmp_path)
    said = [line for line in ended.err.splitlines() if "the service went away" in line]
    assert said == [
        "dying: ConnectionResetError: the service went away; the run goes on without it, all "
        f"results are in {run.path}"
    ]
    assert run.manifest["status"] == "finished"
    assert len(run.table("q")) == 20
    assert run.figures
    failures = [event for event in events(run.path) if event["event"] == "tracker failed"]
    assert [event["tracker"] for event in failures] == ["dying"]
