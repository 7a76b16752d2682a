from __future__ import annotations

import io
import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyrite.progress import NAME_LENGTH, Progress, Style, Task

HOSTILE = "[red]x[/red] {0} %s \x1b[31mred\x1b[0m\r\nline\u202e2 [/]"


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(run: Callable[[Progress, Clock], Any], style: Style = "lines") -> list[str]:
    stream, clock = io.StringIO(), Clock()
    with Progress(style=style, stream=stream, clock=clock) as progress:
        run(progress, clock)
    return stream.getvalue().splitlines()


def test_lines_tell_count_rate_and_time_left() -> None:
    def run(progress: Progress, clock: Clock) -> None:
        with progress.task("scoring", total=1000) as task:
            clock.now += 10
            task.advance(250)
            clock.now += 30
            task.advance(749)
            task.advance()

    assert shown(run) == [
        "scoring: 0 of 1,000 rows (0%)",
        "scoring: 250 of 1,000 rows (25%), 25 rows/s, 30 s left",
        "scoring: 999 of 1,000 rows (99%), 25 rows/s, 0 s left",
        "scoring: done, 1,000 of 1,000 rows (100%) in 40 s",
    ]


def test_lines_come_every_ten_seconds_or_ten_per_cent_and_not_more_often() -> None:
    def slow(progress: Progress, clock: Clock) -> None:
        task = progress.task("slow", total=100_000)
        for _ in range(100):
            clock.now += 1
            task.advance(1)

    def quick(progress: Progress, clock: Clock) -> None:
        task = progress.task("quick", total=1000)
        for _ in range(1000):
            clock.now += 0.001
            task.advance()

    def steady(progress: Progress, clock: Clock) -> None:
        task = progress.task("steady", total=100)
        for _ in range(100):
            clock.now += 0.2
            task.advance()

    assert len(shown(slow)) == 1 + 10 + 1
    assert len(shown(quick)) == 1 + 1
    assert len(shown(steady)) == 1 + 9 + 1


def test_an_unknown_total_shows_count_and_rate_only() -> None:
    def run(progress: Progress, clock: Clock) -> None:
        task = progress.task("reading", unit="records")
        clock.now += 20
        task.advance(4)

    assert shown(run) == [
        "reading: …",
        "reading: 4 records, 0.2 records/s",
        "reading: done, 4 records in 20 s",
    ]


def test_what_was_done_before_does_not_make_the_rate_higher() -> None:
    def run(progress: Progress, clock: Clock) -> None:
        task = progress.task("scoring", total=1000, done=900)
        clock.now += 10
        task.advance(10)

    assert shown(run)[1] == "scoring: 910 of 1,000 rows (91%), 1 rows/s, 1 min 30 s left"


def test_the_rate_forgets_a_slow_start() -> None:
    def run(progress: Progress, clock: Clock) -> None:
        task = progress.task("scoring", total=100_000)
        clock.now += 300
        task.advance(1)
        for _ in range(60):
            clock.now += 1
            task.advance(100)

    *_, last, _ = shown(run)
    assert ", 100 rows/s" in last


def test_nothing_advanced_gives_no_rate_and_no_division_by_zero() -> None:
    def run(progress: Progress, clock: Clock) -> None:
        progress.task("empty", total=0).advance(0)
        task = progress.task("stuck", total=5)
        clock.now += 11
        task.advance(0)

    assert shown(run) == [
        "empty: 0 of 0 rows",
        "stuck: 0 of 5 rows (0%)",
        "stuck: 0 of 5 rows (0%)",
        "empty: done, 0 of 0 rows in 11 s",
        "stuck: done, 0 of 5 rows (0%) in 11 s",
    ]


def test_of_many_tasks_only_the_long_ones_are_told() -> None:
    def run(progress: Progress, clock: Clock) -> None:
        for seconds in (0.5, 3.0):
            with progress.task(f"{seconds} s", total=10, told="if_long") as task:
                task.advance(5)
                clock.now += seconds
                task.advance(1)

    assert shown(run) == [
        "3.0 s: 6 of 10 rows (60%), 2 rows/s, 2 s left",
        "3.0 s: done, 6 of 10 rows (60%) in 3 s",
    ]


def test_bars_of_many_tasks_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream, clock = Terminal(), Clock()
    with Progress(style="bars", stream=stream, clock=clock) as progress:
        for number in range(40):
            with progress.task(f"task {number}", total=1, told="if_long") as task:
                clock.now += 2.0 if number == 3 else 0.1
                task.advance()
        progress.say("the end")
    left = stream.getvalue().partition("the end")[2]
    assert len(re.findall("task", left)) <= 1, "the last one until the display is drawn anew"
    assert "task 3: done" in stream.getvalue()


def test_quiet_shows_nothing() -> None:
    assert shown(lambda progress, _: progress.task("x", total=1).advance(), "quiet") == []


def test_auto_takes_lines_for_a_file_and_bars_for_a_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    file, terminal = io.StringIO(), Terminal()
    for stream in (file, terminal):
        with Progress(stream=stream) as progress, progress.task("scoring", total=2) as task:
            task.advance(2)
    assert "\x1b" not in file.getvalue()
    assert "\x1b[?25l" in terminal.getvalue(), "bars hide the cursor"
    assert terminal.getvalue().rfind("\x1b[?25h") > terminal.getvalue().rfind("\x1b[?25l")
    assert "2 of 2 rows (100%)" in terminal.getvalue()
    monkeypatch.setenv("TERM", "dumb")
    dumb = Terminal()
    with Progress(stream=dumb) as progress:
        progress.task("scoring", total=2)
    assert "\x1b" not in dumb.getvalue()


@pytest.mark.parametrize("style", ["lines", "bars"])
def test_hostile_text_is_shown_as_text(style: Style, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    stream = Terminal()
    with Progress(style=style, stream=stream) as progress:
        progress.task(HOSTILE, total=2, unit="[b]rows[/b]").advance()
    out = stream.getvalue()
    assert "[red]x[/red] {0} %s [31mred [0m line 2 [/]" in out
    assert "[b]rows[/b]" in out
    assert "\u202e" not in out
    assert "\x1b[31m" not in out


@pytest.mark.parametrize("style", ["lines", "bars"])
def test_a_sentence_is_shown_as_text(style: Style, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    with Progress(style=style, stream=stream) as progress, progress.task("x", total=1):
        progress.say("warning: [b]see[/b] :smile: \x1b[31mred " + "y" * 200 + "\nnext")
    out = stream.getvalue()
    assert "warning: [b]see[/b] :smile: \ufffd[31mred " + "y" * 200 in out
    assert "\x1b[31m" not in out
    assert re.search(r"^next *$", out, re.MULTILINE)
    quiet = io.StringIO()
    with Progress(style="quiet", stream=quiet) as progress:
        progress.say("hello")
    assert quiet.getvalue() == ""


@given(st.text(), st.text(max_size=5), st.integers(0, 10**9))
def test_any_name_is_one_bounded_line(name: str, unit: str, n: int) -> None:
    lines = shown(lambda progress, _: progress.task(name, total=n, unit=unit))
    assert len(lines) == 2
    assert all(line.isprintable() for line in lines)
    assert all(len(line) < NAME_LENGTH + 120 for line in lines)


def test_a_stream_that_cannot_encode_or_is_closed_does_not_stop_the_work() -> None:
    raw = io.BytesIO()
    ascii_only = io.TextIOWrapper(raw, encoding="ascii", errors="strict")
    with Progress(style="lines", stream=ascii_only) as progress:
        task = progress.task("größe", total=1)
        assert raw.getvalue() == b"gr??e: 0 of 1 rows (0%)\n"
        ascii_only.close()
        task.advance()


def test_a_terminal_that_goes_away_does_not_stop_the_work() -> None:
    terminal = Terminal()
    with Progress(style="bars", stream=terminal) as progress:
        task = progress.task("bars", total=2)
        terminal.close()
        task.advance()
        time.sleep(0.5)  # rich draws from a thread of its own, too
        progress.task("again", total=2).advance()
    assert terminal.closed, "nothing was raised, and nothing opened it again"


@pytest.mark.parametrize("style", ["lines", "bars", "quiet"])
def test_an_interrupt_closes_the_display_and_passes_on(
    style: Style, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    tasks: list[Task] = []

    def interrupted() -> None:
        with (
            Progress(style=style, stream=stream) as progress,
            progress.task("scoring", total=10) as task,
        ):
            tasks.append(task)
            task.advance(3)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    out = stream.getvalue()
    assert ("stopped" in out) == (style != "quiet")
    assert out.count("\x1b[?25l") == out.count("\x1b[?25h")
    tasks[0].advance()
    assert stream.getvalue() == out, "nothing is shown after the end"


INTERRUPTED = """
import time
from pyrite.progress import Progress

with Progress() as progress, progress.task("scoring", total=100) as task:
    task.advance(5)
    print("ready", flush=True)
    time.sleep(20)
"""


def test_ctrl_c_on_a_real_terminal_gives_the_cursor_back() -> None:
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED],
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm"},
    )
    os.close(theirs)
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        child.send_signal(signal.SIGINT)
        text = _drained(ours)
        assert child.stdout.read() == b"", "stdout holds results only"
    os.close(ours)
    assert child.returncode == -signal.SIGINT
    assert "5 of 100 rows" in text
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1


def _drained(terminal: int) -> str:
    parts = []
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # Linux reports the end of a terminal as an error
            break
        if not part:
            break
        parts.append(part)
    return b"".join(parts).decode("utf-8", "replace")


def test_threads_may_advance_one_task() -> None:
    def run(progress: Progress, _: Clock) -> None:
        task = progress.task("scoring", total=4000)

        def work() -> None:
            for _ in range(1000):
                task.advance()

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert re.search(r"done, 4,000 of 4,000 rows", shown(run)[-1])


def test_rich_is_imported_for_bars_only() -> None:
    code = (
        "import io, sys; from pyrite.progress import Progress\n"
        "with Progress(stream=io.StringIO()) as p: p.task('x', total=1).advance()\n"
        "assert 'rich' not in sys.modules"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
