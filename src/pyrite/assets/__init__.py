"""Files that ship inside the package: the tiny reward model and the demo data."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def asset_path(name: str) -> Path:
    """Path of a shipped asset, such as `tiny-reward-model` or `demo/pairs.jsonl`.

    Args:
        name: path below the assets folder, with forward slashes.

    Returns:
        An existing file or folder.

    Raises:
        FileNotFoundError: if there is no such asset; the message names those there are.
    """
    root = Path(str(files(__name__)))
    path = root.joinpath(*name.split("/"))
    if name and root in path.resolve().parents and path.exists():
        return path
    folders = sorted(p for p in root.iterdir() if p.is_dir() and p.name != "__pycache__")
    known = [p.name for p in folders]
    known += [f"{folder.name}/{p.name}" for folder in folders for p in sorted(folder.iterdir())]
    raise FileNotFoundError(f"no asset named {name!r}; available: {', '.join(known)}")
