"""Do two implementations of attention agree?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from pyrite.doctor import Check, Verdict, not_applicable
from pyrite.doctor._equal import judged

if TYPE_CHECKING:
    from pyrite.doctor._patient import Patient, Scores
    from pyrite.models import Encoded

__all__ = ["Attention"]

LIMITS, SHORT_LIMITS = (1e-4, 1e-2), (0.1, 0.5)


class Attention(Check):
    """Scores by the attention that is used agree with those by transformers' plain one.

    Largest difference in SD of the scores: passes up to 1e-4 (16-bit floats: 0.1), fails above
    1e-2 (0.5). Pyrite's own packed forward pass is compared too.
    """

    why: ClassVar[str] = (
        "a kernel that leaves out soft caps or windows gives another model's scores"
    )

    def run(self, patient: Patient) -> Verdict:
        """Score the probes by both."""
        if patient.anatomy is None or patient.tokens is None or patient.anatomy.module is None:
            return not_applicable("this kind of model does not show its module")
        if patient.blind:
            return not_applicable(patient.blind)
        module = patient.anatomy.module
        used = str(getattr(module.config, "_attn_implementation", None))
        packed = patient.tokens.packed and patient.tokens.decoder is not None
        other = _other(module, used)
        if other is None and not packed:
            return not_applicable(f"the module has no attention but {used}")
        batch = [patient.encoded[index] for index in patient.probes]
        before = patient.alone(batch)
        with _switched(module, used, other):
            after = _plain(patient, batch) if packed else patient.run(batch)
        way = f"{'packed' if packed else used} and {other or used}"
        limits = SHORT_LIMITS if patient.short_floats else LIMITS
        return judged(patient, {way: patient.moved(before, after)}, cure=_CURE, limits=limits)


_CURE = (
    "update transformers and torch; until both agree, trust eager (attn_implementation), which is "
    "what the formulas say"
)


def _other(module: Any, used: str) -> str | None:
    """Another implementation that the module can be switched to."""
    if not hasattr(module, "set_attn_implementation"):
        return None
    if used != "eager":
        return "eager"
    return "sdpa" if getattr(module, "_supports_sdpa", False) else None


@contextmanager
def _switched(module: Any, used: str, other: str | None) -> Iterator[None]:
    if other is not None:
        module.set_attn_implementation(other)
    try:
        yield
    finally:
        if other is not None:
            module.set_attn_implementation(used)


def _plain(patient: Patient, batch: list[Encoded]) -> Scores:
    """Scores by the transformers module itself, padded, read where each text is read."""
    import torch

    from pyrite.forward.proof import plain_last

    assert patient.tokens is not None
    decoder = patient.tokens.decoder
    assert decoder is not None
    rows = [text.ids[: text.read_at + 1] for text in batch]
    with torch.inference_mode():
        scores = decoder.head(plain_last(decoder.module, rows))
    patient.engine.forwards += 1
    patient.engine.texts += len(rows)
    return np.asarray(scores.float().cpu().numpy(), np.float64)[:, None]
