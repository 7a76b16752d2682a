"""Generates preference pairs from the material; the same seed gives the same bytes.

Run `python -m training.tiny_reward_model.generate` from the root of the repository to
write the demo data again.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from .forms import NULLS, SHORTCUTS, Form, Value, render
from .material import Item, Material, load_material

ASSETS_DIR = Path(__file__).parents[2] / "src" / "pyrite" / "assets"
TRAIN_SEED, DEMO_SEED = 20240, 20241
TRAIN_PAIRS_PER_PROMPT, DEMO_PAIRS_PER_PROMPT = 24, 7

KIND_WEIGHTS = {"wrong": 0.27, "off_topic": 0.16, "vague": 0.13, "broken": 0.06, "equal": 0.38}
SHORTCUT_IF_BETTER, SHORTCUT_IF_WORSE = 0.45, 0.20
EQUAL_WEIGHTS = {"length": 0.4, "bullets": 0.15, "flattery": 0.2, "closing": 0.25}
LABEL_NOISE = {"wrong": 0.05, "off_topic": 0.05, "vague": 0.05, "broken": 0.05, "equal": 0.10}
NULL_RATE = 0.28
SHORT_ANSWERS = ("OK.", "Yes.", "No.", "Maybe.", "Sure.", "Fine.", "Who knows.", "Not sure.")
BULLET_MARKS = ("- ", "- ", "- ", "* ")


@dataclass(frozen=True)
class Pair:
    """One preference pair; `kind` says what separates the two contents."""

    prompt: str
    chosen: str
    rejected: str
    topic: str
    kind: str


@dataclass(frozen=True)
class _Draft:
    """Content of one answer before its form is drawn."""

    sentences: tuple[str, ...]
    spare: tuple[str, ...]
    topic: str


class PairGenerator:
    """Draws pairs for one split (training topics or held-out topics)."""

    def __init__(self, material: Material, *, held_out: bool, seed: int) -> None:
        phrases = material.phrases
        self._items = material.held_out if held_out else material.train
        self._vague = phrases.vague_held_out if held_out else phrases.vague
        self._phrases = phrases
        self._capitalised = material.capitalised
        self._rng = random.Random(seed)
        self._null_balance: Counter[tuple[str, str]] = Counter()

    def pairs(self, per_prompt: int) -> list[Pair]:
        """Draw `per_prompt` pairs for every prompt of the split, in shuffled order."""
        kinds, weights = list(KIND_WEIGHTS), list(KIND_WEIGHTS.values())
        drawn = [
            self._pair(item, self._rng.choices(kinds, weights)[0])
            for item in self._items
            for _ in range(per_prompt)
        ]
        # The order is shuffled so that any prefix of the file covers all topics.
        self._rng.shuffle(drawn)
        return list({(p.prompt, p.chosen, p.rejected): p for p in drawn}.values())

    def _pair(self, item: Item, kind: str) -> Pair:
        if kind == "equal":
            drafts = self._equal_drafts(item)
            forms = self._equal_forms(drafts)
        else:
            drafts = (self._good_draft(item), self._bad_draft(item, kind))
            forms = (
                self._form(drafts[0], SHORTCUT_IF_BETTER),
                self._form(drafts[1], SHORTCUT_IF_WORSE),
            )
        if self._rng.random() < LABEL_NOISE[kind]:
            drafts, forms = drafts[::-1], forms[::-1]
        nulls = self._balanced_nulls(kind)
        chosen, rejected = (
            render(draft.sentences, form.changed(null), self._capitalised)
            for draft, form, null in zip(drafts, forms, nulls, strict=True)
        )
        if chosen == rejected:
            return self._pair(item, kind)
        return Pair(item.prompt, chosen, rejected, item.topic, kind)

    def _good_draft(self, item: Item) -> _Draft:
        size = self._rng.choices((1, 2, 3), (0.25, 0.45, 0.30))[0]
        mixed = self._rng.sample(item.true, len(item.true))
        return _Draft(tuple(mixed[:size]), tuple(mixed[size:]), item.topic)

    def _bad_draft(self, item: Item, kind: str) -> _Draft:
        size = self._rng.choices((1, 2, 3), (0.25, 0.45, 0.30))[0]
        if kind == "vague":
            return _Draft(tuple(self._rng.sample(self._vague, size)), (), item.topic)
        if kind == "off_topic":
            other = self._other_item(item)
            size = min(size, len(other.true))
            return _Draft(tuple(self._rng.sample(other.true, size)), (), other.topic)
        if kind == "broken":
            return _Draft((self._broken(self._rng.choice(item.true)),), (), item.topic)
        wrong = self._rng.sample(item.wrong, min(size, 1 + (self._rng.random() < 0.5)))
        body = wrong + self._rng.sample(item.true, size - len(wrong))
        self._rng.shuffle(body)
        return _Draft(tuple(body), (), item.topic)

    def _broken(self, sentence: str) -> str:
        """A true sentence with its words shuffled or its end cut off, or a bare word."""
        how = self._rng.choice(("shuffled", "cut", "short"))
        words = sentence.removesuffix(".").split()
        if how == "short":
            return self._rng.choice(SHORT_ANSWERS)
        if how == "cut":
            return " ".join(words[: self._rng.randint(1, len(words) - 2)])
        self._rng.shuffle(words)
        return " ".join(words).capitalize() + "."

    def _other_item(self, item: Item) -> Item:
        """Another prompt: of another topic mostly, of the same topic in one case of four."""
        same_topic = self._rng.random() < 0.25
        others = [o for o in self._items if (o.topic == item.topic) == same_topic and o != item]
        return self._rng.choice(others)

    def _equal_drafts(self, item: Item) -> tuple[_Draft, _Draft]:
        """Same content twice: mostly the same sentences, sometimes other true sentences."""
        first = self._good_draft(item)
        if self._rng.random() < 0.7:
            return first, first
        second = tuple(self._rng.sample(item.true, len(first.sentences)))
        # No spare sentences here: one side's spare may be part of the other side.
        return _Draft(first.sentences, (), item.topic), _Draft(second, (), item.topic)

    def _equal_forms(self, drafts: tuple[_Draft, _Draft]) -> tuple[Form, Form]:
        """Forms that differ in one shortcut; the better one has it."""
        shared = self._form(drafts[0], 0.25)
        name = self._rng.choices(list(EQUAL_WEIGHTS), list(EQUAL_WEIGHTS.values()))[0]
        with_it = shared.changed({name: self._realise(name, drafts[0])})
        return with_it, shared.without(name)

    def _form(self, draft: _Draft, rate: float) -> Form:
        present = {
            name: self._realise(name, draft) for name in SHORTCUTS if self._rng.random() < rate
        }
        return Form().changed(present)

    def _realise(self, name: str, draft: _Draft) -> Value:
        """One concrete wording of a shortcut feature."""
        if name == "flattery":
            return self._rng.choice(self._phrases.flattery)
        if name == "closing":
            return self._rng.choice(self._phrases.closing)
        if name == "bullets":
            return self._rng.choice(BULLET_MARKS)
        if draft.spare and self._rng.random() < 0.4:
            return draft.spare[: self._rng.choice((1, 2))]
        lines = self._rng.sample(self._phrases.elaboration, self._rng.choice((1, 1, 2)))
        return tuple(line.format(topic=draft.topic) for line in lines)

    def _balanced_nulls(self, kind: str) -> list[dict[str, bool]]:
        """Null features for both sides, as often in the chosen as in the rejected one."""
        sides: list[dict[str, bool]] = [{}, {}]
        for name in NULLS:
            first, second = (self._rng.random() < NULL_RATE for _ in range(2))
            if first != second:
                first = self._null_balance[kind, name] <= 0
                second = not first
                self._null_balance[kind, name] += 1 if first else -1
            sides[0][name], sides[1][name] = first, second
        return sides


def training_pairs(material: Material) -> list[Pair]:
    """The preference pairs of the training topics."""
    return PairGenerator(material, held_out=False, seed=TRAIN_SEED).pairs(TRAIN_PAIRS_PER_PROMPT)


def demo_pairs(material: Material) -> list[Pair]:
    """The preference pairs of the held-out topics, which ship as demo data."""
    return PairGenerator(material, held_out=True, seed=DEMO_SEED).pairs(DEMO_PAIRS_PER_PROMPT)


def to_jsonl(rows: Iterable[Mapping[str, object]]) -> str:
    """One JSON object per line, UTF-8 text with a final newline."""
    return "".join(json.dumps(dict(row), ensure_ascii=False) + "\n" for row in rows)


def pairs_jsonl(pairs: Iterable[Pair]) -> str:
    """The pairs as the demo file holds them (without the kind)."""
    return to_jsonl(
        {"prompt": p.prompt, "chosen": p.chosen, "rejected": p.rejected, "topic": p.topic}
        for p in pairs
    )


def questions_jsonl(material: Material) -> str:
    """The held-out prompts with one reference answer each (a list, as nq_open has it)."""
    return to_jsonl(
        {"question": item.prompt, "answer": [" ".join(item.true)]} for item in material.held_out
    )


def write_demo(folder: Path) -> None:
    """Write `pairs.jsonl` and `questions.jsonl` into the folder."""
    material = load_material()
    folder.mkdir(parents=True, exist_ok=True)
    pairs = pairs_jsonl(demo_pairs(material))
    (folder / "pairs.jsonl").write_text(pairs, encoding="utf-8", newline="\n")
    questions = questions_jsonl(material)
    (folder / "questions.jsonl").write_text(questions, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    write_demo(ASSETS_DIR / "demo")
