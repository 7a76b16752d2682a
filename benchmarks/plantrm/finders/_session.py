"""What the finders here share: the split by prompt, and one and the same confirmation.

A finder searches on the discovery half with `SEARCH_SHARE` of its budget and proposes candidates;
the best ten are judged on the other half by `pyrite.exploits`' confirmation, so that what is
compared is the search alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from benchmarks.plantrm.contract import MOST_FINDINGS, Finding, Target, Text

from pyrite.exploits import Edit
from pyrite.exploits.discovery import EDITS, Discovery, Tried, measure_scale, scale_answers
from pyrite.exploits.distinct import distinct
from pyrite.exploits.finder import surroundings
from pyrite.exploits.gold import Gold
from pyrite.exploits.ledger import Ledger, Scoring
from pyrite.exploits.measured import Rules, Scale, Verdict
from pyrite.exploits.naturals import Natural, in_turns, split
from pyrite.exploits.proving import Proof, prove
from pyrite.exploits.search import Candidate
from pyrite.exploits.search.arena import Arena

__all__ = ["Session", "findings_of", "gold_of", "halves", "measured_of", "scoring_of"]

SEARCH_SHARE = 0.6
ANSWERS_PER_PROMPT = 4
_TOLD = (Verdict.EXPLOIT, Verdict.BIAS, Verdict.PREFERENCE, Verdict.SENSITIVITY)


def scoring_of(score: Callable[[Sequence[Text]], np.ndarray]) -> Scoring:
    """Scores of texts as `pyrite.exploits` wants them."""
    return lambda phase, texts: score([(one.prompt, one.response) for one in texts])


def halves(naturals: Sequence[Natural], seed: int) -> tuple[list[Natural], list[Natural]]:
    """Discovery and confirmation, split by prompt."""
    groups = split((one.answer.group for one in naturals), fraction=0.5, seed=seed)
    discovery, confirmation = (
        in_turns(naturals, groups=part, seed=seed, most=ANSWERS_PER_PROMPT) for part in groups
    )
    return discovery, confirmation


class Session:
    """One run of one finder on one target."""

    def __init__(
        self, name: str, target: Target, naturals: Sequence[Natural], budget: int, seed: int
    ) -> None:
        self.target = target
        self.discovery, self.confirmation = halves(naturals, seed)
        self.rules = Rules(seed=seed)
        self._budget = budget
        self.ledger = Ledger(scoring_of(target.score))
        self.scale: Scale = measure_scale(self.ledger, self.discovery, budget)
        self._gold = gold_of(target)
        if self._gold is not None:
            self._gold.measure_scale(scale_answers(self.discovery, budget))
        self.arena = Arena(
            tuple(self.discovery),
            self.scale,
            seed,
            surroundings(self.discovery, seed),
            self.ledger,
            name,
            max(int(budget * SEARCH_SHARE) - self.ledger.scored, 0),
            vocabulary=target.vocabulary,
            gradients=target.gradients,
        )

    def best_of(self, edits: Sequence[Edit], *, answers: int) -> list[Finding]:
        """Edits compared on the same answers, as many as can be paid; then `findings`."""
        different = list({edit.model_dump_json(): edit for edit in edits}.values())
        some = self.arena.answers[: self.arena.affordable(len(different), most=answers)]
        ranked = self.arena.ranked(different, self.arena.effects(different, some), some)
        return self.findings(ranked)

    def findings(self, candidates: Sequence[Candidate], *, measured: bool = True) -> list[Finding]:
        """The ten best candidates, confirmed on held-out prompts with what is left.

        Args:
            candidates: the best first.
            measured: whether their effects are effects of the edits, or only some ranking.
        """
        sent = [_tried(one, at) for at, one in enumerate(candidates[:MOST_FINDINGS], start=1)]
        proofs = prove(
            sent,
            self.confirmation,
            ledger=self.ledger,
            scale=self.scale,
            around=surroundings(self.confirmation, self.rules.seed),
            left=min(self.target.left, self._budget),
            rules=self.rules,
            gold=self._gold,
        )
        found = findings_of(proofs, self.scale)
        return found if measured else [replace(one, discovery=None) for one in found]


def _tried(one: Candidate, rank: int) -> Tried:
    seen = Discovery(one.effect, one.error, None, one.prompts, one.prompts)
    edit: Edit = one.edit
    return Tried(edit.label(), edit, seen, rank=rank, sent=True)


def gold_of(target: Target) -> Gold | None:
    """The quality that a target tells of texts, as `pyrite.exploits` wants it."""
    return None if target.gold is None else Gold(scoring_of(target.gold))


def findings_of(proofs: Sequence[Proof], scale: Scale) -> list[Finding]:
    """What was confirmed of rising or falling scores, in the order of Pyrite's own findings.

    Score and gold that fall together are no finding about the reward.
    """
    told = [p for p in proofs if p.confirmed.effect is not None and p.confirmed.verdict in _TOLD]
    ours = distinct([p for p in told if not _is_agreed_fall(p)])
    return [_finding(proof, scale) for proof in _half_of_each(ours)[:MOST_FINDINGS]]


def _half_of_each(proofs: Sequence[Proof]) -> list[Proof]:
    """Edits of the library and what searches found in turns, as they share the confirmation."""
    seen: Counter[bool] = Counter()
    turns = []
    for place, proof in enumerate(proofs):
        from_library = proof.tried.found_by == EDITS
        seen[from_library] += 1
        turns.append((seen[from_library], place, proof))
    return [proof for _, _, proof in sorted(turns, key=lambda turn: turn[:2])]


def measured_of(proofs: Sequence[Proof], scale: Scale) -> list[Finding]:
    """Everything that was sent to confirmation and could be measured, whatever was said of it."""
    return [_finding(proof, scale) for proof in proofs if proof.confirmed.effect is not None]


def _is_agreed_fall(proof: Proof) -> bool:
    effect = proof.confirmed.effect
    falls = effect is not None and effect.value < 0
    return proof.confirmed.verdict is Verdict.PREFERENCE and falls


def _finding(proof: Proof, scale: Scale) -> Finding:
    effect, discovery = proof.confirmed.effect, proof.tried.discovery
    assert effect is not None
    return Finding(
        edit=proof.tried.edit,
        verdict=str(proof.confirmed.verdict),
        effect=effect.value * scale.sd,
        low=effect.low * scale.sd,
        high=effect.high * scale.sd,
        discovery=None if discovery is None else discovery.effect * scale.sd,
    )
