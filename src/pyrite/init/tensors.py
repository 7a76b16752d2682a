"""The names of the tensors in a checkpoint, without its values and without executing anything."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pyrite.errors import CheckpointError
from pyrite.models._classifier_files import HEAD
from pyrite.types import Json

__all__ = ["Tensors", "tensors_in"]

_LONGEST_HEADER = 100 << 20


@dataclass(frozen=True, slots=True)
class Tensors:
    """Names of tensors, and how many numbers they hold where the file's header says so."""

    names: frozenset[str] = field(default_factory=frozenset)
    numbers: int | None = None

    def head(self) -> str:
        """The name of the score head's tensor; "" where there is none."""
        return next((name for name in sorted(self.names) if HEAD.search(name)), "")

    def headless(self) -> bool:
        """Whether there is nothing but a trunk: no known head, and all names begin alike."""
        tops = {name.partition(".")[0] for name in self.names} - {"lm_head"}
        return not self.head() and len(tops) <= 1

    def is_gate(self) -> bool:
        """Whether there is a linear layer beside an encoder, or nothing else at all."""
        return "linear.weight" in self.names or self.names == {"weight", "bias"}

    def size(self) -> str:
        """`, 0.6 million parameters`; empty where it is not known."""
        if self.numbers is None:
            return ""
        if self.numbers < 1e6:
            return f", {self.numbers:,} parameters"
        billions = self.numbers / 1e9
        shown = (
            f"{billions:.1f} billion" if billions >= 0.95 else f"{self.numbers / 1e6:.1f} million"
        )
        return f", {shown} parameters"


def tensors_in(path: Path) -> Tensors:
    """The tensors of a weight file or of an index of shards.

    Raises:
        CheckpointError: it cannot be read, or is not what its suffix says.
    """
    if path.name.endswith(".index.json"):
        content = _json(path, _bytes(path))
        places = content.get("weight_map") if isinstance(content, dict) else None
        if not isinstance(places, dict):
            raise CheckpointError(f"{path}: not an index of weight files (no weight_map)")
        return Tensors(frozenset(map(str, places)))
    if path.suffix == ".safetensors":
        return _header(path)
    from pyrite.models._weights import read_state

    state: Mapping[str, Json] = read_state(path)
    inner = state.get("model_state_dict", state)
    names = inner if isinstance(inner, Mapping) else state
    return Tensors(frozenset(map(str, names)))


def _header(path: Path) -> Tensors:
    """Eight bytes of length, then JSON: name -> type, shape, place."""
    try:
        with path.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            if not 2 <= length <= min(_LONGEST_HEADER, path.stat().st_size):
                raise CheckpointError(f"{path}: not a whole safetensors file; fetch it again")
            raw = stream.read(length)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror or error}") from error
    content = _json(path, raw)
    if not isinstance(content, dict):
        raise CheckpointError(f"{path}: not a safetensors file; fetch it again")
    tensors = {name: value for name, value in content.items() if name != "__metadata__"}
    shapes = [value.get("shape") if isinstance(value, dict) else None for value in tensors.values()]
    known = [math.prod(shape) for shape in shapes if isinstance(shape, list)]
    return Tensors(frozenset(tensors), sum(known) if len(known) == len(shapes) else None)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror or error}") from error


def _json(path: Path, raw: bytes) -> Json:
    try:
        return json.loads(raw)
    except ValueError as error:
        raise CheckpointError(f"{path}: its header is damaged ({error}); fetch it again") from error
