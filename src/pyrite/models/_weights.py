"""Reading checkpoints: nothing in a file is executed, and no parameter is left to chance.

`read_state` reads any checkpoint into a flat mapping; `build` makes a model of exactly those
tensors. Everything that is wrong with a file is a `CheckpointError` that names it.
"""

from __future__ import annotations

import json
import pickle
import pickletools
import re
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyrite.errors import CheckpointError
from pyrite.models._model_files import weight_files
from pyrite.quiet import quiet_transformers
from pyrite.types import Json

if TYPE_CHECKING:
    import torch

__all__ = ["build", "check_finite", "describe_keys", "read_state", "round_weights", "tensors_of"]

_REFUSED_GLOBAL = re.compile(r"GLOBAL ([\w.]*\w) (?:was|whose)")


def read_state(path: Path) -> dict[str, Any]:
    """The content of a checkpoint: names to tensors (memory-mapped where the format allows).

    Args:
        path: a safetensors or torch file, an index of shards, or a folder with one of these.

    Raises:
        CheckpointError: missing, truncated, not a checkpoint, or a pickle that wants to run code.
    """
    if path.is_dir():
        (path,) = weight_files(path)
    if not path.is_file():
        raise CheckpointError(f"{path}: no such checkpoint")
    if path.name.endswith(".index.json"):
        return _read_shards(path)
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    return _read_torch(path)


def _read_shards(index: Path) -> dict[str, Any]:
    try:
        content: Json = json.loads(index.read_text(encoding="utf-8"))
        places = dict(content["weight_map"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{index}: not an index of weight files: {error}") from error
    names = sorted({str(name) for name in places.values()})
    state: dict[str, Any] = {}
    for name in names:
        if Path(name).name != name:
            raise CheckpointError(f"{index}: {name!r} points out of the model folder")
        state |= read_state(index.with_name(name))
    absent = sorted(set(places) - set(state))
    if absent:
        raise CheckpointError(f"{index}: the shards lack {describe_keys(absent)}")
    return state


def _read_safetensors(path: Path) -> dict[str, Any]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return dict(load_file(path))
    except SafetensorError as error:
        raise CheckpointError(
            f"{path}: not a whole safetensors file ({error}); fetch it again"
        ) from error
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error}") from error


def _read_torch(path: Path) -> dict[str, Any]:
    import torch

    _check_torch_file(path)
    packed = zipfile.is_zipfile(path)
    try:
        with warnings.catch_warnings():
            # A newer pickle protocol is either read or refused; the warning adds nothing.
            warnings.filterwarnings("ignore", message="Detected pickle protocol")
            state = torch.load(path, map_location="cpu", weights_only=True, mmap=packed)
    except pickle.UnpicklingError as error:
        raise CheckpointError(_refusal(path, error)) from error
    except (RuntimeError, EOFError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise CheckpointError(
            f"{path}: not a whole torch checkpoint ({_first_line(error)}); fetch it again"
        ) from error
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error}") from error
    if not isinstance(state, Mapping):
        raise CheckpointError(f"{path}: holds a {type(state).__name__}, not named tensors")
    return {str(name): value for name, value in state.items()}


def _check_torch_file(path: Path) -> None:
    try:
        with path.open("rb") as stream:
            start = stream.read(4)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error}") from error
    if not start:
        raise CheckpointError(f"{path}: the file is empty; fetch it again")
    if start.startswith(b"PK") and not zipfile.is_zipfile(path):
        raise CheckpointError(
            f"{path}: the file ends too early (its directory is missing); fetch it again"
        )


def _refusal(path: Path, error: pickle.UnpicklingError) -> str:
    found = _REFUSED_GLOBAL.search(str(error))
    wanted = found.group(1) if found else _first_global(path)
    if wanted is None:
        # torch's own text advises weights_only=False, which would run the file's code.
        reason = str(error).rpartition("WeightsUnpickler error:")[2].strip().splitlines()[:1]
        return f"{path}: not a whole torch checkpoint ({' '.join(reason)[:200]}); fetch it again"
    return (
        f"{path}: this pickle wants {wanted!r}, which is not data; it was refused and nothing in "
        "it was run. Save the weights as a plain state dict, or better as safetensors"
    )


def _first_global(path: Path) -> str | None:
    """The first name that a bare pickle would import, read without unpickling; None if unclear."""
    strings: list[str] = []
    try:
        with path.open("rb") as stream:
            for opcode, argument, _ in pickletools.genops(stream):
                if opcode.name == "GLOBAL":
                    return str(argument).replace(" ", ".")
                if opcode.name == "STACK_GLOBAL" and len(strings) >= 2:
                    return ".".join(strings[-2:])
                if isinstance(argument, str):
                    strings.append(argument)
    except (OSError, ValueError):
        return None
    return None


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__


def describe_keys(names: Sequence[str], *, shown: int = 4) -> str:
    """`n keys: a, b, c, ...`, for messages."""
    head = ", ".join(names[:shown]) + (", ..." if len(names) > shown else "")
    return f"{len(names)} key{'' if len(names) == 1 else 's'}: {head}" if names else "no keys"


def tensors_of(state: Mapping[str, Any], *, where: str) -> dict[str, torch.Tensor]:
    """The state as tensors only.

    Raises:
        CheckpointError: a value is something else, such as a nested mapping.
    """
    import torch

    wrong = [name for name, value in state.items() if not isinstance(value, torch.Tensor)]
    if wrong:
        kind = type(state[wrong[0]]).__name__
        raise CheckpointError(
            f"{where}: {wrong[0]!r} is a {kind}, not a tensor; the file has another layout "
            f"({describe_keys(sorted(state))})"
        )
    return dict(state)


def check_finite(tensors: Mapping[str, torch.Tensor], *, where: str) -> None:
    """Refuse weights with NaN or infinity.

    Raises:
        CheckpointError: names the first tensor that has one, and how many values are bad.
    """
    import torch

    for name, tensor in tensors.items():
        if not tensor.is_floating_point() or tensor.numel() == 0:
            continue
        # One pass without a copy: a sum is finite only if every term is (or terms are huge).
        if torch.isfinite(tensor.sum(dtype=torch.float32)):
            continue
        bad = int((~torch.isfinite(tensor)).sum())
        if bad:
            raise CheckpointError(
                f"{where}: {name} has {bad} of {tensor.numel()} values that are NaN or infinite"
            )


def build(
    model_class: Any,
    config: Any,
    tensors: Mapping[str, torch.Tensor],
    *,
    where: str,
    dtype: torch.dtype,
    attention: str = "eager",
) -> Any:
    """A model of `model_class` in evaluation mode whose every parameter comes from `tensors`.

    Args:
        model_class: a transformers model class.
        config: its configuration.
        tensors: names as in the class's state dict; exactly those, no more and no fewer.
        where: the file, for messages.
        dtype: what the weights are converted to.
        attention: the attention implementation.

    Raises:
        CheckpointError: keys are missing or unknown, shapes differ, or a value is not finite.
    """
    import torch

    with torch.device("meta"):
        template = model_class(config)
    _check_fit(template, tensors, where=where)
    check_finite(tensors, where=where)
    with quiet_transformers():
        model = model_class.from_pretrained(
            None,
            config=config,
            state_dict=dict(tensors),
            dtype=dtype,
            attn_implementation=attention,
        )
    adrift = [name for name, p in model.named_parameters() if p.device.type == "meta"]
    if adrift:
        raise CheckpointError(f"{where}: not loaded: {describe_keys(adrift)}")
    return model.eval().requires_grad_(False)


def _check_fit(template: Any, tensors: Mapping[str, torch.Tensor], *, where: str) -> None:
    wanted = {name: tuple(value.shape) for name, value in template.state_dict().items()}
    tied = set(getattr(template, "_tied_weights_keys", None) or ())
    missing = [name for name in wanted if name not in tensors and name not in tied]
    if missing:
        raise CheckpointError(
            f"{where}: the weights lack {describe_keys(missing)} (of {len(wanted)}); "
            "no parameter is ever initialised at random"
        )
    unknown = sorted(set(tensors) - set(wanted))
    if unknown:
        raise CheckpointError(
            f"{where}: the configuration has no place for {describe_keys(unknown)}; "
            "config.json belongs to another model"
        )
    for name, tensor in tensors.items():
        if tuple(tensor.shape) != wanted[name]:
            raise CheckpointError(
                f"{where}: {name} has shape {tuple(tensor.shape)}, "
                f"the configuration says {wanted[name]}"
            )
        if not tensor.is_floating_point():
            raise CheckpointError(
                f"{where}: {name} is stored as {tensor.dtype}; quantised weights are not read"
            )


def round_weights(model: Any, dtype: torch.dtype, *, where: str) -> None:
    """Round every parameter to `dtype` and back, in place, one at a time.

    Raises:
        CheckpointError: a weight is too large for `dtype`.
    """
    for name, parameter in model.named_parameters():
        if parameter.dtype == dtype:
            continue
        rounded = parameter.data.to(dtype)
        check_finite({name: rounded}, where=f"{where}, rounded to {dtype}")
        parameter.data = rounded.to(parameter.dtype)
