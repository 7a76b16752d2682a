"""The shells' completion: the scripts that Pyrite prints complete commands, families and files."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pyrite.listing import FAMILIES
from tests.docs.commands import lines_of
from tests.docs.materials import DOCS, blocks

PROGRAMS = Path(sys.executable).parent
ENV = {**os.environ, "PATH": f"{PROGRAMS}:{os.environ.get('PATH', '')}", "TERM": "dumb"}

pytestmark = pytest.mark.skipif(
    not (PROGRAMS / "pyrite").exists(), reason="the program `pyrite` is not installed here"
)


def script(shell: str) -> str:
    """What `_PYRITE_COMPLETE=source_<shell> pyrite` prints."""
    env = {**ENV, "_PYRITE_COMPLETE": f"source_{shell}"}
    done = subprocess.run(["pyrite"], env=env, capture_output=True, text=True, check=True)
    return done.stdout


def needs(shell: str) -> str:
    """The shell's program, or the test is skipped."""
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"{shell} is not installed here")
    return found


def bash_words(*words: str) -> list[str]:
    """What bash offers for the last of these words."""
    line = " ".join(f"'{word}'" for word in ("pyrite", *words))
    code = (
        f"{script('bash')}\nCOMP_WORDS=({line}); COMP_CWORD={len(words)}\n"
        "_pyrite_completion pyrite; printf '%s\\n' \"${COMPREPLY[@]}\""
    )
    done = subprocess.run(
        [needs("bash"), "--norc", "-c", code], env=ENV, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_completes_commands_families_and_options() -> None:
    assert {"run", "init", "list", "doctor", "demo"} <= set(bash_words(""))
    assert bash_words("do") == ["doctor"]
    assert bash_words("list", "") == list(FAMILIES)
    assert bash_words("list", "ren") == ["renderings"]
    assert {"--model", "--data", "--out", "--force"} <= set(bash_words("init", "--"))


def test_bash_completes_files_where_a_file_is_wanted(tmp_path: Path) -> None:
    (tmp_path / "onlyone.yml").write_text("")
    (tmp_path / "onlydata.csv").write_text("")
    # A real interactive shell: readline falls back to files where the program offers nothing.
    keys = "pyrite run onlyo\t\x01echo \r" + "pyrite init --data onlyd\t\x01echo \rexit\r"
    (tmp_path / "rc").write_text(f"PS1='> '\n{script('bash')}\n")
    command = [needs("bash"), "--rcfile", str(tmp_path / "rc"), "-i"]
    shown = typed(command, keys, tmp_path)
    assert "\npyrite run onlyone.yml" in shown
    assert "\npyrite init --data onlydata.csv" in shown


def typed(command: list[str], keys: str, folder: Path) -> str:
    """What a program shows on a terminal of its own when these keys are typed."""
    import pty

    main, inner = pty.openpty()
    process = subprocess.Popen(
        command, cwd=folder, env=ENV, stdin=inner, stdout=inner, stderr=inner, close_fds=True,
        start_new_session=True,
    )  # fmt: skip
    os.close(inner)
    os.write(main, keys.encode())
    shown = b""
    while True:
        try:
            piece = os.read(main, 4096)
        except OSError:  # the shell has ended
            break
        if not piece:
            break
        shown += piece
    os.close(main)
    process.wait(timeout=30)
    return shown.decode(errors="replace").replace("\r", "")


def test_zsh_completes_commands_and_families() -> None:
    zsh = needs("zsh")
    env = {**ENV, "_PYRITE_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "pyrite list e"}
    offered = subprocess.run(["pyrite"], env=env, capture_output=True, text=True, check=True)
    assert {"estimators", "edits", "executors"} <= set(re.findall(r'"([a-z]+)"', offered.stdout))
    # The script is valid zsh, and what it evaluates is too.
    for code in (script("zsh"), offered.stdout):
        done = subprocess.run([zsh, "-f", "-n"], input=code, text=True, env=ENV, check=False)
        assert done.returncode == 0


def test_fish_completes_commands_and_families(tmp_path: Path) -> None:
    fish = needs("fish")
    (tmp_path / "pyrite.fish").write_text(script("fish"))
    code = f"source {tmp_path}/pyrite.fish; complete -C 'pyrite list e'; complete -C 'pyrite do'"
    env = {**ENV, "HOME": str(tmp_path)}
    done = subprocess.run([fish, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert [line.split()[0] for line in done.stdout.splitlines()] == [
        "edits", "estimators", "executors", "doctor",
    ]  # fmt: skip


def test_a_shell_that_is_detected_gets_its_script() -> None:
    code = "pyrite --show-completion; exit"
    done = subprocess.run(
        [needs("bash"), "--norc", "-c", code], env=ENV, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == script("bash").strip()


INSTALL = "--install-completion"


def installing() -> list[str]:
    """The lines of the quick start that install completion, or put it into this shell."""
    (block,) = [x for x in blocks(DOCS / "quickstart.md") if INSTALL in x.text]
    return lines_of(block)


ASKED = {
    "bash": "complete -p pyrite",
    "zsh": "print -r -- $_comps[pyrite]",
    "fish": "complete -C 'pyrite do'",
}
SHOWS = {"bash": "_pyrite_completion", "zsh": "_pyrite", "fish": "doctor"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_installs_into_a_home_folder(shell: str, tmp_path: Path) -> None:
    """The quick start's command in each shell; a new shell there then completes."""
    program = needs(shell)
    env = {**ENV, "HOME": str(tmp_path), "ZDOTDIR": str(tmp_path)}
    env |= {"XDG_CONFIG_HOME": f"{tmp_path}/.config", "XDG_DATA_HOME": f"{tmp_path}/.local/share"}
    install, _ = installing()
    # The shell stays while the command runs: it is found among the parents of the process.
    done = subprocess.run(
        [program, "-c", f"{install}; true"], env=env, capture_output=True, text=True, check=True
    )
    assert f"{shell} completion installed" in done.stdout
    new = subprocess.run(
        [program, "-ic", ASKED[shell]], env=env, capture_output=True, text=True, check=False
    )
    assert SHOWS[shell] in new.stdout, new.stderr


def test_completion_of_this_shell_only(tmp_path: Path) -> None:
    _, now = installing()
    assert "source_bash" in now
    env = {**ENV, "HOME": str(tmp_path)}
    start = "autoload -Uz compinit; compinit -u; "
    for shell, first in (("bash", ""), ("zsh", start)):
        code = f"{first}{now.replace('bash', shell)}; {ASKED[shell]}"
        done = subprocess.run(
            [needs(shell), "-c", code], env=env, capture_output=True, text=True, check=True
        )
        assert SHOWS[shell] in done.stdout, done.stderr
    assert not (tmp_path / ".bashrc").exists()


def test_completing_is_quick_and_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom pyrite.cli import main\n"
        "try:\n    main([])\nexcept SystemExit:\n    pass\nprint(*sys.modules, file=sys.stderr)"
    )
    env = {
        **ENV,
        "_PYRITE_COMPLETE": "complete_bash",
        "COMP_WORDS": "pyrite list ",
        "COMP_CWORD": "2",
    }
    before = os.times()
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
    )
    after = os.times()
    assert done.stdout.split() == list(FAMILIES)
    loaded = {name.split(".")[0] for name in done.stderr.split()}
    assert not loaded & {"torch", "transformers", "numpy", "pyarrow", "pandas", "sklearn"}
    spent = after.children_user + after.children_system
    assert spent - before.children_user - before.children_system < 1.0
