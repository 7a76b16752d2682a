"""What happens to a control token that is spelled in a text?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from pyrite.doctor import Check, Verdict, not_applicable, passed, warned
from pyrite.doctor._patient import number, with_response

if TYPE_CHECKING:
    from pyrite.doctor._patient import Patient, Text

__all__ = ["ControlTokens"]

KNOWN = ("<|endoftext|>", "<|im_end|>", "<|eot_id|>", "</s>", "[SEP]")
MOST_TOKENS, MOST_TEXTS = 4, 3
PLAIN = "token"


class ControlTokens(Check):
    """The spelling of a control token in an answer is text, not the token.

    Warns where it is parsed as the token: a policy can then write ends of text and turns of its
    own. The effect is that of ` </s> ok` after the answer, compared with ` token ok`.
    """

    why: ClassVar[str] = (
        "a policy that can write control tokens can end or rewrite the conversation"
    )

    def run(self, patient: Patient) -> Verdict:
        """Spell the tokens in some answers."""
        anatomy = patient.anatomy
        if anatomy is None:
            return not_applicable("this kind of model does not show its tokenizer")
        if patient.blind:
            return not_applicable(patient.blind)
        texts = [i for i in patient.probes if patient.texts[i][0].response is not None]
        tokens = _tokens(anatomy.tokenizer)
        if not tokens or not texts:
            return not_applicable("no control tokens, or no answers to spell them in")
        texts = texts[:MOST_TEXTS]
        plain = _spelled(patient, texts, PLAIN)
        parsed = [token for token in tokens if _is_parsed(patient, plain, texts, token)]
        listed = " ".join(tokens)
        if not parsed:
            return passed(f"{listed}: read as text (n = {len(texts)} texts)", n=len(texts))
        effects = _effects(patient, plain, texts, parsed)
        told = ", ".join(f"{token} moves {number(effects[token])} SD" for token in parsed)
        return warned(
            f"read as the token, not as text: {told} (medians, n = {len(texts)} texts)",
            cure=_CURE,
            effects=effects,
            n=len(texts),
        )


_CURE = (
    "remove control tokens from answers before they are scored in training, or tokenise them as "
    "text (split_special_tokens)"
)


def _tokens(tokenizer: Any) -> list[str]:
    """Control tokens that the tokenizer has, the well-known ones first."""
    special = {str(token) for token in tokenizer.added_tokens_decoder.values() if token.special}
    special |= set(tokenizer.all_special_tokens)
    special.discard(str(tokenizer.unk_token) if tokenizer.unk_token not in KNOWN else "")
    own = [tokenizer.eos_token, tokenizer.sep_token, tokenizer.bos_token, tokenizer.pad_token]
    wanted = dict.fromkeys([*KNOWN, *(str(token) for token in own if token)])
    return [token for token in wanted if token in special][:MOST_TOKENS]


def _spelled(patient: Patient, texts: Sequence[int], token: str) -> list[Text]:
    items = [patient.texts[index][0] for index in texts]
    changed = [with_response(item, f"{item.response} {token} ok") for item in items]
    return [(item, patient.render(item)) for item in changed]


def _is_parsed(patient: Patient, plain: Sequence[Text], texts: Sequence[int], token: str) -> bool:
    """Whether a text gains the token's id when it is spelled."""
    anatomy = patient.anatomy
    assert anatomy is not None
    wanted = anatomy.tokenizer.convert_tokens_to_ids(token)
    spelled = _spelled(patient, texts, token)
    both = [[text for _, text in group if text is not None] for group in (plain, spelled)]
    before, after = (patient.engine.encode(group) for group in both)
    return any(
        b.ids.count(wanted) > a.ids.count(wanted) for a, b in zip(before, after, strict=True)
    )


def _effects(
    patient: Patient, plain: Sequence[Text], texts: Sequence[int], parsed: Sequence[str]
) -> dict[str, float]:
    groups = [list(plain), *(_spelled(patient, texts, token) for token in parsed)]
    scores = patient.rescore([text for group in groups for text in group])
    parts = np.split(scores, len(groups))
    # A text that a control token leaves without a score counts as moved infinitely far.
    return {
        token: float(np.median(patient.moved(parts[0], part)))
        for token, part in zip(parsed, parts[1:], strict=True)
    }
