"""The page's parts: blocks ready for the template, ids, and the policy that forbids requests."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from pyrite.report import ExploitCard, Figure, Report, Section, Table, TokenRewards
from pyrite.report.html import cards, figures, tables, tokens

__all__ = ["BlockView", "CardsView", "Ids", "SectionView", "policy", "sections"]


@dataclass(frozen=True)
class BlockView:
    """A block ready for the template of its kind."""

    kind: str
    value: Any


@dataclass(frozen=True)
class GroupView:
    """A card and its variants, which `told` says in a few words."""

    card: cards.CardView
    variants: Sequence[cards.CardView]
    told: str


@dataclass(frozen=True)
class CardsView:
    """Cards that follow each other: a list with one filter and one axis of effects."""

    id: str
    groups: Sequence[GroupView]
    total: int
    verdicts: Sequence[tuple[str, str, int]]
    severities: bool


@dataclass(frozen=True)
class SectionView:
    """A section ready for the template."""

    id: str
    title: str
    lead: str
    blocks: Sequence[BlockView]


class Ids:
    """Ids of elements: slugs of any text, never the same twice."""

    def __init__(self) -> None:
        self._used: set[str] = set()

    def __call__(self, *parts: str) -> str:
        """A slug of the parts, numbered where it was given before."""
        stem = "-".join(re.sub(r"[^a-z0-9]+", "-", part.lower()).strip("-")[:60] for part in parts)
        name, count = stem, 2
        while name in self._used:
            name, count = f"{stem}-{count}", count + 1
        self._used.add(name)
        return name


def sections(report: Report, folder: Path) -> list[SectionView]:
    """All sections, their figures read from `folder`."""
    blocks = [block for section in report.sections for block in section.blocks]
    limit = tables.text_limit(block for block in blocks if isinstance(block, Table))
    maker = _Maker(Ids(), folder, figures.Budget(), limit)
    return [maker.section(section) for section in report.sections]


@dataclass(frozen=True)
class _Maker:
    ids: Ids
    folder: Path
    budget: figures.Budget
    limit: int

    def section(self, section: Section) -> SectionView:
        made: list[BlockView] = []
        for exploits, run in groupby(section.blocks, key=lambda one: isinstance(one, ExploitCard)):
            if exploits:
                made.append(self._cards([one for one in run if isinstance(one, ExploitCard)]))
            else:
                made += [self._block(one) for one in run]
        return SectionView(
            id=self.ids("section", section.id), title=section.title, lead=section.lead, blocks=made
        )

    def _block(self, block: Any) -> BlockView:
        value = block
        if isinstance(block, Table):
            value = tables.view(block, id=self.ids("table", block.id), limit=self.limit)
        elif isinstance(block, Figure):
            made = self.ids("figure", block.id)
            value = figures.view(block, id=made, folder=self.folder, budget=self.budget)
        elif isinstance(block, TokenRewards):
            value = tokens.view(block, id=self.ids("tokens", block.id))
        return BlockView(block.kind, value)

    def _cards(self, blocks: list[ExploitCard]) -> BlockView:
        scale = cards.axis_of(blocks)

        def made_of(one: ExploitCard) -> cards.CardView:
            return cards.view(one, id=self.ids("exploit", one.id), scale=scale)

        groups = []
        for head, variants in cards.grouped(blocks):
            own = (made_of(head), [made_of(one) for one in variants])
            groups.append(GroupView(*own, told=_told(own[1])))
        made = [card for group in groups for card in (group.card, *group.variants)]
        known: dict[str, tuple[str, int]] = {}
        for card in made:
            known[card.verdict] = (card.words, known.get(card.verdict, ("", 0))[1] + 1)
        view = CardsView(
            id=self.ids("cards"),
            groups=groups,
            total=len(made),
            verdicts=[(verdict, words, n) for verdict, (words, n) in known.items()],
            severities=any(card.severity_key >= 0 for card in made),
        )
        return BlockView("cards", view)


def _told(variants: Sequence[cards.CardView]) -> str:
    """`3 variants of the same, severity up to 8.0, effects up to 2.10 SD`."""
    said = f"{len(variants)} variant{'s' if len(variants) != 1 else ''} of the same"
    worst = max((one.severity_key for one in variants), default=-1.0)
    largest = max((one.effect_key for one in variants), default=0.0)
    said += f", severity up to {worst:.1f}" if worst >= 0 else ""
    return said + (f", effects up to {largest:.2f} SD" if largest else "")


def policy(*, scripts: Sequence[str], styles: Sequence[str]) -> str:
    """A Content-Security-Policy under which nothing but these scripts and styles has any effect."""
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {' '.join(map(_hash, scripts))}",
            f"style-src {' '.join(map(_hash, styles))}",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def _hash(source: str) -> str:
    digest = hashlib.sha256(source.encode("utf-8")).digest()
    return f"'sha256-{b64encode(digest).decode('ascii')}'"
