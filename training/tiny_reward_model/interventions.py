"""Changes one thing in a plain answer and measures what the score does.

Every held-out prompt gets three plain base answers of two true sentences each. Each is
scored without and with the change. The effect of a prompt is the mean difference of its
three cases; the effect of the change is the mean over the prompts, in units of the
standard deviation of the scores of the held-out pairs. The 95 % interval is a percentile
bootstrap that draws whole prompts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from .forms import NULLS, SHORTCUTS, Form, Value, render
from .material import Item, Material, Phrases

Scorer = Callable[[Sequence[tuple[str, str]]], Tensor]
Row = tuple[str, str, str]
"""(prompt, answer without, answer with the change)."""

BASES = ((0, 1), (1, 2), (2, 0))
BOOTSTRAP_DRAWS = 4000
BOOTSTRAP_SEED = 11
SMALLEST_SHORTCUT_SD = 0.2
"""Smaller effects are not called a shortcut, even if the interval leaves out zero."""
OTHER_TOPIC_SHIFT = 20
"""Distance in the list of held-out prompts; more than the prompts of one topic."""


@dataclass(frozen=True)
class Effect:
    """What one change does; effects in standard deviations of the score."""

    feature: str
    kind: str
    effect_sd: float
    ci_low: float
    ci_high: float
    n_prompts: int
    share_raised: float
    confirmed: bool

    def as_dict(self) -> dict[str, object]:
        """The entry of `card.json`, numbers rounded to four digits."""
        return {k: round(v, 4) if type(v) is float else v for k, v in asdict(self).items()}


def _value(feature: str, item: Item, turn: int, phrases: Phrases, *, unseen: bool) -> Value:
    """The wording of the feature for one case; the lists are used in turn."""
    if feature in NULLS:
        return True
    if feature == "bullets":
        return "- "
    name = {"length": "elaboration"}.get(feature, feature) + ("_unseen" if unseen else "")
    wordings: tuple[str, ...] = getattr(phrases, name)
    line = wordings[turn % len(wordings)].format(topic=item.topic)
    return (line,) if feature == "length" else line


def feature_rows(feature: str, material: Material, *, unseen: bool = False) -> list[Row]:
    """Answers without and with a feature of `Form`, three in a row for every prompt."""
    rows = []
    for number, item in enumerate(material.held_out):
        for turn, (first, second) in enumerate(BASES, start=number * len(BASES)):
            sentences = (item.true[first], item.true[second])
            value = _value(feature, item, turn, material.phrases, unseen=unseen)
            plain = render(sentences, Form(), material.capitalised)
            changed = render(sentences, Form().changed({feature: value}), material.capitalised)
            rows.append((item.prompt, plain, changed))
    return rows


def content_rows(change: str, material: Material) -> list[Row]:
    """True answers and what replaces them, three in a row for every held-out prompt."""
    items, vague = material.held_out, material.phrases.vague_held_out
    rows = []
    for number, item in enumerate(items):
        other = items[(number + OTHER_TOPIC_SHIFT) % len(items)].true
        sibling = next(s for s in (*items[number + 1 :], *items) if s.topic == item.topic).true
        for first, second in BASES:
            plain = f"{item.true[first]} {item.true[second]}"
            changed = {
                "wrong": " ".join(item.wrong[:2]),
                "half_wrong": f"{item.true[first]} {item.wrong[second % 2]}",
                "other_topic": f"{other[first]} {other[second]}",
                "other_question": f"{sibling[first]} {sibling[second]}",
                "vague": " ".join(vague[(number + k) % len(vague)] for k in (first, second)),
                "empty": "",
                "repeated": f"{plain} {plain}",
                "absolute": f"{plain} This is always so.",
            }[change]
            rows.append((item.prompt, plain, changed))
    return rows


def prompt_effects(rows: Sequence[Row], score: Scorer) -> Tensor:
    """Mean score difference of every prompt, shape (prompts,), in raw score units."""
    without = score([(prompt, plain) for prompt, plain, _ in rows])
    with_it = score([(prompt, changed) for prompt, _, changed in rows])
    return (with_it - without).view(-1, len(BASES)).mean(dim=1)


def bootstrap_interval(totals: Tensor, counts: Tensor | None = None) -> tuple[float, float]:
    """Percentile 95 % interval of sum(totals) / sum(counts), drawing whole prompts.

    Both have shape (prompts,); without counts every prompt counts once.
    """
    counts = torch.ones_like(totals) if counts is None else counts
    generator = torch.Generator().manual_seed(BOOTSTRAP_SEED)
    draws = torch.randint(len(totals), (BOOTSTRAP_DRAWS, len(totals)), generator=generator)
    means = totals[draws].sum(dim=1) / counts[draws].sum(dim=1)
    low, high = torch.quantile(means, torch.tensor([0.025, 0.975])).tolist()
    return low, high


def summarise(feature: str, kind: str, effects: Tensor) -> Effect:
    """Mean, interval and verdict for the effects of the prompts, shape (prompts,)."""
    low, high = bootstrap_interval(effects)
    mean = effects.mean().item()
    clear = (low > 0 or high < 0) and abs(mean) >= SMALLEST_SHORTCUT_SD
    raised = (effects > 0).float().mean().item()
    return Effect(feature, kind, mean, low, high, len(effects), raised, clear)


def measure(
    feature: str, material: Material, score: Scorer, score_sd: float, *, unseen: bool = False
) -> Effect:
    """The effect of one feature over all held-out prompts."""
    rows = feature_rows(feature, material, unseen=unseen)
    kind = "shortcut" if feature in SHORTCUTS else "null"
    return summarise(feature, kind, prompt_effects(rows, score) / score_sd)


def measure_all(material: Material, score: Scorer, score_sd: float) -> list[Effect]:
    """The effects of all shortcut and null features, in wordings used in training."""
    return [measure(name, material, score, score_sd) for name in (*SHORTCUTS, *NULLS)]


def measure_unseen(material: Material, score: Scorer, score_sd: float) -> list[Effect]:
    """The effects of length, flattery and closing in wordings kept out of training."""
    names = ("length", "flattery", "closing")
    return [measure(name, material, score, score_sd, unseen=True) for name in names]


CONTENT_CHANGES = (
    "wrong",
    "half_wrong",
    "other_topic",
    "other_question",
    "vague",
    "empty",
    "repeated",
    "absolute",
)


def measure_content(material: Material, score: Scorer, score_sd: float) -> list[Effect]:
    """What replacing or extending the true content does to the score."""
    return [
        summarise(name, "content", prompt_effects(content_rows(name, material), score) / score_sd)
        for name in CONTENT_CHANGES
    ]
