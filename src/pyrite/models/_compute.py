"""What a model computes in, where that is asked for: exact by default, shorter floats by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from pyrite.errors import ModelError
from pyrite.models._int8 import round_to_int8
from pyrite.models._weights import check_finite, round_weights
from pyrite.types import Json

if TYPE_CHECKING:
    import torch

__all__ = [
    "COMPILE_HELP",
    "COMPUTE_HELP",
    "LEAN_RUNS",
    "Compute",
    "compiled_facts",
    "computed_in",
    "computing_note",
    "floats_of",
    "loaded_in",
    "settle",
]

Compute = Literal["auto", "float32", "bfloat16", "float16"]

COMPUTE_HELP = (
    "floats that the trunk computes in; auto: float32 on a CPU; bfloat16 is faster and moves "
    "scores, by how much is measured; float16 on a GPU only"
)


COMPILE_HELP = (
    "torch.compile where no lean forward pass runs: takes a minute or more at each start, is used "
    "if scores stay the same and it is faster, and says what it won"
)


LEAN_RUNS = "not compiled, because the lean forward pass runs, which was measured to be faster"


def compiled_facts(facts: Mapping[str, Json], told: str) -> dict[str, Json]:
    """The facts of a model that was to be compiled, with what came of it, which users are told."""
    notes = facts.get("notes")
    return {
        **facts,
        "compile": told,
        "notes": [*(notes if isinstance(notes, list) else []), f"compile: {told}"],
    }


def computed_in(
    compute: Compute, *, usual: torch.dtype, device: torch.device, name: str
) -> torch.dtype:
    """The floats to compute in.

    Args:
        compute: what the experiment asks for.
        usual: what `auto` is for this kind of model here.
        device: where it runs.
        name: the model's, for the message.

    Raises:
        ModelError: float16 on a CPU, which has no products for it.
    """
    import torch

    found = usual if compute == "auto" else getattr(torch, compute)
    assert isinstance(found, torch.dtype)
    if device.type == "cpu" and found == torch.float16:
        raise ModelError(
            f"{name}: computing in float16 on a CPU is slow beyond use (about a fiftieth of "
            "float32); write compute: bfloat16 to be faster, or compute: float32, which reads "
            "float16 weights as they are"
        )
    return found


def floats_of(precision: torch.dtype) -> torch.dtype:
    """The floats of what int8 leaves as it is (heads, embeddings, norms); else the precision."""
    import torch

    return torch.float32 if precision == torch.int8 else precision


def loaded_in(precision: torch.dtype, compute: torch.dtype) -> torch.dtype:
    """What to read weights into, so that `settle` rounds them to `precision` first.

    Anything short is read as it is, so that a large model never takes the room of float32 on
    its way; int8 is rounded to from float32.
    """
    import torch

    if precision == torch.int8:
        return torch.float32
    return compute if torch.float32 in (precision, compute) else precision


def settle(module: Any, precision: torch.dtype, compute: torch.dtype, *, where: str) -> None:
    """Of a module read into `loaded_in`: round to `precision`, and leave it in `compute`.

    In place, one parameter at a time. Buffers (positions, frequencies) and what a class keeps in
    other floats stay as they are.

    Raises:
        CheckpointError: a weight is too large for one of the two.
    """
    import torch

    first = loaded_in(precision, compute)
    if precision == torch.int8:
        round_to_int8(module)
    elif first.itemsize > precision.itemsize:
        round_weights(module, precision, where=where)
    for name, parameter in module.named_parameters():
        if parameter.dtype == first != compute:
            parameter.data = parameter.data.to(compute)
        if compute.itemsize < 4:
            check_finite({name: parameter.data}, where=f"{where}, in {compute}")


def computing_note(compute: torch.dtype, precision: torch.dtype) -> list[str]:
    """What a user is told of short floats and int8 when the model is opened."""
    import torch

    found = []
    if precision == torch.int8:
        found.append("the weights of its linear layers are rounded to int8")
    if compute != torch.float32:
        name = str(compute).removeprefix("torch.")
        found.append(f"computes in {name}")
    return [
        f"{what}, so that scores differ from float32; each query says how far" for what in found
    ]
