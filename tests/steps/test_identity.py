"""What a step's identity covers, and what it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

import pyrite
from pyrite.compile import compile_steps
from pyrite.plan import Plan
from tests.steps.experiments import write_experiment

FEATURE = '''
from pyrite.features import Feature


class Shouting(Feature):
    """Whether the text shouts [0 or 1]."""

    unit = "0 or 1"

    def measure(self, text: str) -> float:
        return float(text.endswith("{end}"))
'''


def identities(file: Path, *overrides: str) -> dict[str, str | None]:
    experiment = pyrite.load(file, overrides=overrides)
    plan = Plan.of(experiment.name, compile_steps(experiment))
    return {planned.step.id: planned.identity for planned in plan}


def test_the_text_of_a_users_feature_is_part_of_an_analysis(tmp_path: Path) -> None:
    file = write_experiment(tmp_path)
    feature = tmp_path / "mine.py"
    change = f"analyze.compute=['{feature}:Shouting']"
    feature.write_text(FEATURE.replace("{end}", "!"))
    first = identities(file, change)
    assert identities(file, change) == first
    feature.write_text(FEATURE.replace("{end}", "!!"))
    second = identities(file, change)
    assert second["surface"] != first["surface"]
    assert second["scores"] == first["scores"]


def test_the_text_of_a_reward_function_is_part_of_its_scores(tmp_path: Path) -> None:
    file = write_experiment(tmp_path)
    first = identities(file)
    (tmp_path / "reward.py").write_text((tmp_path / "reward.py").read_text() + "\n# changed\n")
    second = identities(file)
    assert second["length"] != first["length"]
    assert second["scores"] != first["scores"]
    assert second["rows"] == first["rows"]


@pytest.mark.parametrize(
    "change",
    [
        "query.message.unravel=none",
        "query.tokenizer.max_length=10",
        "query.store=[score, tokens]",
        "query.forward.inference=true",
        "data.sample={n: 10}",
        "data.schema={prompt: response, response: prompt}",
    ],
)
def test_what_changes_scores_changes_their_identity(tmp_path: Path, change: str) -> None:
    file = write_experiment(tmp_path)
    assert identities(file, change)["scores"] != identities(file)["scores"]


@pytest.mark.parametrize(
    "change",
    [
        "query.chunk_size=4",
        "query.save_interval=5",
        "query.batch_tokens=128",
        "query.tokenizer.padding=max_length",
        "query.forward.args={return_dict: true}",
        "query.id=renamed",
    ],
)
def test_what_changes_no_score_changes_no_identity(tmp_path: Path, change: str) -> None:
    file = write_experiment(tmp_path)
    if change == "query.id=renamed":
        file.write_text(file.read_text().replace("requires: [scores]", "requires: [renamed]"))
        assert (
            identities(file, change)["renamed"] == identities(write_experiment(tmp_path))["scores"]
        )
    else:
        assert identities(file, change) == identities(file)


def test_moving_a_file_does_not_make_its_content_new(tmp_path: Path) -> None:
    file = write_experiment(tmp_path)
    first = identities(file)
    (tmp_path / "rows.jsonl").rename(tmp_path / "elsewhere.jsonl")
    second = identities(file, f"data.path={tmp_path / 'elsewhere.jsonl'}")
    assert second["rows"] == first["rows"]
