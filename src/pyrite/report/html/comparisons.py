"""What a card compares its effect with: parts of the edit alone, other doses, other models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pyrite.report.html import numbers
from pyrite.report.html.interval_strips import Scale, Strip
from pyrite.report.html.texts import clip, visible
from pyrite.types import Json

__all__ = ["COMPARED", "Comparison", "Line", "comparisons", "is_compared", "scale_of"]

COMPARED = {
    "ablation": ("Ablation: what of the edit is needed", "Left out", "what"),
    "dose": ("Dose and response", "Dose", "what"),
    "transfer": ("Transfer to other models and data", "Model", "model"),
}
"""Keys of a card: the title, the name of the first column, the key that names a line."""
_WHOLE = {
    "ablation": "nothing: the edit as confirmed",
    "dose": "the edit as confirmed",
    "transfer": "this model",
}
_KEYS = {"what", "label", "effect", "model", "problem"}
MOST = 40


@dataclass(frozen=True)
class Line:
    """One thing that was tried; `small` says more of it."""

    label: str
    small: str
    strip: Strip | None
    effect: str
    prompts: str


@dataclass(frozen=True)
class Comparison:
    """A table of effects of the same kind; `left` further lines are not shown."""

    key: str
    title: str
    column: str
    lines: Sequence[Line]
    left: int


def is_compared(card: Mapping[str, Json], key: str) -> bool:
    """Whether a card's value has the form that a table is made of."""
    value = card.get(key)
    if key not in COMPARED or not isinstance(value, list) or not value:
        return False
    return all(
        isinstance(one, Mapping) and "effect" in one and one.keys() <= _KEYS for one in value
    )


def comparisons(card: Mapping[str, Json]) -> list[Comparison]:
    """The tables of a card that has any."""
    found = card.get("confirmation")
    whole = found.get("effect") if isinstance(found, Mapping) else None
    made = []
    for key, (title, column, named) in COMPARED.items():
        if not is_compared(card, key):
            continue
        tried: list[Mapping[str, Json]] = list(card[key])
        scale = scale_of([whole, *(one["effect"] for one in tried)])
        counts = Counter(str(one.get(named)) for one in tried)
        lines = [_line(_WHOLE[key], "", whole, scale)] if isinstance(whole, Mapping) else []
        for one in tried[:MOST]:
            name = str(one.get(named) or "not named")
            # Two words may be the same: only the edit that is left tells which of them is missing.
            small = str(one.get("label") or "") if counts[name] > 1 else ""
            lines.append(
                _line(
                    name.removeprefix("without "), small, one["effect"], scale, one.get("problem")
                )
            )
        made.append(Comparison(key, title, column, lines, max(0, len(tried) - MOST)))
    return made


def scale_of(estimates: Iterable[Json]) -> Scale:
    """One axis for some estimates."""
    found = [numbers.as_number(x) for one in estimates for x in numbers.ends(one) or ()]
    return Scale.of([x for x in found if x is not None])


def _line(label: str, small: str, effect: Json, scale: Scale, problem: Json = None) -> Line:
    ends = numbers.ends(effect)
    missing = f"not measured: {clip(str(problem), 300)}" if problem else "not measured"
    return Line(
        label=visible(clip(label, 300)),
        small=visible(clip(small, 300)),
        strip=scale.strip(ends),
        effect=visible(missing) if ends is None else numbers.interval(ends),
        prompts=numbers.prompts(effect) or numbers.MISSING,
    )
