"""The README tells the truth: its experiment loads and runs, its commands exist, its code works."""

from __future__ import annotations

import csv
import re
import shlex
import shutil
import struct
from collections import Counter
from pathlib import Path

import pytest

import pyrite
from pyrite.types import Json
from tests.docs import materials as docs
from tests.docs.installs import checkout, offline, shell
from tests.end_to_end.demo_output import cut, differences, shown
from tests.end_to_end.programs import main_script
from tests.end_to_end.programs import pyrite as command
from tests.models.zoo import build_classifier
from tests.report.browser_pictures import take

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The README's experiment.yml with a tiny classifier and a small answers.csv beside it."""
    monkeypatch.chdir(tmp_path)
    build_classifier(tmp_path / "model", "llama")
    with (tmp_path / "answers.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["question", "answer"])
        writer.writerows(
            [f"What is {i}?", "It is " + "very " * (i % 9) + "well."] for i in range(60)
        )
    text = next(block for block in blocks("yaml") if "experiment.yml" in block)
    text = text.replace("org/reward-model-or-folder", str(tmp_path / "model"))
    (tmp_path / "experiment.yml").write_text(text)
    return tmp_path


def test_the_experiment_and_the_python_code_run(folder: Path) -> None:
    (code,) = blocks("python")
    names: dict[str, Json] = {}
    exec(compile(code, "README.md", "exec"), names)
    run = names["run"]
    assert list(run.table("scores").columns)[:2] == ["row_id", "group"]
    assert len(run.table("scores")) == 60
    assert run.path.is_dir()
    assert run.figures


def test_the_commands_exist(folder: Path) -> None:
    listed = next(block for block in blocks("text") if "--dry-run" in block)
    ended = []
    for line in listed.splitlines():
        words = shlex.split(line, comments=True)
        assert words[0] == "pyrite"
        if ">" in words:
            words = words[: words.index(">")]
        ended.append(command(*words[1:]))
    assert [one.status for one in ended] == [0] * len(ended), [one.err for one in ended]


def test_the_first_steps_work(folder: Path) -> None:
    (folder / "experiment.yml").unlink()
    listed = next(block for block in blocks("text") if "pyrite init" in block)
    for line in listed.replace("MODEL", "model").splitlines():
        ended = command(*shlex.split(line, comments=True)[1:])
        assert ended.status == 0, ended.err


def test_what_make_does_is_what_is_tested() -> None:
    """`make demo` and `make test` set up an environment and run commands that are tested here."""
    recipes = dict(re.findall(r"^(\w+):[^\n]*\n\t([^\n]+)", MAKEFILE, re.MULTILINE))
    assert recipes["demo"] == "$(VENV)/bin/pyrite demo"
    assert recipes["test"].startswith("$(RUN)/pytest")
    lines = [line for block in blocks("bash") for line in block.splitlines() if line.strip()]
    asked = [shlex.split(line, comments=True) for line in lines]
    assert asked == [["make", "demo"], ["make", "test"], [".", ".venv/bin/activate"]]


def test_every_block_is_one_that_a_test_knows() -> None:
    known = {"bash": 2, "text": 4, "yaml": 1, "python": 1}
    found = Counter(re.findall(r"^```(\w+)$", README, re.MULTILINE))
    assert found == known, "a new block of the README needs a test of its own"


def test_files_that_are_named_exist() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert len(links) > 8
    missing = [link for link in links if not (ROOT / link).exists()]
    assert not missing


def test_its_counts_are_right() -> None:
    from pyrite.features import FEATURES

    (count,) = re.findall(r"(\d+) features of texts", README)
    assert int(count) == len(FEATURES.names())
    assert {"RewardModel", "GatingModel"} <= set(pyrite.__all__)


INSTALL = "pip install -r requirements.txt"


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A copy of this project, and the variables of a shell in it (`tests/docs/installs.py`)."""
    folder = checkout(tmp_path_factory.mktemp("clone") / "pyrite")
    return folder, offline(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def demo(clone: tuple[Path, dict[str, str]]) -> tuple[Path, str]:
    """The quick start's first block as it stands: a new environment, Pyrite, and the demo in it.

    The run directory, and what was printed.
    """
    folder, environ = clone
    (block,) = [x for x in docs.blocks(docs.DOCS / "quickstart.md") if INSTALL in x.text]
    done = shell(block.text, folder=folder, environ=environ)
    assert done.returncode == 0, done.stderr
    (run,) = (folder / "runs" / "demo").iterdir()
    return run, done.stdout


def test_what_was_installed_is_what_ran(
    demo: tuple[Path, str], clone: tuple[Path, dict[str, str]]
) -> None:
    folder, environ = clone
    asked = ". .venv/bin/activate; which pyrite; python -c 'import pyrite; print(pyrite.__file__)'"
    done = shell(asked, folder=folder, environ=environ)
    program, package = done.stdout.split()
    assert program == str(folder / ".venv" / "bin" / "pyrite")
    assert package == str(folder / "src" / "pyrite" / "__init__.py")


def test_make_sets_up_and_runs_the_demo(
    demo: tuple[Path, str], clone: tuple[Path, dict[str, str]]
) -> None:
    """The README's `make demo`, in the same clone; what is stored is not computed again."""
    folder, environ = clone
    (line,) = [x for x in blocks("bash")[0].splitlines() if x.startswith("make demo")]
    # Below `make test` make would say which folder it enters.
    alone = {
        name: value for name, value in environ.items() if not name.startswith(("MAKE", "MFLAGS"))
    }
    done = shell(line, folder=folder, environ=alone)
    assert done.returncode == 0, done.stderr
    assert (folder / ".venv" / ".installed").is_file()
    assert done.stdout.endswith(demo[1]), done.stdout


def test_the_seeds_command_runs(folder: Path) -> None:
    (listed,) = [block for block in blocks("text") if "python3 main" in block]
    install, start = listed.splitlines()
    assert install == INSTALL
    words = shlex.split(start)
    assert words[:2] == ["python3", "main"]
    assert main_script(*words[2:], cwd=folder).status == 0


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium on this machine")
def test_its_pictures_can_be_taken_from_the_demo(demo: tuple[Path, str], tmp_path: Path) -> None:
    run, _ = demo
    take(run / "report.html", tmp_path)
    for name in ("report-desktop.png", "report-phone.png"):
        taken, kept = (_size(folder / name) for folder in (tmp_path, ROOT / "docs" / "images"))
        assert taken == kept
    assert (run / "report.html").stat().st_size < 20e6


def _size(picture: Path) -> tuple[int, int]:
    """Width and height, from the header of a PNG."""
    head = picture.read_bytes()[:24]
    assert head.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", head[16:24])
    return width, height


def test_the_demo_says_what_is_shown(demo: tuple[Path, str]) -> None:
    found = differences(shown(README), demo[1])
    again = "python -m tests.end_to_end.demo_output writes the README's part anew"
    assert not found, "\n".join([again, *found])


def test_a_change_of_wording_is_seen() -> None:
    page = shown(README)
    assert len(page.splitlines()) > 20
    assert not differences(page, page)
    assert not differences(page, re.sub(r"\[0\.\d+", "[0.5", page))
    assert not differences(page, page.replace(" biases", " bias"))
    (line,) = differences(page, page.replace("chance", "luck", 1))
    assert "luck" in line
    assert differences(page, page + "one more line\n")
    assert differences(page, page.split("\n", 1)[1])


def test_long_lines_are_cut_after_a_word() -> None:
    text = "words " * 40
    (line,) = cut(text).splitlines()
    assert len(line) <= 148
    assert line.endswith("words …")
    assert not differences(line, text)
    assert cut("short\n\nlines\n") == "short\n\nlines\n"
