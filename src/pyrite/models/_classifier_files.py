"""Opening a Hugging Face sequence classifier so that its head is the one that was trained."""

from __future__ import annotations

import json
import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyrite.errors import CheckpointError, HeadError, ModelError
from pyrite.models._model_files import CONFIG_FILES, local_folder, model_folder
from pyrite.models._weights import check_finite, describe_keys
from pyrite.quiet import quiet_transformers
from pyrite.types import Json

if TYPE_CHECKING:
    import torch

__all__ = ["HEAD", "check_config", "load_classifier"]

ADAPTER = "adapter_config.json"

HEAD = re.compile(r"(^|\.)(score|classifier|v_head|value_head|reward_head|regression_head)(\.|$)")
_MASK = re.compile(r"attn(ention)?\.(masked_)?bias$")
_LAYER = re.compile(r"\.\d+\..*\.(weight|bias)$")


def check_config(name: str, *, revision: str | None, trust_remote_code: bool) -> dict[str, Json]:
    """The content of config.json, of a model that is a classifier with one output.

    Raises:
        HeadError: it is a language model, or says of no class what it is.
        ModelError: no configuration, code of its own, an adapter, or several labels.
    """
    folder = model_folder(name, revision, (*CONFIG_FILES, ADAPTER))
    if (folder / ADAPTER).is_file():
        raise ModelError(
            f"{name}: a LoRA adapter ({ADAPTER}), not a whole model; merge it into its base model "
            "first (peft: `merge_and_unload()`, then `save_pretrained`)"
        )
    config = _read_json(folder / "config.json")
    own_code = {"AutoModelForSequenceClassification", "AutoConfig"} & set(
        _mapping(config, "auto_map")
    )
    if own_code and not trust_remote_code:
        raise ModelError(
            f"{name}: the model brings Python code of its own (auto_map: "
            f"{', '.join(sorted(own_code))}); read it, and if you trust it set "
            "trust_remote_code: true and pin `revision`"
        )
    _check_architecture(name, config.get("architectures"))
    _check_labels(name, config)
    if config.get("is_encoder_decoder"):
        raise ModelError(f"{name}: an encoder-decoder classifier, which is not supported")
    return config


def _read_json(path: Path) -> dict[str, Json]:
    try:
        content: Json = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(f"{path}: no such file; `path` names a folder with a model") from error
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: cannot be read as JSON: {error}") from error
    if not isinstance(content, dict):
        raise ModelError(f"{path}: holds a {type(content).__name__}, not a model configuration")
    return content


def _mapping(config: Mapping[str, Json], key: str) -> Mapping[str, Json]:
    value = config.get(key)
    return value if isinstance(value, dict) else {}


def _check_architecture(name: str, architectures: Json) -> None:
    found = architectures[0] if isinstance(architectures, list) and architectures else None
    if not isinstance(found, str):
        raise HeadError(
            f"{name}: config.json names no class (architectures), so nothing says that there is a "
            "trained score head; export the model with save_pretrained"
        )
    if found.endswith("ForSequenceClassification"):
        return
    if found.endswith(("ForCausalLM", "LMHeadModel")):
        raise HeadError(
            f"{name}: {found} is a language model without a score head, and a fresh one would give "
            "noise; name the reward model itself, or the entrypoint that was made for it"
        )
    raise HeadError(f"{name}: {found} is not a sequence classifier (...ForSequenceClassification)")


def _check_labels(name: str, config: Mapping[str, Json]) -> None:
    declared = "id2label" in config or "num_labels" in config
    labels = _mapping(config, "id2label")
    count = len(labels) if labels else int(config.get("num_labels") or 2)
    if count == 1:
        return
    if declared:
        shown = ", ".join(str(label) for label in list(labels.values())[:6])
        raise ModelError(
            f"{name}: {count} labels ({shown}), and a reward is one number; which label, or which "
            "combination of them, is the reward must be said by name: write a PythonCallable"
        )
    raise ModelError(
        f"{name}: config.json does not say how many labels there are, which means 2 to "
        'transformers; if the head has one output, add "id2label": {"0": "LABEL_0"} to it'
    )


def load_classifier(
    name: str,
    *,
    revision: str | None,
    dtype: torch.dtype,
    trust_remote_code: bool,
) -> tuple[Any, list[str]]:
    """The model in evaluation mode, with every weight from its files; and notes on the loading.

    Raises:
        HeadError: the files lack the head, or have one that the class does not use.
        CheckpointError: weights are missing, unreadable, unsafe, of another shape or not finite.
        ModelError: transformers knows no such class, or the hub does not give the model.
    """
    from safetensors import SafetensorError
    from transformers import AutoModelForSequenceClassification

    source = str(local_folder(name) or name)
    try:
        with quiet_transformers():
            model, loading = AutoModelForSequenceClassification.from_pretrained(
                source,
                revision=revision or "main",
                dtype=dtype,
                trust_remote_code=trust_remote_code,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # they are refused below, by name
            )
    except (SafetensorError, pickle.UnpicklingError, EOFError, RuntimeError) as error:
        raise CheckpointError(
            f"{name}: the weights cannot be read, or are not those that config.json describes: "
            f"{_shortened(error)}; fetch them again"
        ) from error
    except (OSError, ValueError, KeyError, ImportError, AttributeError) as error:
        raise ModelError(f"{name}: cannot be opened: {_shortened(error)}") from error
    notes = _check_loading(name, loading)
    check_finite({**dict(model.named_parameters()), **dict(model.named_buffers())}, where=name)
    return model.eval().requires_grad_(False), notes


def _shortened(error: Exception) -> str:
    return " ".join(str(error).split())[:500]


def _check_loading(name: str, loading: Mapping[str, Any]) -> list[str]:
    """Refuse a model of which something was initialised or left over that decides scores."""
    if loading["mismatched_keys"]:
        key, found, wanted = min(tuple(mismatch) for mismatch in loading["mismatched_keys"])
        raise CheckpointError(
            f"{name}: {key} has shape {tuple(found)} in the files, config.json says {tuple(wanted)}"
        )
    missing = sorted(loading["missing_keys"])
    head = [key for key in missing if HEAD.search(key)]
    if head:
        raise HeadError(
            f"{name}: the weights of the score head are not in the files ({describe_keys(head)}); "
            "a freshly initialised head scores noise"
        )
    if missing:
        raise CheckpointError(
            f"{name}: the files lack {describe_keys(missing)}; fetch the model again"
        )
    unused = sorted(loading["unexpected_keys"])
    other_head = [key for key in unused if HEAD.search(key)]
    if other_head:
        raise HeadError(
            f"{name}: the files hold a head that the class has no place for "
            f"({describe_keys(other_head)}); the model was trained as another class"
        )
    layers = [key for key in unused if _LAYER.search(key) and not _MASK.search(key)]
    if layers:
        raise CheckpointError(
            f"{name}: the files hold layers that config.json does not describe "
            f"({describe_keys(layers)}); config.json belongs to another model"
        )
    return [f"weights that a classifier does not use: {describe_keys(unused)}"] if unused else []
