"""Looking at a model: which kind it is, and how the experiment names it. Nothing is executed.

A folder is known by its config.json and the names of its tensors (safetensors by their header,
torch files by the reader that refuses code); a hub repository by its configuration alone.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from pathlib import Path

from pyrite.component import nearest
from pyrite.config.names import is_reference
from pyrite.errors import CheckpointError, ComponentError, HeadError, ModelError
from pyrite.init.found import ModelFound
from pyrite.init.names import identifier
from pyrite.init.tensors import Tensors, tensors_in
from pyrite.models._classifier_files import check_config
from pyrite.models._model_files import CONFIG_FILES, local_folder, model_folder, weight_files
from pyrite.types import Json

__all__ = ["look_at_model"]

_WEIGHTS = (".pt", ".pth", ".bin", ".safetensors")
_LOOKED_AT = (*CONFIG_FILES, "adapter_config.json", "tokenizer_config.json", "chat_template.jinja")


def look_at_model(name: str) -> ModelFound:
    """What kind of model a name means.

    Args:
        name: a folder, a file of weights inside one, `builtin:` name, hub repository, URL of a
            server, or `./file.py:function`.

    Raises:
        ModelError, HeadError, CheckpointError: it is no model that can be scored as trained.
        ComponentError: a Python file without that function.
    """
    if is_reference(name):
        return _function(name)
    if name.startswith(("http://", "https://")):
        return _server(name)
    if Path(name).suffix in _WEIGHTS and Path(name).is_file():
        return _folder(str(Path(name).parent), Path(name).parent, ckpt=Path(name))
    folder = local_folder(name)
    if folder is not None:
        return _folder(name, folder)
    return _repository(name)


def _function(reference: str) -> ModelFound:
    """A function of a Python file, found by parsing the file."""
    file, _, attribute = reference.rpartition(":")
    path = Path(file)
    if not path.is_file():
        raise ComponentError(f"{path}: no such Python file")
    try:
        body = ast.parse(path.read_text(encoding="utf-8")).body
    except (SyntaxError, ValueError) as error:
        raise ComponentError(f"{path}: not a Python file: {error}") from error
    defined = (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)
    names = [node.name for node in body if isinstance(node, defined)]
    if attribute not in names:
        raise ComponentError(f"{path} defines no {attribute!r} ({nearest(attribute, names)})")
    return ModelFound(
        id=identifier(path.stem, fallback="model"),
        fields={"entrypoint": reference},
        told=(f"{attribute} of {path.name}, called for every text",),
    )


def _server(url: str) -> ModelFound:
    return ModelFound(
        id="served",
        fields={"entrypoint": "endpoint", "url": url, "protocol": "auto"},
        comments={
            "protocol": "by what the server says it is; or vllm_classify, tei, openrlhf, ..."
        },
        told=("a model behind HTTP; it was not asked yet",),
        unsure=(
            "which form of text the served model was trained with: see message.unravel "
            "(`pyrite list renderings`)",
        ),
    )


def _folder(name: str, folder: Path, ckpt: Path | None = None) -> ModelFound:
    config = _config(folder)
    try:
        tensors = tensors_in(ckpt or weight_files(folder)[0])
    except CheckpointError:
        if config and not (folder / "adapter_config.json").is_file():
            raise
        tensors = Tensors()  # what is missing before the weights is said first
    kind = config.get("model_type")
    value_head = [x for x in tensors.names if "v_head." in x]
    if kind == "gptj" and "v_head.weight" in tensors.names:
        return _reward_model(name, config, tensors, ckpt)
    if kind == "gpt_neo" and tensors.is_gate():
        return _gating_model(name, tensors, ckpt)
    if value_head:
        raise HeadError(
            f"{name}: a value head ({value_head[0]}) on a {kind} model, which no kind of model "
            "here reads; write a function that scores with it and give it as ./my_reward.py:score"
        )
    check_config(name, revision=None, trust_remote_code=False)
    if tensors.headless():
        raise HeadError(
            f"{name}: config.json says it is a classifier, but its {len(tensors.names)} tensors "
            "have no head (score, classifier): a fresh one would give noise; export the trained "
            "model again, or name another folder"
        )
    return _classifier(name, folder, config, tensors)


def _config(folder: Path) -> Mapping[str, Json]:
    """config.json, empty where there is none (`check_config` then says what is missing)."""
    path = folder / "config.json"
    if not path.is_file():
        return {}
    try:
        content: Json = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: cannot be read as JSON: {error}") from error
    return content if isinstance(content, dict) else {}


def _reward_model(
    name: str, config: Mapping[str, Json], tensors: Tensors, ckpt: Path | None
) -> ModelFound:
    own = config.get("pyrite")
    said = own.get("reading") if isinstance(own, dict) else None
    reading = said if said in ("compat", "native") else "native"
    unsure = (
        "reading of the value head: `native` is what such checkpoints are trained for (Human and "
        "Assistant turns, read at the end of text); `compat` is what bittensor scored in 2023",
    )
    return ModelFound(
        id=_called(name),
        fields={
            "entrypoint": "RewardModel",
            "path": name,
            **({"ckpt": str(ckpt)} if ckpt else {}),
            "reading": reading,
        },
        comments={
            "reading": "config.json says so" if said == reading else "or compat, as bittensor did"
        },
        told=(f"GPT-J with a value head{tensors.size()}",),
        unsure=() if said == reading else unsure,
    )


def _gating_model(name: str, tensors: Tensors, ckpt: Path | None) -> ModelFound:
    return ModelFound(
        id=_called(name),
        fields={"entrypoint": "GatingModel", "path": name, **({"ckpt": str(ckpt)} if ckpt else {})},
        target="scores.max",
        no_exploit="a gating model gives several outputs, and an edit must raise one score",
        told=(f"GPT-Neo with a linear gate{tensors.size()}",),
    )


def _classifier(
    name: str, folder: Path, config: Mapping[str, Json], tensors: Tensors | None
) -> ModelFound:
    architecture = str(config["architectures"][0])
    template = _has_template(folder)
    decoder = tensors.head().startswith("score") if tensors else None
    told = f"{architecture} with one label{tensors.size() if tensors else ''}"
    unsure: list[str] = []
    unravel = None
    if template:
        told += ", texts in the tokenizer's chat template"
    elif decoder:
        unravel = "hh"
        unsure.append(
            "the tokenizer has no chat template, so nothing says in which form the model was "
            "trained: `unravel: hh` (Human and Assistant turns) is a guess; see "
            "`pyrite list renderings`"
        )
    elif decoder is False:
        told += ", prompt and answer as a pair of segments"
    else:
        unsure.append("weights of a hub repository are not looked at before a run fetches them")
    return ModelFound(
        id=_called(name),
        fields={"entrypoint": "sequence_classifier", "path": name},
        unravel=unravel,
        told=(told,),
        unsure=tuple(unsure),
    )


def _has_template(folder: Path) -> bool:
    if (folder / "chat_template.jinja").is_file():
        return True
    path = folder / "tokenizer_config.json"
    try:
        content: Json = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: cannot be read as JSON: {error}") from error
    return isinstance(content, dict) and bool(content.get("chat_template"))


def _repository(name: str) -> ModelFound:
    """A hub repository, by its configuration; weights are not fetched."""
    folder = model_folder(name, None, _LOOKED_AT)
    config = _config(folder)
    if config.get("model_type") == "gptj" and not (folder / "adapter_config.json").is_file():
        return _reward_model(name, config, Tensors(), None)
    return _classifier(
        name, folder, check_config(name, revision=None, trust_remote_code=False), None
    )


def _called(name: str) -> str:
    plain = name.removeprefix("builtin:").rstrip("/")
    return identifier(Path(plain).resolve().name if plain in (".", "..") else Path(plain).name,
                      fallback="model")  # fmt: skip
