"""Relative paths: from the working directory, else from the folder of the experiment file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pyrite.component import nearest
from pyrite.config.names import is_reference
from pyrite.config.tree import EnvText, Findings, Map, Mark, Seq, shown
from pyrite.errors import PyriteError
from pyrite.types import Json

__all__ = ["settle"]

_MODEL_PATHS = ("path", "ckpt", "tokenizer", "embedding")


def settle(root: Map, folder: Path | None, findings: Findings) -> None:
    """Rewrite paths that are only found beside the experiment file, and report missing files.

    Args:
        root: the canonical tree; changed in place.
        folder: of the experiment file; None where there is no file.
        findings: gets a mistake for every file that can only be local and is not there.
    """
    for holder, key in _paths(root):
        value = holder[key]
        mark = holder.at(key)
        if not isinstance(value, str) or value == "default" or "://" in value:
            continue
        if findings.told(mark):
            continue
        place = _settled(value, folder)
        if is_reference(value):
            _, _, attribute = value.rpartition(":")
            place = _settled(value[: -len(attribute) - 1], folder)
            if place is not None:
                place = f"{place}:{attribute}"
            holder.put(key, _moved(value, place, folder), mark)
        elif place is not None:
            holder.put(key, _moved(value, place, folder), mark)
        else:
            _check(value, mark, findings)


def _paths(root: Map) -> Iterator[tuple[Map, str]]:
    for section in _sections(root, "model"):
        yield from ((section, key) for key in _MODEL_PATHS if key in section)
        if is_reference(str(section.get("entrypoint", ""))):
            yield section, "entrypoint"
    for section in _sections(root, "data"):
        yield from ((section, key) for key in ("path",) if key in section)
        if isinstance(section.get("join"), Map) and "path" in section["join"]:
            yield section["join"], "path"
    for section in _sections(root, "query"):
        message = section.get("message")
        if isinstance(message, Map) and is_reference(str(message.get("unravel", ""))):
            yield message, "unravel"
        if is_reference(str(section.get("entrypoint", ""))):
            yield section, "entrypoint"
    for section in _sections(root, "analyze"):
        for item in _sections(section, "compute"):
            if is_reference(str(item.get("name", ""))):
                yield item, "name"
            if isinstance(item.get("args"), Map) and "path" in item["args"]:
                yield item["args"], "path"
    for section in _sections(root, "exploit"):
        message = section.get("message")
        if isinstance(message, Map) and is_reference(str(message.get("unravel", ""))):
            yield message, "unravel"
        for item in _sections(section, "edits"):
            if is_reference(str(item.get("name", ""))):
                yield item, "name"
    engine = root.get("engine")
    if isinstance(engine, Map) and is_reference(str(engine.get("kind", ""))):
        yield engine, "kind"
    for item in _sections(root, "track"):
        if is_reference(str(item.get("kind", ""))):
            yield item, "kind"


def _sections(parent: Map, key: str) -> list[Map]:
    value: Json = parent.get(key)
    return [item for item in value if isinstance(item, Map)] if isinstance(value, Seq) else []


def _settled(value: str, folder: Path | None) -> str | None:
    """Where a local path is found, None where it is not."""
    try:
        path = Path(value).expanduser()
        if path.exists():
            return value
        if folder is not None and not path.is_absolute() and (folder / path).exists():
            return str(folder / path)
    except (OSError, RuntimeError, ValueError):
        # Too long, an unknown `~user` or a null character: `_check` tells it.
        return None
    return None


def _moved(value: str, place: str | None, folder: Path | None) -> str:
    if place is None or place == value:
        return value
    if isinstance(value, EnvText):
        return EnvText(place, f"{folder}/{value.template}", value.plain)
    return place


def _check(value: str, mark: Mark, findings: Findings) -> None:
    from pyrite.sources import locate

    if "\0" in value:
        findings.mistake(mark, f"is {shown(value)}, which is not a usable path")
        return
    try:
        locate(value)
    except FileNotFoundError as error:
        builtin = value.startswith("builtin:")
        why = str(error) if builtin else "no such file or folder"
        hint = "" if builtin else _beside(value)
        findings.mistake(mark, f"is {shown(value)}: {why}", hint)
    except PyriteError as error:
        findings.mistake(mark, str(error))
    except (OSError, RuntimeError, ValueError) as error:
        findings.mistake(mark, f"is {shown(value)}, which is not a usable path: {error}")


def _beside(value: str) -> str:
    path = Path(value).expanduser()
    if not path.parent.is_dir() or isinstance(value, EnvText):
        return ""
    hint = nearest(path.name, [other.name for other in path.parent.iterdir()])
    return hint if hint.startswith("did you mean") else ""
