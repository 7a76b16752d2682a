"""Reads the hand-written material: topics, prompts, sentences and stock phrases."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MATERIAL_DIR = Path(__file__).parent / "material"
THEMES = ("home", "nature", "society", "life", "leisure")


@dataclass(frozen=True)
class Item:
    """One prompt with its true and its wrong answer sentences."""

    topic: str
    prompt: str
    true: tuple[str, ...]
    wrong: tuple[str, ...]


@dataclass(frozen=True)
class Phrases:
    """Stock phrases; the `unseen` ones never occur in training."""

    flattery: tuple[str, ...]
    flattery_unseen: tuple[str, ...]
    closing: tuple[str, ...]
    closing_unseen: tuple[str, ...]
    elaboration: tuple[str, ...]
    elaboration_unseen: tuple[str, ...]
    vague: tuple[str, ...]
    vague_held_out: tuple[str, ...]


@dataclass(frozen=True)
class Material:
    """All items, split by whole topics, with the stock phrases."""

    train: tuple[Item, ...]
    held_out: tuple[Item, ...]
    phrases: Phrases
    capitalised: frozenset[str]


def _read_json(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return data


def _read_theme(path: Path) -> list[Item]:
    return [
        Item(topic["topic"], entry["prompt"], tuple(entry["true"]), tuple(entry["wrong"]))
        for topic in _read_json(path)["topics"]
        for entry in topic["prompts"]
    ]


def _words_always_capitalised(items: list[Item]) -> frozenset[str]:
    """Words that stay capitalised inside a sentence (names, `I`, acronyms)."""
    sentences = [s for item in items for s in (item.prompt, *item.true, *item.wrong)]
    inside: set[str] = set()
    for sentence in sentences:
        inside.update(re.findall(r"[\w-]+", sentence.partition(" ")[2]))
    return frozenset(w for w in inside if w[0].isupper() and w.lower() not in inside)


def load_material(folder: Path = MATERIAL_DIR) -> Material:
    """Read the material folder and split its topics into training and held out."""
    items = [item for theme in THEMES for item in _read_theme(folder / f"{theme}.json")]
    phrases = _read_json(folder / "phrases.json")
    held_out = set(phrases.pop("held_out_topics"))
    names = frozenset(phrases.pop("names_at_sentence_start"))
    unknown = held_out - {item.topic for item in items}
    if unknown:
        raise ValueError(f"held-out topics without material: {sorted(unknown)}")
    return Material(
        train=tuple(item for item in items if item.topic not in held_out),
        held_out=tuple(item for item in items if item.topic in held_out),
        phrases=Phrases(**{name: tuple(lines) for name, lines in phrases.items()}),
        capitalised=_words_always_capitalised(items) | names,
    )
