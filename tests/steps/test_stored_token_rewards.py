"""Rewards token by token, stored beside the tokens; who has none is told where it stands."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pyrite.errors import ConfigError
from tests.steps.experiments import run_storing

QUESTIONS, PAIRS = "builtin:demo/questions.jsonl", "builtin:demo/pairs.jsonl"
STORE = "[score, chosen_end_scores, margin, tokens, token_rewards]"


@pytest.mark.parametrize(
    "sides", [{"": "score"}, {"chosen_": "chosen_end_scores", "rejected_": ""}]
)
def test_a_list_beside_the_tokens(tmp_path: Path, sides: dict[str, str]) -> None:
    data = PAIRS if "chosen_" in sides else QUESTIONS
    table = run_storing(tmp_path, STORE, data=data).table("scores")
    for prefix, score in sides.items():
        scores = table[score] if score else table["chosen_end_scores"] - table["margin"]
        for row in range(len(table)):
            rewards = np.asarray(table[f"{prefix}token_rewards"][row])
            texts = table[f"{prefix}token_texts"][row]
            assert len(rewards) == len(texts) == len(table[f"{prefix}tokens"][row])
            assert rewards[table[f"{prefix}read_at"][row]] == pytest.approx(scores[row], abs=1e-5)
            assert "".join(texts).endswith("<|endoftext|>")


def test_adjacent_pairs(tmp_path: Path) -> None:
    calls = "pairs: adjacent\n  chunk_size: 4"
    table = run_storing(tmp_path, STORE, data=QUESTIONS, settings=calls).table("scores")
    for row in range(len(table)):
        rewards = table["chosen_token_rewards"][row]
        if np.isnan(table["chosen_end_scores"][row]):
            assert rewards is None
        else:
            assert rewards[-1] == pytest.approx(table["chosen_end_scores"][row], abs=1e-5)


def test_a_model_that_has_none(tmp_path: Path) -> None:
    file = tmp_path / "my.py"
    file.write_text("def score(prompt, response): return float(len(response))\n")
    model = f"{{id: tiny, entrypoint: '{file}:score'}}"
    with pytest.raises(ConfigError) as caught:
        run_storing(tmp_path, STORE, data=QUESTIONS, model=model)
    (mistake,) = [one for one in caught.value.mistakes if "token_rewards" in str(one)]
    assert "query.scores.store: the model 'tiny' cannot give 'token_rewards'" in str(mistake)
    assert "linear head" in str(mistake)
