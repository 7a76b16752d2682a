"""How many of the texts are cut?"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pyrite.doctor import Check, Verdict, failed, not_applicable, passed, warned
from pyrite.doctor._interval import interval, share

if TYPE_CHECKING:
    from pyrite.doctor._patient import Patient
    from pyrite.types import Json

__all__ = ["Truncation"]

WARN_ABOVE, FAIL_ABOVE = 0.01, 0.2


class Truncation(Check):
    """Few texts are cut at the limit, and few are too long to be scored.

    Warns above 1 % of the sampled texts; fails where even the lower end of the 95 % interval is
    above 20 % (8 of 16 texts, 13 of 32), unless the query itself asks for the cut
    (`tokenizer: {truncation: true}` or `max_length`), and then warns.
    """

    why: ClassVar[str] = "what was cut off is not in the score, and the number does not show it"

    def run(self, patient: Patient) -> Verdict:
        """Count; no forward pass."""
        if patient.tokens is None:
            return not_applicable("this kind of model shows no tokens")
        cut = [text.num_cut for text in patient.encoded if text.num_cut]
        refused = sum(bool(text.problem) and not text.num_cut for text in patient.encoded)
        total = len(patient.encoded)
        lengths = [len(text.ids) + text.num_cut for text in patient.encoded]
        saw = f"{share(len(cut) + refused, total, 'texts')} cut or too long"
        saw += f"; the longest has {max(lengths, default=0)} tokens"
        if cut:
            saw += f", most that were cut: {max(cut)}"
        numbers: dict[str, Json] = {
            "cut": len(cut),
            "refused": refused,
            "n": total,
            "longest": max(lengths),
        }
        part = (len(cut) + refused) / max(total, 1)
        if part <= WARN_ABOVE:
            return passed(saw, **numbers)
        limits = patient.limits
        asked = limits.truncation is True or limits.max_tokens is not None
        sure = interval(len(cut) + refused, total)[0] > FAIL_ABOVE
        if not sure or (asked and not refused):
            return warned(saw, cure=_CURE, **numbers)
        return failed(saw, cure=_CURE, **numbers)


_CURE = (
    "raise query.tokenizer.max_length (up to what the model was trained with), choose a model with "
    "more positions, or keep shorter rows; column `truncated` marks the rows"
)
