"""Are the tokens that begin and end a text there, once?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from pyrite.doctor import Check, Status, Verdict, not_applicable
from pyrite.doctor._patient import number

if TYPE_CHECKING:
    from pyrite.doctor._patient import Patient
    from pyrite.models import Encoded

__all__ = ["BeginEnd"]

BEGIN_MATTERS, END_MATTERS = 0.1, 0.5
"""Median effect in SD above which a missing token is worth a warning."""
NEAR_END = 3
"""Templates put a line break after the end of text: it is looked for among so many tokens."""


class BeginEnd(Check):
    """The tokens of beginning and end stand in every text, and only once.

    Fails where most texts begin with two beginnings (a template wrote one and the tokenizer added
    one). Warns where the tokenizer adds a beginning by itself, the texts have none and one would
    move the score by more than 0.1 SD in the median; where texts do not end with the end of text
    and one would move it by more than 0.5 SD; where it is read before an end of text and reading
    there would move it by more than 0.5 SD; and where an end is doubled. Every effect is shown.
    """

    why: ClassVar[str] = "one such token too many or too few can move a score more than the answer"

    def run(self, patient: Patient) -> Verdict:
        """Add and remove the tokens, and score."""
        anatomy = patient.anatomy
        if anatomy is None:
            return not_applicable("this kind of model does not show its tokenizer")
        if patient.blind:
            return not_applicable(patient.blind)
        usable = [i for i in patient.probes if _is_plain(patient.encoded[i])]
        if not usable:
            return not_applicable("texts have two segments, or are not read at one token")
        trial = _Trial(patient, usable)
        tokenizer = anatomy.tokenizer
        bos, eos = tokenizer.bos_token_id, tokenizer.eos_token_id
        notes = []
        if bos is not None:
            notes.append(_begin(trial, bos, adds=_adds_first(tokenizer, bos)))
        if eos is not None:
            notes.append(_end(trial, eos))
        if not notes:
            return not_applicable("the tokenizer has neither a beginning nor an end of text")
        return _together(notes, len(usable))


@dataclass(frozen=True, slots=True)
class _Note:
    status: Status
    saw: str
    cure: str
    effect: float


class _Trial:
    """The same texts with other tokens, and how far the scores move."""

    def __init__(self, patient: Patient, indices: Sequence[int]) -> None:
        self.patient = patient
        self.indices = indices
        self.texts = [patient.encoded[index] for index in indices]

    def effect(self, change: Callable[[Encoded], Encoded]) -> float:
        """Median distance in SD between the texts and the changed ones; NaN where none fits."""
        positions = self.patient.scorer.facts.get("positions")
        changed = [change(text) for text in self.texts]
        fits = [i for i, text in enumerate(changed) if _fits(text, positions)]
        if not fits:
            return float("nan")
        before = self.patient.alone([self.texts[i] for i in fits])
        after = self.patient.run([changed[i] for i in fits])
        return float(np.median(self.patient.moved(before, after)))


def _is_plain(text: Encoded) -> bool:
    return bool(text.ids) and not text.type_ids and text.read_at >= 0


def _fits(text: Encoded, positions: object) -> bool:
    return bool(text.ids) and (not isinstance(positions, int) or len(text.ids) <= positions)


def _adds_first(tokenizer: object, bos: int) -> bool:
    """Whether the tokenizer itself begins a text with this token."""
    ids = tokenizer("a")["input_ids"]  # type: ignore[operator]
    return list(ids[:1]) == [bos]


def _begin(trial: _Trial, bos: int, *, adds: bool) -> _Note:
    leads = [_lead(text.ids, bos) for text in trial.texts]
    total, doubled = len(leads), sum(lead > 1 for lead in leads)
    if doubled:
        effect = trial.effect(
            lambda text: _without_first(text) if _lead(text.ids, bos) > 1 else text
        )
        saw = (
            f"{doubled} of {total} texts begin with two beginning-of-text tokens; without one the "
            f"score moves by {number(effect)} SD"
        )
        status = Status.FAIL if 2 * doubled > total else Status.WARN
        return _Note(status, saw, _DOUBLED, effect)
    effect = trial.effect(lambda text: _with_first(text, bos))
    if all(leads):
        saw = f"every text begins once; a second beginning would move {number(effect)} SD"
        return _Note(Status.PASS, saw, "", effect)
    missing = sum(not lead for lead in leads)
    saw = (
        f"{missing} of {total} texts have no beginning of text, one would move {number(effect)} SD"
    )
    matters = adds and effect > BEGIN_MATTERS
    return _Note(Status.WARN if matters else Status.PASS, saw, _MISSING, effect)


def _end(trial: _Trial, eos: int) -> _Note:
    texts, total = trial.texts, len(trial.texts)
    ended = [eos in text.ids[-NEAR_END:] for text in texts]
    if not all(ended):
        effect = trial.effect(lambda text: _with_last(text, eos))
        saw = f"{total - sum(ended)} of {total} texts do not end with the end of text, "
        saw += f"one would move {number(effect)} SD"
        status = Status.WARN if effect > END_MATTERS else Status.PASS
        return _Note(status, saw, _NO_END, effect)
    doubled = sum(text.ids[-2:] == (eos, eos) for text in texts)
    if doubled:
        effect = trial.effect(lambda text: _without_last(text, eos))
        saw = f"{doubled} of {total} texts end twice; without one it moves {number(effect)} SD"
        return _Note(Status.WARN, saw, _DOUBLED, effect)
    early = [text.read_at > 0 and eos in text.ids[text.read_at + 1 :] for text in texts]
    if any(early):
        effect = trial.effect(lambda text: replace(text, read_at=_last_index(text.ids, eos)))
        saw = f"{sum(early)} of {total} texts are read before the end of text that follows, "
        saw += f"at it the score would move {number(effect)} SD"
        status = Status.WARN if effect > END_MATTERS else Status.PASS
        return _Note(status, saw, _EARLY, effect)
    effect = trial.effect(lambda text: _without_last(text, eos))
    saw = f"every text ends once; without its end it would move {number(effect)} SD"
    return _Note(Status.PASS, saw, "", effect)


def _together(notes: Sequence[_Note], total: int) -> Verdict:
    order = (Status.FAIL, Status.WARN, Status.PASS)
    worst = min(notes, key=lambda note: order.index(note.status))
    saw = "; ".join(note.saw for note in notes) + f" (medians, n = {total} texts)"
    cure = "; ".join(note.cure for note in notes if note.status is worst.status)
    effects = {"effects": [note.effect for note in notes], "n": total}
    return Verdict(worst.status, saw, cure if worst.status is not Status.PASS else "", effects)


def _lead(ids: Sequence[int], token: int) -> int:
    count = 0
    while count < len(ids) and ids[count] == token:
        count += 1
    return count


def _last_index(ids: Sequence[int], token: int) -> int:
    return max(index for index, found in enumerate(ids) if found == token)


def _with_first(text: Encoded, token: int) -> Encoded:
    return replace(text, ids=(token, *text.ids), read_at=_shifted(text, 1))


def _without_first(text: Encoded) -> Encoded:
    return replace(text, ids=text.ids[1:], read_at=_shifted(text, -1))


def _shifted(text: Encoded, by: int) -> int:
    return text.read_at + by if text.read_at > 0 else text.read_at


def _with_last(text: Encoded, token: int) -> Encoded:
    last = text.read_at == len(text.ids) - 1
    return replace(text, ids=(*text.ids, token), read_at=text.read_at + last)


def _without_last(text: Encoded, token: int) -> Encoded:
    if text.ids[-1] != token or len(text.ids) < 2:
        return text
    return replace(text, ids=text.ids[:-1], read_at=min(text.read_at, len(text.ids) - 2))


_DOUBLED = (
    "let either the template or the tokenizer write it: render with unravel: chat_template, which "
    "adds no second one, or take it out of the texts"
)
_MISSING = (
    "the tokenizer begins texts with it by itself and this form does not: use the form that the "
    "model was trained with (message.unravel)"
)
_NO_END = (
    "find out whether the model was trained with an end of text after the answer (its card, its "
    "training code) and use the form that writes one if so"
)
_EARLY = "read the score where the model was trained to be read (model.reading: native)"
