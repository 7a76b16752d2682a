"""Reading an experiment file."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pyrite.config.assemble import assemble
from pyrite.config.document import parse, text_of
from pyrite.config.overrides import apply
from pyrite.config.tree import Findings, Map, Mark, shown
from pyrite.errors import ConfigError
from pyrite.types import Location

if TYPE_CHECKING:
    from pyrite.experiment import Experiment

__all__ = ["load", "loads"]


def load(
    path: str | Path,
    *,
    overrides: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
) -> Experiment:
    """Read an experiment file.

    Args:
        path: the YAML file.
        overrides: `a.b.c=value`, as after `--set`.
        env: what `${NAME}` refers to; the process's environment if None.

    Raises:
        ConfigError: with every mistake that was found.
    """
    path = Path(path)
    text = text_of(path, ConfigError)
    return loads(text, file=str(path), overrides=overrides, env=env, folder=path.parent)


def loads(
    text: str,
    *,
    file: str = "experiment.yml",
    overrides: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Experiment:
    """Read the text of an experiment file; see `load`.

    Args:
        text: YAML.
        file: what mistakes call it, and what the experiment is named after by default.
        overrides: as for `load`.
        env: as for `load`.
        folder: where relative paths are looked for that are not below the working directory.

    Raises:
        ConfigError: with every mistake that was found.
    """
    from pyrite.experiment import Experiment, SourceText

    env = os.environ if env is None else env
    findings = Findings()
    document = parse(text, file, env, findings)
    if document is None:
        raise ConfigError(findings.sorted())
    root = document.root
    if not isinstance(root, Map):
        mark = Mark(Location(file, 1))
        findings.mistake(mark, f"the file is {shown(root)}, expected a mapping of sections")
        raise ConfigError(findings.sorted())
    apply(root, overrides, env, findings)
    if "name" not in root:
        root.put("name", _name_of(file), Mark(Location(file), "name"))
    parts = assemble(root, findings, folder=folder, old=document.repaired)
    if parts is None:
        raise ConfigError(findings.sorted())
    return Experiment.of_parts(
        parts,
        warnings=[str(warning).strip() for warning in findings.warnings],
        source=SourceText(file, text, tuple(overrides)),
    )


def _name_of(file: str) -> str:
    """The file's name as the name of a folder."""
    return re.sub(r"[^A-Za-z0-9_.\-]+", "_", Path(file).stem).lstrip("_.-")[:100] or "experiment"
