"""Are the texts written in the form that the model was made for?"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pyrite.doctor import Check, Verdict, not_applicable, passed, warned
from pyrite.models import TextScorer

if TYPE_CHECKING:
    from pyrite.doctor._patient import Patient
    from pyrite.models import Rendered

__all__ = ["Template"]

SHOWN_TOKENS = 40
SHOWN_CHARACTERS = 600


class Template(Check):
    """The query writes texts as the scorer says it was made for; a text and its tokens are shown.

    Warns where the query asks for another form, where a decoder has no chat template to go by, and
    where a model is read in another way than it was trained (`reading: compat`).
    """

    why: ClassVar[str] = "in another template a reward model is another model"

    def run(self, patient: Patient) -> Verdict:
        """Compare names, and show one text as the model gets it."""
        if patient.tokens is None and not isinstance(patient.scorer, TextScorer):
            return not_applicable("this kind of model is given items, not a rendered text")
        made_for = patient.scorer.default_unravel
        detail = _shown(patient)
        saw = f"texts are written as {patient.form}, the model was made for {made_for}"
        if patient.form != made_for:
            cure = f"write message.unravel: {made_for}, or leave it out"
            if made_for == "chat_template" and not _has_template(patient):
                saw += ", and its tokenizer has no chat template"
                cure = "find the form that it was trained with on its card or in its training code"
            return warned(saw, cure=cure, detail=detail, form=patient.form, made_for=made_for)
        if patient.scorer.facts.get("reading") == "compat":
            return warned(
                f"{saw}; it is read as bittensor read it",
                cure="compare with model.reading: native",
                detail=detail,
                form=patient.form,
            )
        return passed(saw, detail=detail, form=patient.form)


def _has_template(patient: Patient) -> bool:
    anatomy = patient.anatomy
    return anatomy is None or bool(getattr(anatomy.tokenizer, "chat_template", None))


def _shown(patient: Patient) -> str:
    """The shortest probe as it is rendered, and its tokens with their ids."""
    index = next(iter(patient.probes), 0)
    _, rendered = patient.texts[index]
    lines = [] if rendered is None else [_text(rendered)]
    if patient.anatomy is not None and patient.tokens is not None:
        text = patient.encoded[index]
        pieces = patient.anatomy.tokenizer.convert_ids_to_tokens(list(text.ids))
        shown = [f"{token}:{piece!r}" for token, piece in zip(text.ids, pieces, strict=True)]
        if len(shown) > SHOWN_TOKENS:
            half = SHOWN_TOKENS // 2
            shown = [*shown[:half], f"... {len(shown) - 2 * half} more ...", *shown[-half:]]
        where = f"read at token {text.read_at}" if text.read_at >= 0 else "read by a pooler"
        lines.append(f"{len(text.ids)} tokens, {where}: {' '.join(shown)}")
    return "\n".join(lines)


def _text(rendered: Rendered) -> str:
    texts = [rendered.text, *([rendered.text_pair] if rendered.text_pair is not None else [])]
    if rendered.messages:
        texts = [f"{message.role}: {message.content}" for message in rendered.messages]
    return " | ".join(repr(text[:SHOWN_CHARACTERS]) for text in texts)
