"""Exploit cards: from the card's JSON to what the template shows.

A card may come from another version: a key that is missing is left out or told as not measured,
one that is unknown is shown as a definition list.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyrite.report import ExploitCard
from pyrite.report.html import numbers
from pyrite.report.html.comparisons import COMPARED, Comparison, comparisons, is_compared, scale_of
from pyrite.report.html.examples import Example, examples
from pyrite.report.html.interval_strips import Scale, Strip
from pyrite.report.html.json_nodes import Definitions, Node, node
from pyrite.report.html.texts import clip, prose, visible
from pyrite.report.html.words import verdict_level, verdict_words
from pyrite.types import Json

__all__ = ["CardView", "Row", "axis_of", "grouped", "view"]

_EFFECTS = {
    "effect": "Edit minus before",
    "net": "Edit minus placebo",
    "placebo": "Placebo minus before",
    "random": "Random string of the same length minus before",
    "gold": "Gold: edit minus before",
}
_SHARES = {
    "raised": "Prompts whose score rose",
    "flipped": "Rightly ordered pairs turned by the edit",
}
_TITLES = {
    "severity": "Severity",
    **{key: title for key, (title, _, _) in COMPARED.items()},
    "found_by": "Found by",
    "rank": "Rank at discovery",
    "tried": "Edits tried",
}
_EXPECTED = {"ablation": "parts of the edit alone", "dose": "other doses of the edit"}
_KNOWN = {
    "claim", "verdict", "reason", "edit", "model", "data", "unit", "confirmation", "discovery",
    "examples", "texts_scored", "reproduce", "limits", "controls_of_the_run", "gold", "id",
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """A line of the table of effects."""

    label: str
    confirmed: str
    strip: Strip | None
    discovered: str
    prompts: str


@dataclass(frozen=True)
class CardView:
    """A card ready for the template; texts are visible, not yet escaped."""

    id: str
    title: str
    verdict: str
    words: str
    level: str
    claim: str
    reason: str
    severity: str
    severity_key: float
    vector: str
    effect: str
    effect_key: float
    prompts: str
    strip: Strip | None
    rows: Sequence[Row]
    sentences: Sequence[str]
    examples: Sequence[Example]
    comparisons: Sequence[Comparison]
    facts: Node
    extra: Sequence[tuple[str, Node]]
    command: str
    limits: Sequence[str]


def grouped(blocks: Sequence[ExploitCard]) -> list[tuple[ExploitCard, list[ExploitCard]]]:
    """Cards in the order of the report, each with its variants."""
    names = {block.id for block in blocks if not block.variant_of}
    return [
        (head, [x for x in blocks if x.variant_of == head.id and head.id in names])
        for head in blocks
        if head.variant_of not in names
    ]


def axis_of(blocks: Sequence[ExploitCard]) -> Scale:
    """One axis for the effects of all cards, so that their strips can be compared."""
    return scale_of(_map(block.card, "confirmation").get("effect") for block in blocks)


def view(block: ExploitCard, *, id: str, scale: Scale) -> CardView:
    """Everything that a card shows."""
    card = block.card
    edit, found = _map(card, "edit"), _map(card, "confirmation")
    title = _text(edit, "label") or block.id
    verdict = _text(card, "verdict")
    severity, effect = _severity(block), found.get("effect")
    return CardView(
        id=id,
        title=visible(clip(title, 200)),
        verdict=visible(verdict),
        words=visible(verdict_words(verdict)) or "no verdict",
        level=verdict_level(verdict),
        claim=_claim(_text(card, "claim"), title),
        reason=_sentence(_text(card, "reason")),
        severity=numbers.MISSING if severity is None else f"{severity:.1f}",
        severity_key=-1.0 if severity is None else severity,
        vector=visible(_vector(card)),
        effect=numbers.interval(numbers.ends(effect)),
        effect_key=abs(_value(effect) or 0.0),
        prompts=numbers.prompts(effect),
        strip=scale.strip(numbers.ends(effect)),
        rows=_rows(card),
        sentences=_sentences(card),
        examples=examples(card.get("examples")),
        comparisons=comparisons(card),
        facts=_facts(card),
        extra=_extra(card),
        command=visible(block.command or _text(_map(card, "reproduce"), "command")),
        limits=_limits(card),
    )


def _map(content: Mapping[str, Json], key: str) -> Mapping[str, Json]:
    found = content.get(key)
    return found if isinstance(found, Mapping) else {}


def _text(content: Mapping[str, Json], key: str) -> str:
    found = content.get(key)
    return "" if found is None else str(found)


def _value(found: Json) -> float | None:
    return numbers.as_number(found.get("value")) if isinstance(found, Mapping) else None


def _severity(block: ExploitCard) -> float | None:
    found = block.card.get("severity")
    score = found.get("score") if isinstance(found, Mapping) else found
    return numbers.as_number(score if block.severity is None else block.severity)


def _vector(card: Mapping[str, Json]) -> str:
    found = _map(card, "severity").get("vector")
    if isinstance(found, Mapping):
        parts = [(str(k), numbers.as_number(x), x) for k, x in found.items()]
        return " / ".join(f"{k} {raw if x is None else f'{x:.2f}'}" for k, x, raw in parts)
    return "" if found is None else clip(str(found), 300)


def _claim(claim: str, title: str) -> str:
    """The claim without the name and the verdict, which stand beside it."""
    rest = claim.removeprefix(f"{title}: ")
    rest = re.sub(r"^[a-z ]{3,40}: ", "", rest, count=1)
    return _sentence(rest)


def _sentence(text: str) -> str:
    text = visible(clip(prose(text.strip()), 3000))
    end = "" if not text or text[-1] in ".!?…]" else "."
    return f"{text[:1].upper()}{text[1:]}{end}"


def _rows(card: Mapping[str, Json]) -> list[Row]:
    found, discovery = _map(card, "confirmation"), _map(card, "discovery")
    scale = scale_of(found.get(name) for name in _EFFECTS)
    rows = []
    for name, label in {**_EFFECTS, **_SHARES}.items():
        one = found.get(name)
        if not isinstance(one, Mapping):
            continue
        shares = name in _SHARES
        early = numbers.as_number(discovery.get(name))
        rows.append(
            Row(
                label=label,
                confirmed=_shares(one) if shares else numbers.interval(numbers.ends(one)),
                strip=None if shares else scale.strip(numbers.ends(one)),
                discovered=numbers.number(early) if early is not None else numbers.MISSING,
                prompts=numbers.prompts(one) or numbers.MISSING,
            )
        )
    return rows


def _shares(one: Mapping[str, Json]) -> str:
    value, low, high = (numbers.as_number(x) for x in numbers.ends(one))
    if value is None or low is None or high is None:
        return numbers.interval(numbers.ends(one))
    return f"{value:.0%} [{low:.0%}, {high:.0%}]"


def _sentences(card: Mapping[str, Json]) -> list[str]:
    """Discovery, p and q, answers left out: whatever of it the card has."""
    found, discovery = _map(card, "confirmation"), _map(card, "discovery")
    said = []
    p, q = (numbers.as_number(found.get(key)) for key in ("p", "q"))
    if p is not None and q is not None:
        dropped = numbers.count(found.get("dropped"))
        said.append(
            f"p = {p:.2g}, q = {q:.2g}, over {numbers.count(found.get('answers'))} answers; "
            f"{dropped} left out for a missing score."
        )
    margins = numbers.as_number(found.get("in_median_margins"))
    if margins is not None:
        said.append(f"The effect is {numbers.number(margins)} median margins of pairs.")
    said += _found_by(discovery)
    if discovery.get("rank") is not None:
        said.append(
            f"At discovery, on {numbers.count(discovery.get('prompts'))} other prompts, it was "
            f"number {numbers.count(discovery.get('rank'))} of "
            f"{numbers.count(discovery.get('edits_measured'))} edits measured; "
            f"{numbers.count(discovery.get('edits_confirmed_together'))} were sent to "
            "confirmation, over which q is corrected."
        )
    return said


def _found_by(discovery: Mapping[str, Json]) -> list[str]:
    """Which search made the edit, how, and among how many."""
    name, how = _text(discovery, "found_by"), _text(discovery, "how")
    if not name:
        return []
    among = numbers.as_number(discovery.get("candidates"))
    many = "" if among is None else numbers.count(among)
    if name == "edits":
        return [f"It is one of {many} edits of the library." if many else "It is an edit by name."]
    made = f"The search {name!r} made it" + (f" ({how})" if how else "")
    return [visible(clip(f"{made}, among {many} candidates." if many else f"{made}.", 1000))]


def _controls(card: Mapping[str, Json]) -> dict[str, Json]:
    """What the run found where there is nothing, and of what was planted."""
    given = _map(card, "controls_of_the_run")
    if not given.keys() <= {"null_sent", "null_confirmed", "planted"}:
        return {"Controls of the run on itself": dict(given)}
    told: dict[str, Json] = {}
    if "null_sent" in given:
        told["Null control"] = (
            f"{numbers.count(given.get('null_confirmed'))} of {numbers.count(given['null_sent'])} "
            "edits that do nothing were confirmed"
        )
    planted = given.get("planted")
    if isinstance(planted, Mapping) and planted:
        for there, what in ((True, "found"), (False, "not found")):
            names = [str(name) for name, seen in planted.items() if bool(seen) is there]
            if names:
                told[f"Planted, {what}"] = "; ".join(names)
    return told


def _facts(card: Mapping[str, Json]) -> Definitions:
    edit, unit, again = _map(card, "edit"), _map(card, "unit"), _map(card, "reproduce")
    given: dict[str, Json] = {
        "Finding": card.get("id"),
        "Edit": _text(edit, "does"),
        "Family and place": ", ".join(
            x for x in (_text(edit, "family"), _text(edit, "place")) if x
        ),
        "Quality, by the edit's own claim": _text(edit, "quality"),
        "Identity": edit.get("identity"),
        "Model": card.get("model"),
        "Data": card.get("data"),
        "1 SD": _unit(unit),
        "Texts scored": card.get("texts_scored"),
        "Seed": again.get("seed"),
        "Budget": again.get("budget"),
        "Gold, a measure of quality": card.get("gold"),
        **_controls(card),
    }
    known = {"label", "does", "family", "place", "quality", "identity"}
    given |= {f"Edit: {key}": x for key, x in edit.items() if key not in known}
    return Definitions([(k, node(x, depth=1)) for k, x in given.items() if x not in (None, "", {})])


def _unit(unit: Mapping[str, Json]) -> str:
    sd = numbers.as_number(unit.get("sd"))
    if sd is None:
        return ""
    return (
        f"{sd:.4g} score units: the SD of {numbers.count(unit.get('answers'))} natural answers "
        f"({_text(unit, 'of')}, {numbers.count(unit.get('prompts'))} prompts)"
    )


def _extra(card: Mapping[str, Json]) -> list[tuple[str, Node]]:
    extra = []
    for key, value in card.items():
        if key in _KNOWN or is_compared(card, key) or value is None or value in ([], {}, ""):
            continue
        if key == "severity":
            value = _other_than_score(value)
            if not value:
                continue
        extra.append(
            (_TITLES.get(key, visible(clip(key.replace("_", " "), 120)).capitalize()), node(value))
        )
    return extra


def _other_than_score(value: Json) -> Json:
    if not isinstance(value, Mapping):
        return None
    return {k: x for k, x in value.items() if k not in ("score", "vector")}


def _limits(card: Mapping[str, Json]) -> list[str]:
    given = card.get("limits")
    said = [given] if isinstance(given, str) else list(given) if isinstance(given, list) else []
    found = _map(card, "confirmation")
    missing = [
        label[0].lower() + label[1:]
        for name, label in {**_EFFECTS, **_SHARES}.items()
        if name in found and found[name] is None
    ]
    missing += [words for key, words in _EXPECTED.items() if key in card and not card[key]]
    if missing:
        said.append(f"Not measured: {'; '.join(missing)}.")
    if "gold" in found and found["gold"] is None and not card.get("gold"):
        said.append(
            "Whether people agree was not asked: what the edit does to quality is its own claim."
        )
    if not card.get("transfer"):
        said.append("One model and one set of data; transfer to others was not measured.")
    return [visible(clip(str(one), 1000)) for one in said]
