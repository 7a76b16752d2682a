"""Examples of a card: one answer before and after the edit, with the words that differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyrite.report.html import numbers
from pyrite.report.html.difference import Piece, differences
from pyrite.report.html.texts import clip, first_line, visible
from pyrite.types import Json

__all__ = ["Example", "Shown", "examples"]

LONG_PROMPT = 160
FOLD = 700
"""Characters from which an example's text is folded."""
MOST_TEXT = 20_000


@dataclass(frozen=True)
class Shown:
    """A text in pieces; folded where it is long."""

    label: str
    pieces: Sequence[Piece]
    folded: bool
    excerpt: str


@dataclass(frozen=True)
class Example:
    """One answer before and after the edit."""

    label: str
    score_before: str
    score_after: str
    change: str
    prompts: Sequence[Shown]
    before: Shown
    after: Shown
    open: bool


def examples(given: Json) -> list[Example]:
    """The card's examples, the one in the middle open; anything that is none is left out."""
    usable = [one for one in given if isinstance(one, Mapping)] if isinstance(given, list) else []
    return [_example(one, open=at == len(usable) // 2) for at, one in enumerate(usable)]


def _example(one: Mapping[str, Json], *, open: bool) -> Example:
    scores = [numbers.as_number(one.get(key)) for key in ("score_before", "score_after")]
    first, second = scores
    change = None if first is None or second is None else second - first
    quantile = numbers.as_number(one.get("quantile"))
    prompt, after_prompt = _kept(one, "prompt"), _kept(one, "after_prompt")
    left, right = differences(_kept(one, "before"), _kept(one, "after"))
    if "after_prompt" in one and after_prompt != prompt:
        old, new = differences(prompt, after_prompt)
        prompts = [
            _shown("Prompt before", old, LONG_PROMPT), _shown("Prompt after", new, LONG_PROMPT)
        ]  # fmt: skip
    else:
        prompts = [_shown("Prompt", [Piece(prompt, changed=False)], LONG_PROMPT)] if prompt else []
    return Example(
        label=_at(quantile),
        score_before=numbers.number(first),
        score_after=numbers.number(second),
        change=("+" if change is not None and change > 0 else "") + numbers.number(change),
        prompts=prompts,
        before=_shown("Before", left, FOLD),
        after=_shown("After", right, FOLD),
        open=open,
    )


def _at(quantile: float | None) -> str:
    names = {0.0: "Smallest effect", 0.5: "Median effect", 1.0: "Largest effect"}
    if quantile is None:
        return "Example"
    return names.get(quantile, f"{quantile:.0%} quantile of the effect")


def _kept(one: Mapping[str, Json], key: str) -> str:
    return visible(clip("" if one.get(key) is None else str(one[key]), MOST_TEXT))


def _shown(label: str, pieces: list[Piece], fold: int) -> Shown:
    length = sum(len(piece.text) for piece in pieces)
    excerpt = first_line("".join(piece.text for piece in pieces))
    return Shown(label, pieces, folded=length > fold, excerpt=excerpt)
