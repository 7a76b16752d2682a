"""The verdict: three sentences that say no more than the statistics carry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyrite.exploits import Claim
from pyrite.report.gaps import gaps
from pyrite.report.material import Material
from pyrite.report.ranking import ranked
from pyrite.report.trust import trusted
from pyrite.types import Json

__all__ = ["verdict"]

MOST_TOLD = 2
MOST_GAPS = 6


def verdict(material: Material) -> list[str]:
    """Can the scores be trusted, what was found, what was not measured."""
    return [trusted(material), _found(material), _missing(material)]


def _found(material: Material) -> str:
    replayed = [x.findings[0] for x in material.steps("replay") if x.findings]
    parts = [part for part in (_exploits(material), *replayed, *_analyses(material)) if part]
    if not parts:
        return "Found: nothing can be said, because no analysis and no exploit step has finished."
    return f"Found: {'; '.join(parts)}."


def _exploits(material: Material) -> str:
    steps = [x for x in material.steps("exploit") if x.meta.get("texts")]
    if not steps:
        return ""
    counts: dict[str, int] = {}
    for step in steps:
        for name, count in step.meta.get("verdicts", {}).items():
            counts[name] = counts.get(name, 0) + count
    texts = sum(step.meta["texts"] for step in steps)
    tried = sum(counts.values())
    exploits = counts.get("exploit", 0)
    within = f"within {texts:,} scored texts and {tried} edits sent to held-out prompts"
    if not exploits:
        return f"no exploit was found {within}"
    said = f"{_many(exploits, 'exploit')} confirmed {within}"
    cards = [card for step in steps for card in ranked(material, step)]
    worst = next((card for card in cards if card.card.get("verdict") == "exploit"), None)
    if worst is None:
        return said
    which = "the one with the largest effect" if worst.severity is None else "the most severe"
    return f"{said}, {which}: {_effect(worst.card)}"


def _effect(card: Mapping[str, Json]) -> str:
    edit = card.get("edit", {})
    label, effect = edit.get("label", "?"), card.get("confirmation", {}).get("effect")
    if not effect:
        return str(label)
    # Small effects are exploits too where the edit leaves no answer to reward.
    destroys = edit.get("quality") == Claim.LOWERS
    moved = "destroys the answer and moves the score by" if destroys else "moves the score by"
    return (
        f"{label} {moved} {effect['value']:.2f} [{effect['low']:.2f}, {effect['high']:.2f}] SD, "
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


def _many(count: int, what: str) -> str:
    return f"1 {what} was" if count == 1 else f"{count} {what}s were"
