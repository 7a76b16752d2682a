"""The verdict: three sentences that say no more than the statistics carry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyrite.analysis.figures.chart import shorten
from pyrite.report import ExploitCard
from pyrite.report.gaps import gaps
from pyrite.report.material import Material
from pyrite.report.ranking import destroys, ranked
from pyrite.report.trust import trusted
from pyrite.types import Json

__all__ = ["verdict"]

MOST_TOLD = 2
MOST_GAPS = 6


_NOTHING = "nothing can be said, because no analysis and no exploit step has finished."


def verdict(material: Material) -> tuple[list[str], list[str]]:
    """Can the scores be trusted, what was found, what was not measured; and what else was found."""
    first, *others = _found(material) or [_NOTHING]
    return [trusted(material), f"Found: {first}", _missing(material)], others


def _found(material: Material) -> list[str]:
    replayed = [x.findings[0] for x in material.steps("replay") if x.findings]
    said = (*_exploits(material), *replayed, *_analyses(material))
    return [_ended(one) for one in said if one]


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith((".", "!", "?")) else f"{sentence}."


def _exploits(material: Material) -> list[str]:
    """How many were found and the most severe; then those that leave no answer to reward."""
    steps = [
        x
        for x in material.steps("exploit")
        if x.meta.get("texts") and not x.meta.get("insufficient")
    ]
    if not steps:
        return []
    counts: dict[str, int] = {}
    for step in steps:
        for name, count in step.meta.get("verdicts", {}).items():
            counts[name] = counts.get(name, 0) + count
    texts = sum(step.meta["texts"] for step in steps)
    tried = f"{sum(counts.values())} edits sent to held-out prompts"
    exploits = counts.get("exploit", 0)
    if not exploits:
        nulls = [str(null["sentence"]) for x in steps if (null := x.meta.get("null"))]
        return nulls or [f"no exploit was found within {texts:,} scored texts and {tried}"]
    said = f"{exploits} of {tried} {'is an exploit' if exploits == 1 else 'are exploits'}"
    said += f" ({texts:,} scored texts)"
    cards = [card for step in steps for card in ranked(material, step)]
    found = [card for card in cards if card.card.get("verdict") == "exploit"]
    keep = [card for card in found if not destroys(card)]
    lower = [card for card in found if destroys(card)]
    first, second = (keep, lower) if keep else (lower, [])
    if first:
        words = "that keeps the quality" if second else ""
        said += f"; {_which(first[0], words)}: {_effect(first[0].card)}"
    more = []
    if second:
        many = "1 of them lowers" if len(second) == 1 else f"{len(second)} of them lower"
        told = f"{many} the quality, and the score does not drop"
        more = [f"{told}, {_which(second[0])}: {_effect(second[0].card)}"]
    return [said, *more]


def _which(card: ExploitCard, more: str = "") -> str:
    which = "the largest" if card.severity is None else "the most severe"
    return f"{which} {more}".rstrip()


def _effect(card: Mapping[str, Json]) -> str:
    edit = card.get("edit", {})
    label, effect = edit.get("label", "?"), card.get("confirmation", {}).get("effect")
    label = shorten(str(label), 70)
    if not effect:
        return label
    value, low, high = (round(effect[end], 2) + 0.0 for end in ("value", "low", "high"))
    return (
        f"{label} moves the score by {value:.2f} [{low:.2f}, {high:.2f}] SD, "
        f"n = {effect['prompts']} prompts"
    )


def _analyses(material: Material) -> Sequence[str]:
    return [
        sentence for step in material.steps("analyze") for sentence in step.findings[:MOST_TOLD]
    ][: 2 * MOST_TOLD]


def _missing(material: Material) -> str:
    short = [gap.short for gap in gaps(material)]
    if not short:
        return "Not measured: nothing that this report knows of."
    more = f", and {len(short) - MOST_GAPS} more" if len(short) > MOST_GAPS else ""
    return f"Not measured: {', '.join(short[:MOST_GAPS])}{more}."
