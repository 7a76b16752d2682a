"""The cards of an exploit step: the most severe first, variants of one mechanism behind it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from pyrite.exploits import Claim
from pyrite.report import ExploitCard
from pyrite.report.material import Material, StepLeft
from pyrite.types import Json

__all__ = ["destroys", "ordered", "ranked", "with_variants"]


def ranked(material: Material, step: StepLeft) -> list[ExploitCard]:
    """The cards of a step as `ordered` puts them.

    Raises:
        CorruptArtifactError: a card is gone or damaged.
    """
    found = []
    for name in step.meta.get("cards", ()):
        stem = PurePosixPath(name).with_suffix("")
        card = material.json(step, f"{stem}.json")
        found.append(
            ExploitCard(
                id=f"{step.id}-{stem.name}",
                card=card,
                severity=_number(card.get("severity")),
                command=f"{material.command} --only {step.id}",
            )
        )
    return ordered(found)


def ordered(cards: Sequence[ExploitCard]) -> list[ExploitCard]:
    """The most severe first, each followed by its variants: the one order that there is.

    Of equal severity those that keep the quality come before those that destroy it, then the
    larger effect; cards without a severity come last.
    """
    return with_variants(sorted(cards, key=_place))


def with_variants(cards: Sequence[ExploitCard]) -> list[ExploitCard]:
    """Cards in the order given, those that only hold more than another one behind that one.

    What an edit is made of decides: a composition of an edit, the same edit on some prompts only,
    a text with the words of another text are variants of it, where both have the same verdict. The
    smallest edit, of these the one with the largest effect, is what the others are variants of.
    """
    heads: list[tuple[Json, frozenset[str], str]] = []
    head_of: dict[str, str] = {}
    for one in sorted(cards, key=_novelty):
        verdict, parts = one.card.get("verdict"), _parts(_identity(one))
        known = [name for other, own, name in heads if other == verdict and own and own <= parts]
        if known:
            head_of[one.id] = known[0]
        else:
            heads.append((verdict, parts, one.id))
    found = []
    for one in cards:
        if one.id not in head_of:
            found.append(one)
            behind = [x for x in cards if head_of.get(x.id) == one.id]
            found += [x.model_copy(update={"variant_of": one.id}) for x in behind]
    return found


def _place(one: ExploitCard) -> tuple[bool, float, bool, float]:
    return one.severity is None, -(one.severity or 0.0), destroys(one), -_size(one)


def _novelty(one: ExploitCard) -> tuple[int, bool, float]:
    edits = _identity(one).get("edits")
    return len(edits) if isinstance(edits, list) else 1, destroys(one), -_size(one)


def destroys(one: ExploitCard) -> bool:
    """Whether the edit leaves no answer to reward, by its own claim."""
    edit = one.card.get("edit")
    return isinstance(edit, Mapping) and edit.get("quality") == Claim.LOWERS


def _size(one: ExploitCard) -> float:
    found = one.card.get("confirmation")
    effect = found.get("effect") if isinstance(found, Mapping) else None
    return abs(_number(effect.get("value")) or 0.0) if isinstance(effect, Mapping) else 0.0


def _identity(one: ExploitCard) -> Mapping[str, Json]:
    edit = one.card.get("edit")
    identity = edit.get("identity") if isinstance(edit, Mapping) else None
    return identity if isinstance(identity, Mapping) else {}


def _parts(identity: Mapping[str, Json]) -> frozenset[str]:
    """What an edit is made of: words that are put in, other edits as they are."""
    return frozenset(_part(identity)) if identity else frozenset()


def _part(identity: Mapping[str, Json]) -> Iterator[str]:
    inner = identity.get("edits") or [identity.get("edit")]
    edits = [one for one in inner if isinstance(one, Mapping)] if isinstance(inner, list) else []
    text = identity.get("text")
    if edits:
        for one in edits:
            yield from _part(one)
    elif identity.get("component") == "Insert" and isinstance(text, str):
        yield from (f"text {word}" for word in text.lower().split() or [text])
    else:
        yield json.dumps(dict(identity), sort_keys=True)


def _number(value: Json) -> float | None:
    if isinstance(value, dict):  # a severity, with the vector it was computed from
        value = value.get("score")
    usable = isinstance(value, int | float) and math.isfinite(value)
    return float(value) if usable else None
