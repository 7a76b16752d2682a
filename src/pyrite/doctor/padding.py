"""Does a longer text beside it change a score?"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pyrite.doctor import Check, Verdict, not_applicable
from pyrite.doctor._equal import judged
from pyrite.doctor._patient import with_response

if TYPE_CHECKING:
    from pyrite.doctor._patient import Patient
    from pyrite.models import Encoded

__all__ = ["Padding"]

TIMES = (2, 6)
"""How many times the longest probe's answer is repeated in the longer text beside it."""


class Padding(Check):
    """A text scores the same beside a longer one, before it and after it, however much longer.

    Thresholds as for `batch`.
    """

    why: ClassVar[str] = "padding on the wrong side, or not masked, moves where the score is read"

    def run(self, patient: Patient) -> Verdict:
        """Score the shortest probes beside longer texts."""
        if patient.tokens is None:
            return not_applicable("this kind of model shows no tokens")
        if patient.blind:
            return not_applicable(patient.blind)
        short = [patient.encoded[index] for index in patient.probes[:4]]
        mates = _mates(patient)
        if not short or not mates:
            return not_applicable("no longer text fits into the model beside the sampled ones")
        alone = patient.alone(short)
        moved = {}
        for mate in mates:
            first, last = patient.run([mate, *short])[1:], patient.run([*short, mate])[:-1]
            width = f"a text of {len(mate.ids)} tokens"
            moved[f"after {width}"] = patient.moved(alone, first)
            moved[f"before {width}"] = patient.moved(alone, last)
        return judged(patient, moved, cure=_CURE)


_CURE = (
    "pad on the right with an attention mask and positions that count from 0, or score texts of "
    "one length together (query.batch_tokens: 1 scores them one by one)"
)


def _mates(patient: Patient) -> list[Encoded]:
    """Longer texts, as the model itself encodes them."""
    item, _ = patient.texts[patient.probes[-1]]
    said = item.response or item.prompt or (item.messages[-1].content if item.messages else "")
    longer = [patient.render(with_response(item, f"{said} and " * times)) for times in TIMES]
    encoded = patient.engine.encode([text for text in longer if text is not None])
    longest = max(len(patient.encoded[index].ids) for index in patient.probes[:4])
    return [mate for mate in encoded if not mate.problem and len(mate.ids) > longest]
