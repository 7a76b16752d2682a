"""Does the score depend on what was asked?"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from pyrite.doctor import Check, Verdict, not_applicable, passed, warned
from pyrite.doctor._interval import share
from pyrite.doctor._patient import number, with_prompt_of

if TYPE_CHECKING:
    from pyrite.doctor._patient import Patient
    from pyrite.types import Item, Json

__all__ = ["Prompt"]

LEAST_CHANGE = 1e-3
"""In SD: below this on every text, the score does not read the prompt."""


class Prompt(Check):
    """The score changes when answers are scored with the prompts of other rows.

    Warns where no score moves by 1e-3 SD: the model is then blind to what was asked, or the prompt
    never reaches it (a rendering that leaves it out, a cut that removes it).
    """

    why: ClassVar[str] = "a model that does not read the prompt rewards any answer to anything"

    def run(self, patient: Patient) -> Verdict:
        """Score the probes, each answer with another row's prompt."""
        if patient.looked_up:
            return not_applicable("scores are looked up, no text is read")
        if patient.blind:
            return not_applicable(patient.blind)
        swaps = _swaps(patient)
        if len(swaps) < 2:
            return not_applicable("fewer than two rows with an answer and different prompts")
        swapped = [(item, patient.render(item)) for _, item in swaps]
        before = patient.scores[[index for index, _ in swaps]]
        moved = patient.moved(before, patient.rescore(swapped))
        moved = moved[np.isfinite(moved)]  # with its new prompt a text may be too long
        if not len(moved):
            return not_applicable("with another row's prompt no text has a score")
        changed = int((moved >= LEAST_CHANGE).sum())
        saw = f"with another row's prompt {share(changed, len(moved), 'scores')} change, "
        saw += f"by {number(float(np.median(moved)))} SD in the median"
        numbers: dict[str, Json] = {
            "changed": changed,
            "n": len(moved),
            "median": float(np.median(moved)),
        }
        if changed:
            return passed(saw, **numbers)
        same = all(
            text is not None and text == patient.texts[index][1]
            for (index, _), (_, text) in zip(swaps, swapped, strict=True)
        )
        reason = "; the prompt is not in the text that is scored" if same else ""
        return warned(f"{saw}{reason}", cure=_CURE, **numbers)


_CURE = (
    "check `schema` and `message.unravel` (is the prompt in the text?) and the truncation; a model "
    "that really ignores the prompt should not be optimised against"
)


def _swaps(patient: Patient) -> list[tuple[int, Item]]:
    """Probes with the next probe's prompt that differs from their own."""
    asked = [(index, patient.texts[index][0]) for index in patient.probes]
    asked = [(i, item) for i, item in asked if item.response is not None and _asks(item)]
    found = []
    for place, (index, item) in enumerate(asked):
        rest = [other for _, other in (*asked[place + 1 :], *asked[:place])]
        other = next((other for other in rest if _asks(other) != _asks(item)), None)
        if other is not None and bool(other.messages) == bool(item.messages):
            found.append((index, with_prompt_of(item, other)))
    return found


def _asks(item: Item) -> object:
    return item.messages[:-1] or item.prompt
