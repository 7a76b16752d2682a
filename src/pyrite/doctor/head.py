"""Is the head there, and is it more than zeros?"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pyrite.doctor import Check, Verdict, failed, not_applicable, passed, warned

if TYPE_CHECKING:
    import torch

    from pyrite.doctor._patient import Patient

__all__ = ["Head"]

LIKE_NEW = 0.05
"""An SD this near to the initialiser's is that of a head that training has hardly changed."""


class Head(Check):
    """The score head has weights that are neither constant nor mostly zero.

    A missing head is refused when a model is opened. What is left to see are weights that were
    zeroed or overwritten. That a head was never trained cannot be proved from its weights: training
    with a small step leaves their distribution as it was. Where it is the initialiser's to 5 %,
    that is said.
    """

    why: ClassVar[str] = "a head that was never trained gives numbers that mean nothing"

    def run(self, patient: Patient) -> Verdict:
        """Look at the weights."""
        anatomy = patient.anatomy
        if anatomy is None:
            return not_applicable("this kind of model does not show its weights")
        matrices = {name: w.float() for name, w in anatomy.head.items() if w.ndim > 1}
        if not matrices:
            return not_applicable("the head has no weight matrix that could be looked at")
        dead = [name for name, weight in matrices.items() if _is_constant(weight)]
        count = sum(weight.numel() for weight in matrices.values())
        if dead:
            return failed(
                f"{', '.join(dead)}: all weights are the same (n = {count} weights)",
                cure="load the checkpoint that has the trained head",
                weights=count,
            )
        name, last = list(matrices.items())[-1]
        rows = [index for index, row in enumerate(last) if _is_constant(row)]
        if rows:
            return warned(
                f"{name}: {len(rows)} of {len(last)} outputs have constant weights",
                cure="these outputs say nothing; leave them out of the analysis",
                outputs=rows[:20],
            )
        zeros = float((last == 0).float().mean())
        if zeros > 0.5:
            return warned(
                f"{name}: {zeros:.0%} of {last.numel()} weights are zero",
                cure="check that the checkpoint was saved whole",
                zeros=zeros,
            )
        return _seen(name, last, anatomy.initial)


def _is_constant(weight: torch.Tensor) -> bool:
    return bool((weight == weight.flatten()[0]).all())


def _seen(name: str, weight: torch.Tensor, initial: float | None) -> Verdict:
    sd = float(weight.std(correction=0))
    saw = f"{name} [{', '.join(map(str, weight.shape))}] has SD {sd:.3g}"
    if not initial:
        return passed(saw, sd=sd)
    saw += f", the configuration's initialiser {initial:.3g}"
    if abs(sd / initial - 1) < LIKE_NEW:
        saw += ": a head that was never trained would look the same, its weights cannot tell"
    return passed(saw, sd=sd, initial=initial)
