"""The site builds without a warning, and its generated parts are what the code gives."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import pyrite
from tests.docs.materials import DOCS, ROOT


def script(name: str) -> dict[str, Any]:
    return runpy.run_path(str(DOCS / "site" / name))


def test_the_configuration_reference_is_what_the_types_give() -> None:
    wanted = script("configuration.py")["page"]()
    assert (DOCS / "configuration.md").read_text(encoding="utf-8") == wanted, (
        "write it again: python docs/site/configuration.py"
    )


def test_the_picture_of_the_layers_is_what_the_imports_give() -> None:
    wanted = script("layers.py")["picture"]()
    assert (DOCS / "images" / "layers.svg").read_text(encoding="utf-8") == wanted, (
        "draw it again: python docs/site/layers.py"
    )
    assert "images/layers.svg" in (DOCS / "architecture.md").read_text(encoding="utf-8")


def test_the_list_of_packages_is_whole() -> None:
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    listed = text[text.index("src/pyrite/\n") :].split("```")[0]
    folder = Path(pyrite.__file__).parent
    names = {p.name + "/" for p in folder.iterdir() if (p / "__init__.py").is_file()}
    names |= {p.name for p in folder.glob("*.py") if not p.name.startswith("__")}
    assert not [name for name in sorted(names) if f" {name}" not in listed]
    told = set(re.findall(r" ([a-z_]+(?:\.py|/)) ", listed))
    assert not told - names, "packages that are gone"


def test_the_site_builds_strictly(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs", reason="mkdocs is not installed: pip install -e '.[docs]'")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-q", "-d", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for page in ("index", "quickstart", "configuration", "extending", "changelog"):
        assert (tmp_path / f"{page}.html").stat().st_size > 2_000
