"""From the names in a `model` section to folders, files and the identity of their content."""

from __future__ import annotations

import json
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from pyrite.errors import CheckpointError, ModelError
from pyrite.models._download import fetch, is_url
from pyrite.sources import Source, hash_file, locate
from pyrite.types import Json

__all__ = [
    "CONFIG_FILES",
    "TOKENIZER_FILES",
    "WEIGHT_FILES",
    "checkpoint_path",
    "checkpoint_source",
    "content_source",
    "matching_files",
    "model_folder",
    "read_config",
    "tokenizer_place",
    "weight_files",
]

CONFIG_FILES = ("config.json",)
TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer.json.gz",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "chat_template.jinja",
    "*.model",
)
WEIGHT_FILES = (
    "*.safetensors",
    "*.safetensors.index.json",
    "*.bin",
    "*.bin.index.json",
    "*.pt",
    "*.pth",
)
_NOT_WEIGHTS = ("training_args.bin", "optimizer.*", "scheduler.*", "rng_state*")


def matching_files(folder: Path, patterns: Sequence[str]) -> tuple[Path, ...]:
    """The regular files directly in `folder` whose names match one of the patterns, sorted."""
    return tuple(sorted(p for p in folder.iterdir() if p.is_file() and _matches(p.name, patterns)))


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)


def local_folder(name: str) -> Path | None:
    """The local folder called `name`; None where it is a hub repository.

    Raises:
        ModelError: a path that does not exist, or is not a folder.
    """
    try:
        path = locate(name)
    except FileNotFoundError as error:
        raise ModelError(f"model folder {name!r} does not exist: {error}") from error
    if path is not None and not path.is_dir():
        raise ModelError(f"{path}: a file where a model folder is wanted (config.json, tokenizer)")
    return path


def model_folder(name: str, revision: str | None, patterns: Sequence[str]) -> Path:
    """A local folder with the files of model `name`; those of a hub repository are fetched.

    Only files in the top folder that match `patterns` are fetched, never a script.

    Raises:
        ModelError: the folder does not exist, or the hub does not give the repository.
    """
    if (folder := local_folder(name)) is not None:
        return folder
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        fetched = snapshot_download(
            name, revision=revision, allow_patterns=list(patterns), ignore_patterns=["*/*"]
        )
    except HFValidationError as error:
        raise ModelError(
            f"{name!r} is neither a folder here nor the name of a hub repository"
        ) from error
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        where = f"{name} (revision {revision or 'main'})"
        raise ModelError(
            f"{where}: no such local folder, and the hub did not give it: {error}; "
            "check the spelling, the network, and `hf auth login` for a gated repository"
        ) from error
    return Path(fetched)


def weight_files(folder: Path) -> tuple[Path, ...]:
    """The files that hold the weights of a model folder: safetensors where there are any.

    A sharded checkpoint is given by its index alone. Several torch files that no index joins are
    ambiguous: the order of a directory listing must not decide which model is scored.

    Raises:
        CheckpointError: the folder has no weights, or several that no index joins.
    """
    for endings in (("*.safetensors",), ("*.bin", "*.pt", "*.pth")):
        indexes = matching_files(folder, [f"{ending}.index.json" for ending in endings])
        if len(indexes) == 1:
            return indexes
        found = [p for p in matching_files(folder, endings) if not _matches(p.name, _NOT_WEIGHTS)]
        if len(found) == 1:
            return tuple(found)
        if found:
            names = ", ".join(p.name for p in found[:5])
            raise CheckpointError(
                f"{folder}: {len(found)} weight files and no index that joins them ({names}); "
                "name the one to read with `ckpt`"
            )
    raise CheckpointError(
        f"{folder}: no weights here (*.safetensors, *.bin, *.pt); name the file with `ckpt`"
    )


def content_source(name: str, revision: str | None, patterns: Sequence[str]) -> Source:
    """The identity of the files of model `name` that match `patterns`; nothing is fetched."""
    folder = local_folder(name)
    if folder is None:
        return Source(name=name, repo=name, revision=revision)
    return Source(name=name, files=matching_files(folder, patterns))


def tokenizer_place(
    tokenizer: str | None, path: str, revision: str | None
) -> tuple[str, str | None]:
    """Where the tokenizer is and at which revision; `default` and None are the model's own.

    The model's revision says nothing of another repository.
    """
    own = tokenizer in (None, "default", path)
    return (path, revision) if own or tokenizer is None else (tokenizer, None)


def checkpoint_source(
    name: str, revision: str | None, *, ckpt: str | None, sha256: str | None
) -> Source:
    """The identity of the weights: of `ckpt` where it is given, else of the model folder's own.

    Raises:
        ModelError: the folder does not exist.
        CheckpointError: the file does not exist, or the folder has no weights.
    """
    if ckpt is not None and is_url(ckpt):
        return Source(name=ckpt, url=ckpt, sha256=sha256.lower() if sha256 else None)
    if ckpt is not None:
        path = _checkpoint_file(ckpt)
        return Source(name=ckpt, files=_with_shards(path))
    folder = local_folder(name)
    if folder is None:
        return Source(name=name, repo=name, revision=revision)
    (path,) = weight_files(folder)
    return Source(name=name, files=_with_shards(path))


def _with_shards(path: Path) -> tuple[Path, ...]:
    if not path.name.endswith(".index.json"):
        return (path,)
    ending = path.name.removesuffix(".index.json").rsplit(".", 1)[-1]
    return (path, *matching_files(path.parent, [f"*.{ending}"]))


def _checkpoint_file(ckpt: str) -> Path:
    try:
        path = locate(ckpt)
    except FileNotFoundError as error:
        raise CheckpointError(f"ckpt {ckpt!r}: {error}") from error
    if path is None:
        raise CheckpointError(f"ckpt {ckpt!r}: no such file here, and not a URL")
    return weight_files(path)[0] if path.is_dir() else path


def checkpoint_path(
    name: str, revision: str | None, *, ckpt: str | None, sha256: str | None
) -> Path:
    """The file to read weights from; a URL is fetched, a hub repository too.

    Raises:
        ModelError, CheckpointError: it does not exist, or its checksum is not the one given.
    """
    if ckpt is not None and is_url(ckpt):
        return fetch(ckpt, sha256=sha256)
    if ckpt is not None:
        path = _checkpoint_file(ckpt)
    else:
        (path,) = weight_files(_folder_with_weights(name, revision))
    if sha256 is not None and (found := hash_file(path)) != sha256.lower():
        raise CheckpointError(f"{path}: the SHA-256 is {found}, expected {sha256.lower()}")
    return path


def _folder_with_weights(name: str, revision: str | None) -> Path:
    folder = model_folder(name, revision, WEIGHT_FILES[:2])
    if local_folder(name) is None and not matching_files(folder, WEIGHT_FILES[:2]):
        folder = model_folder(name, revision, WEIGHT_FILES[2:])
    return folder


def read_config(name: str, revision: str | None) -> tuple[Any, dict[str, Json]]:
    """The transformers configuration of a model, and what it says under the key `pyrite`.

    Raises:
        ModelError: there is no config.json, or it describes no known architecture.
    """
    from transformers import AutoConfig

    folder = model_folder(name, revision, CONFIG_FILES)
    path = folder / "config.json"
    try:
        content: Json = json.loads(path.read_text(encoding="utf-8"))
        config = AutoConfig.from_pretrained(str(folder), trust_remote_code=False)
    except FileNotFoundError as error:
        raise ModelError(f"{folder}: no config.json here; `path` names the base model") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{path}: not a model configuration: {error}") from error
    own = content.get("pyrite", {})
    if not isinstance(own, dict):
        raise ModelError(f"{path}: the key `pyrite` holds a {type(own).__name__}, not a mapping")
    return config, own
