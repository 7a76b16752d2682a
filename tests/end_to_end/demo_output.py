"""What the README shows of the demo: as it is cut there, and as it is compared.

python -m tests.end_to_end.demo_output    # runs the demo and writes its output into the README
"""

from __future__ import annotations

import re
import tempfile
from itertools import zip_longest
from pathlib import Path

from tests.end_to_end.programs import ROOT, pyrite_process

README = ROOT / "README.md"
BEGIN, END = "<!-- demo output -->\n```text\n", "```\n<!-- end of demo output -->"
WIDTH = 148
CUT = " …"

_NUMBER = re.compile(r"-?\d+(?:[.,]\d+)*")
_RUN = re.compile(r"runs/demo/[0-9a-f]{12}")
_EDIT = re.compile(r"^(- exploits: ).+?(?=: (?:exploit|bias): )")
_CUT_EDIT = re.compile(r"^(- exploits: )(?=\w+\()(?!.*: (?:exploit|bias): ).*(?= …$)")
_COUNTED = re.compile(r"\b(exploit|bias)(?:s|es)\b")


def shown(page: str) -> str:
    """The demo's output as a page shows it."""
    return page.partition(BEGIN)[2].partition(END)[0]


def cut(output: str) -> str:
    """The output as the README shows it: long lines end after a whole word."""
    return "".join(f"{_cut(line)}\n" for line in output.strip().splitlines())


def _cut(line: str) -> str:
    if len(line) <= WIDTH:
        return line
    return line[: line.rindex(" ", 0, WIDTH - len(CUT) + 1)] + CUT


def differences(page: str, output: str) -> list[str]:
    """Lines whose wording is not that of the output.

    Numbers, the run's name and the names of edits are not compared: they may differ from machine
    to machine, where two edits are worth about the same. What is cut off is not compared either.
    """
    pairs = zip_longest(page.strip().splitlines(), output.strip().splitlines(), fillvalue="")
    return [f"shown: {ours}\nis:    {real}" for ours, real in pairs if not _same(ours, real)]


def _same(ours: str, real: str) -> bool:
    wording, whole = _wording(ours), _wording(real)
    if not wording.endswith(CUT):
        return wording == whole
    return whole.startswith(wording.removesuffix(CUT))


def _wording(line: str) -> str:
    line = _RUN.sub("runs/demo/ID", _CUT_EDIT.sub(r"\1EDIT", _EDIT.sub(r"\1EDIT", line)))
    return _NUMBER.sub("#", _COUNTED.sub(r"\1", line))


def main() -> None:
    """Run the demo and write what it says into the README."""
    with tempfile.TemporaryDirectory() as folder:
        env = {"PYRITE_CACHE": f"{folder}/cache", "OMP_NUM_THREADS": "1"}
        ended = pyrite_process("demo", "-q", env=env, cwd=Path(folder))
    if ended.status:
        raise SystemExit(ended.err)
    page = README.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    README.write_text(f"{before}{BEGIN}{cut(ended.out)}{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
