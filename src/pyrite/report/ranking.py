"""The cards of an exploit step in the order of their severity."""

from __future__ import annotations

import math
from pathlib import PurePosixPath

from pyrite.report import ExploitCard
from pyrite.report.material import Material, StepLeft
from pyrite.types import Json

__all__ = ["ranked"]


def ranked(material: Material, step: StepLeft) -> list[ExploitCard]:
    """The most severe first; cards without a severity after all others, by their effect.

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
    return sorted(found, key=_place)


def _place(one: ExploitCard) -> tuple[bool, float, float]:
    effect = (one.card.get("confirmation") or {}).get("effect") or {}
    size = abs(_number(effect.get("value")) or 0.0)
    return one.severity is None, -(one.severity or 0.0), -size


def _number(value: Json) -> float | None:
    if isinstance(value, dict):  # a severity, with the vector it was computed from
        value = value.get("score")
    usable = isinstance(value, int | float) and math.isfinite(value)
    return float(value) if usable else None
