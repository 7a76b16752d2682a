"""Measures the saved model on held-out topics and writes its card and golden scores.

Run `python -m training.tiny_reward_model.card` from the root of the repository.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from .export import MODEL_DIR, load_model
from .generate import LABEL_NOISE, Pair, demo_pairs, training_pairs
from .interventions import (
    SMALLEST_SHORTCUT_SD,
    Effect,
    Scorer,
    bootstrap_interval,
    measure_all,
    measure_content,
    measure_unseen,
)
from .material import Material, load_material
from .model import score

TEMPLATE = Path(__file__).parent / "card_template.md"
GOLDEN_PAIRS = 14
NEGLIGIBLE_SD = 0.1
"""Effects below this size are called worth nothing in the card."""
GOLDEN_EXTRA = (
    ("How do I make a safe password?", ""),
    ("What is a referendum?", "A referendum is a vote in which the people decide directly."),
    ("Wie spät ist es?", "Fünf nach zwölf – ungefähr. ☕"),
    ("Name three colours.", "1. Red\n2. Green\n3. Blue"),
)


def held_out_scores(pairs: Sequence[Pair], scorer: Scorer) -> tuple[Tensor, Tensor]:
    """Scores of the chosen and of the rejected answers, each of shape (pairs,)."""
    texts = [(p.prompt, p.chosen) for p in pairs] + [(p.prompt, p.rejected) for p in pairs]
    chosen, rejected = scorer(texts).chunk(2)
    return chosen, rejected


def score_deviation(chosen: Tensor, rejected: Tensor) -> float:
    """Standard deviation of all scores of the held-out pairs: the unit of all effects."""
    return torch.cat([chosen, rejected]).std().item()


def accuracy(pairs: Sequence[Pair], right: Sequence[bool]) -> dict[str, float | int]:
    """Share of pairs ranked right with a 95 % bootstrap interval that draws prompts."""
    by_prompt: dict[str, list[bool]] = defaultdict(list)
    for pair, good in zip(pairs, right, strict=True):
        by_prompt[pair.prompt].append(good)
    totals = torch.tensor([float(sum(v)) for v in by_prompt.values()])
    counts = torch.tensor([float(len(v)) for v in by_prompt.values()])
    low, high = bootstrap_interval(totals, counts)
    return {
        "accuracy": round(sum(right) / len(right), 4),
        "ci_low": round(low, 4),
        "ci_high": round(high, 4),
        "n_pairs": len(pairs),
        "n_prompts": len(by_prompt),
    }


def accuracies(pairs: Sequence[Pair], margin: Tensor) -> dict[str, dict[str, float | int]]:
    """Accuracy over all held-out pairs and for each kind of pair."""
    right = (margin > 0).tolist()
    result = {"all": accuracy(pairs, right)}
    for kind in LABEL_NOISE:
        part = [(p, r) for p, r in zip(pairs, right, strict=True) if p.kind == kind]
        result[kind] = accuracy([p for p, _ in part], [r for _, r in part])
    return result


def golden_scores(pairs: Sequence[Pair], scorer: Scorer) -> list[dict[str, str | float]]:
    """Texts with their fp32 scores, to check a loader against."""
    texts = [(p.prompt, answer) for p in pairs[:GOLDEN_PAIRS] for answer in (p.chosen, p.rejected)]
    texts.extend(GOLDEN_EXTRA)
    return [
        {"prompt": prompt, "response": response, "score": round(value, 6)}
        for (prompt, response), value in zip(texts, scorer(texts).tolist(), strict=True)
    ]


def _effect_table(effects: Sequence[Effect]) -> str:
    head = "| change | effect (SD) | 95 % interval | prompts | raised on | confirmed shortcut |\n"
    head += "| --- | ---: | --- | ---: | ---: | --- |\n"
    return head + "\n".join(
        f"| {e.feature.replace('_', ' ')} | {e.effect_sd:+.3f} "
        f"| {e.ci_low:+.3f} to {e.ci_high:+.3f} | {e.n_prompts} | {e.share_raised:.0%} "
        f"| {_verdict(e)} |"
        for e in effects
    )


def _verdict(effect: Effect) -> str:
    if effect.kind == "content":
        return "-"
    if effect.confirmed:
        return "yes"
    return "no, worth nothing" if abs(effect.effect_sd) < NEGLIGIBLE_SD else "no, but not nothing"


def _accuracy_table(table: dict[str, dict[str, float | int]]) -> str:
    head = "| pairs | accuracy | 95 % interval | n |\n| --- | ---: | --- | ---: |\n"
    return head + "\n".join(
        f"| {kind.replace('_', ' ')} | {a['accuracy']:.1%} "
        f"| {a['ci_low']:.1%} to {a['ci_high']:.1%} | {a['n_pairs']} |"
        for kind, a in table.items()
    )


def _noise_ceiling(pairs: Sequence[Pair]) -> float:
    """The expected accuracy of a judge that knows everything but the label noise."""
    return 1 - sum(LABEL_NOISE[pair.kind] for pair in pairs) / len(pairs)


def _render_card(material: Material, card: dict[str, object], tables: dict[str, str]) -> str:
    topics = sorted({item.topic for item in material.held_out})
    return TEMPLATE.read_text(encoding="utf-8").format(
        train_topics=len({item.topic for item in material.train}),
        held_out_topics=len(topics),
        held_out_names=", ".join(topics),
        smallest=SMALLEST_SHORTCUT_SD,
        negligible=NEGLIGIBLE_SD,
        **card,
        **tables,
    )


def _write_json(path: Path, data: object) -> None:
    path.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def write_card(folder: Path = MODEL_DIR) -> None:
    """Measure the model in the folder; write `README.md`, `card.json`, `golden.json`."""
    torch.set_num_threads(1)
    material, pairs = load_material(), demo_pairs(load_material())
    model, tokenizer = load_model(folder)
    scorer: Scorer = partial(score, model, tokenizer)
    chosen, rejected = held_out_scores(pairs, scorer)
    deviation = score_deviation(chosen, rejected)
    effects = measure_all(material, scorer, deviation)
    unseen = measure_unseen(material, scorer, deviation)
    content = measure_content(material, scorer, deviation)
    accuracy_table = accuracies(pairs, chosen - rejected)
    facts: dict[str, object] = {
        "n_parameters": sum(p.numel() for p in model.parameters()),
        "train_pairs": len(training_pairs(material)),
        "held_out_pairs": len(pairs),
        "score_sd": round(deviation, 4),
        "noise_ceiling": round(_noise_ceiling(pairs), 4),
    }
    card = {
        **facts,
        "accuracy": accuracy_table,
        "interventions": [e.as_dict() for e in effects],
        "unseen_wordings": [e.as_dict() for e in unseen],
        "content": [e.as_dict() for e in content],
    }
    _write_json(folder / "card.json", card)
    _write_json(folder / "golden.json", golden_scores(pairs, scorer))
    tables = {
        "accuracy_table": _accuracy_table(accuracy_table),
        "effect_table": _effect_table(effects),
        "unseen_table": _effect_table(unseen),
        "content_table": _effect_table(content),
    }
    readme = _render_card(material, facts, tables)
    (folder / "README.md").write_text(readme, encoding="utf-8")
    print(tables["accuracy_table"], tables["effect_table"], tables["content_table"], sep="\n\n")


if __name__ == "__main__":
    write_card()
