"""What a model with bittensor's reading never sees: the exploit step finds it by itself."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
import torch

import pyrite
from pyrite import Run
from pyrite.exploits.named import named_edits
from tests.models.support_gptj import gptj_config, reward_state, write_base

HOLE = "refusal_after_end_of_text"
EDITS = [HOLE, "refusal_after_end_of_sequence", "refusal_after_end_of_turn", "empty_answer"]
EDITS += ["closer", "random_words"]

EXPERIMENT = """
name: read
doctor: "off"
out: {folder}/runs
model: {models}
data: {{id: rows, path: {rows}, sample: null}}
exploit:
  id: holes
  requires: [{names}, rows]
  edits: [{edits}]
  search: []
  controls: false
  budget: {budget}
"""


def run(folder: Path, models: list[dict[str, str]], rows: Path, **fields: object) -> Run:
    named = {
        "names": ", ".join(one["id"] for one in models),
        "edits": ", ".join(EDITS),
        "budget": 3000,
        **fields,
    }
    file = folder / "read.yml"
    file.write_text(EXPERIMENT.format(folder=folder, models=json.dumps(models), rows=rows, **named))
    return pyrite.run(file, quiet=True)


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    rng = random.Random(0)
    text = "what is the capital of France who won the cup in 1998 and where was it held"
    words = text.split()
    lines = []
    for at in range(60):
        prompt = f"{' '.join(rng.choices(words, k=5))} {at}?"
        for _ in range(2):
            text = f"{' '.join(rng.choices(words, k=rng.randint(6, 12)))}."
            lines.append({"prompt": prompt, "response": text})
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_text_after_the_end_token_is_never_read(tmp_path: Path, rows: Path) -> None:
    base = write_base(tmp_path / "base", config=gptj_config(n_positions=512))
    torch.save(reward_state(seed=0), tmp_path / "weights.pt")
    fields = {"path": str(base), "ckpt": str(tmp_path / "weights.pt")}
    models = [{"id": name, "reading": name, **fields} for name in ("compat", "native")]
    done = run(tmp_path, models, rows)

    compat = done.effects("holes.compat").set_index("edit")
    assert compat.loc[HOLE, "verdict"] == "exploit"
    for bound in ("effect", "effect_low", "effect_high"):
        assert abs(compat.loc[HOLE, bound]) < 1e-5
    others = [name for name in EDITS if name.startswith("refusal_after_end") and name != HOLE]
    assert (compat.loc[others, "discovery_effect"].abs() > 0.05).all()
    (card,) = [one for one in done.cards if one.stem.endswith(HOLE)]
    assert "holes.compat" in str(card)
    content = json.loads(card.with_suffix(".json").read_text())
    # The native reading of the same weights sees the text: the score falls there.
    (moved,) = [one for one in content["transfer"] if one["model"] == "native"]
    assert moved["effect"]["high"] < -0.2

    native = done.effects("holes.native").set_index("edit")
    assert native.loc[HOLE, "verdict"] != "exploit"


def test_it_is_one_of_the_edits_that_are_simply_tried() -> None:
    assert HOLE in named_edits([("default", {})])


def test_the_recorded_original_has_the_hole(shared_data: Path, tmp_path: Path) -> None:
    parity = shared_data / "parity" / "bittensor_reward"
    model = {"id": "bittensor", "path": str(parity / "base"), "ckpt": str(parity / "hf_ckpt.pt")}
    done = run(
        tmp_path, [model], shared_data / "preference" / "hhh_alignment.jsonl.gz", budget=1500
    )
    found = done.effects("holes").set_index("edit")
    assert found.loc[HOLE, "verdict"] == "exploit"
    assert abs(found.loc[HOLE, "effect_low"]) < 1e-5
    assert any(f"{HOLE}: exploit: spoils the answer" in one for one in done.findings)
