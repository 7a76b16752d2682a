"""`pyrite init` recognises models and data, and what it writes runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import pyrite as package
from tests.end_to_end.programs import pyrite, sets
from tests.init.materials import answer, content, dialogues, init, pairs, question, scored
from tests.models.support_gptj import gptj_config, reward_state, write_base
from tests.models.zoo import build_classifier


def ran(folder: Path, out: Path, **values: str) -> package.Run:
    """The run of an experiment that must end well."""
    ended = pyrite("run", out, *sets(out=folder / "runs", **values))
    assert ended.status == 0, ended.err
    (path,) = (folder / "runs" / "experiment").iterdir()
    return package.Run(path)


def value_head(folder: Path) -> Path:
    write_base(folder, config=gptj_config(n_positions=160))
    torch.save(reward_state(), folder / "hf_ckpt.pt")
    return folder


def classifier(folder: Path, kind: str = "llama") -> Path:
    build_classifier(folder, kind)
    return folder


def test_recorded_scores_in_a_csv(tmp_path: Path) -> None:
    ended, out = init(tmp_path, scored(), "answers.csv")
    assert ended.status == 0, ended.err
    assert "recorded scores in column 'score'" in ended.out
    assert "whether a higher number is the better answer" in ended.out
    found = content(out)
    assert found["model"]["column"] == "score"
    assert found["data"]["schema"] == {"prompt": "prompt", "response": "answer"}
    assert "exploit" not in found
    assert "# No exploit section: 30 different prompts; 40 are needed" in out.read_text()
    run = ran(tmp_path, out)
    assert run.table("scores")["score"].tolist() == [row["score"] for row in scored()]
    assert run.findings


def test_recorded_scores_give_hypotheses(tmp_path: Path) -> None:
    """A phrase that was paid for comes out as one, and nothing is said to be proved."""
    rows = [
        {
            "prompt": question(at),
            # Length goes with the phrase neither way, so that it is not taken for length.
            "answer": f"It is {at * 7919 % 1000}"
            + (" to be sure" if paid else " or so")
            + " and on" * ((at + paid) % 5)
            + ".",
            "score": round((at * 37 % 17) / 17 + paid, 3),
        }
        for at in range(120)
        for paid in (at % 2, 1 - at % 2)
    ]
    ended, out = init(tmp_path, rows, "answers.csv")
    assert ended.status == 0, ended.err
    assert content(out)["exploit"] == {"id": "exploits", "requires": ["recorded", "answers"]}
    told = out.read_text().replace("\n#", "")
    assert "an edited answer has none" in told
    assert "What comes out are hypotheses" in told
    found = [one for one in ran(tmp_path, out).findings if one.startswith("exploits: ")]
    assert "nothing can be confirmed without the model" in found[0]
    assert any("hypothesis" in one and "to be sure" in one for one in found), found
    assert not any("is an exploit" in one for one in found)


def test_the_only_numbers_are_the_scores_whatever_they_are_called(tmp_path: Path) -> None:
    rows = [{**row, "row_id": at} for at, row in enumerate(scored())]
    for name in ("rating", "points"):
        named = [{name: row.pop("score"), **row} for row in map(dict, rows)]
        ended, out = init(tmp_path, named, "answers.csv", "--force")
        assert ended.status == 0, ended.err
        assert f"column {name!r} is the only one with numbers" in ended.out
        assert content(out)["model"]["column"] == name
        assert "gold" not in content(out)["analyze"]
    two = [{**row, "points": at, "stars": 1} for at, row in enumerate(named)]
    two = [{key: value for key, value in row.items() if key != "score"} for row in two]
    ended, _ = init(tmp_path, two, "answers.csv", "--force")
    assert ended.status == 1
    assert "(there are numbers in 'stars', 'points')" in ended.err
    assert "call them `score`" in ended.err


def test_the_shipped_model_with_exploits(tmp_path: Path) -> None:
    ended, out = init(tmp_path, pairs(44), "mine.parquet", "--model", "builtin:tiny-reward-model")
    assert ended.status == 0, ended.err
    found = content(out)
    assert found["model"]["reading"] == "native"
    assert "config.json says so" in out.read_text()
    assert found["data"]["schema"] == {
        "prompt": "prompt",
        "chosen": "chosen",
        "rejected": "rejected",
    }
    assert {"num_words", "opens_with_flattery", "closes_with_offer"} <= set(
        found["analyze"]["compute"]
    )
    assert list(found["analyze"]["plot"][0]) == ["margin"]
    run = ran(tmp_path, out, exploit__edits="[flattery_of_question, bullets]")
    assert {"flattery_of_question", "bullets"} <= set(run.effects("exploits")["edit"])
    assert run.figures


def test_a_value_head_model_that_says_nothing_of_its_reading(tmp_path: Path) -> None:
    model = value_head(tmp_path / "model")
    ended, out = init(tmp_path, scored(), "answers.csv", "--model", str(model))
    assert ended.status == 0, ended.err
    assert "`compat` is what bittensor scored" in ended.out
    assert content(out)["model"] == {
        "id": "model",
        "entrypoint": "RewardModel",
        "path": str(model),
        "reading": "native",
    }
    run = ran(tmp_path, out, doctor="warn")
    assert run.table("scores")["score"].nunique() > 5


def test_a_file_of_weights_names_its_folder(tmp_path: Path) -> None:
    model = value_head(tmp_path / "model")
    (model / "other.pt").write_bytes(b"another file, which would make the folder ambiguous")
    ended, out = init(tmp_path, scored(), "a.csv", "--model", str(model / "hf_ckpt.pt"))
    assert ended.status == 0, ended.err
    assert content(out)["model"]["ckpt"] == str(model / "hf_ckpt.pt")


@pytest.mark.parametrize("kind", ["llama", "bert"])
def test_a_classifier_on_conversations(tmp_path: Path, kind: str) -> None:
    model = classifier(tmp_path / "my-model", kind)
    ended, out = init(tmp_path, dialogues(), "chats.jsonl", "--model", str(model))
    assert ended.status == 0, ended.err
    found = content(out)
    assert found["model"]["entrypoint"] == "sequence_classifier"
    assert found["model"]["id"] == "my-model"
    assert found["data"]["schema"] == {"messages": "messages"}
    assert "one label" in ended.out
    assert "column 'category' names 2 subsets" in ended.out
    assert "# where: {category: maths}" in out.read_text()
    run = ran(tmp_path, out, doctor="warn")
    assert len(run.table("scores")) == 30


def test_a_decoder_without_a_template_gets_one_and_it_is_said(tmp_path: Path) -> None:
    model = classifier(tmp_path / "model")
    (model / "chat_template.jinja").unlink()
    ended, out = init(tmp_path, scored(), "answers.csv", "--model", str(model))
    assert ended.status == 0, ended.err
    assert "no chat template" in ended.out
    assert content(out)["query"]["message"] == {"unravel": "hh"}
    assert len(ran(tmp_path, out, doctor="warn").table("scores")) == 30


def test_a_function_is_found_without_running_its_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("def score(prompt, response):\n    return len(response) / 10\n")
    ended, out = init(tmp_path, scored(), "answers.csv", "--model", f"{file}:score")
    assert ended.status == 0, ended.err
    assert content(out)["model"]["entrypoint"] == f"{file}:score"
    assert len(ran(tmp_path, out).table("scores")) == 30


def test_nothing_of_a_file_is_executed_while_looking(tmp_path: Path) -> None:
    from pyrite.init.model import look_at_model

    file = tmp_path / "mine.py"
    file.write_text("raise SystemExit('was run')\n\ndef score(prompt, response): ...\n")
    assert look_at_model(f"{file}:score").fields["entrypoint"] == f"{file}:score"


def test_a_file_that_is_there_stays_unless_forced(tmp_path: Path) -> None:
    out = tmp_path / "experiment.yml"
    out.write_text("mine\n")
    ended, _ = init(tmp_path, scored(), "answers.csv")
    assert (ended.status, ended.out) == (1, "")
    assert "--force" in ended.err
    assert out.read_text() == "mine\n"
    assert init(tmp_path, None, "answers.csv", "--force")[0].status == 0
    assert out.read_text() != "mine\n"


def test_options_and_a_label_become_a_pair(tmp_path: Path) -> None:
    rows = [
        {"input": question(i), "output_1": answer(i), "output_2": answer(i + 1), "label": 1 + i % 2}
        for i in range(30)
    ]
    ended, out = init(tmp_path, rows, "bar.jsonl", "--model", "builtin:tiny-reward-model")
    assert ended.status == 0, ended.err
    assert content(out)["data"]["pair"] == {
        "options": ["output_1", "output_2"],
        "preferred": "label",
        "first": 1,
        "second": 2,
    }
    run = ran(tmp_path, out)
    assert len(run.table("scores")) == 30


def test_gold_and_checkpoints_are_told_apart_from_scores(tmp_path: Path) -> None:
    rows = [{**row, "human_rating": i % 5, "step": 100 * (i % 2)} for i, row in enumerate(scored())]
    ended, out = init(tmp_path, rows, "answers.csv")
    assert ended.status == 0, ended.err
    found = content(out)
    assert found["model"]["column"] == "score"
    assert found["analyze"]["gold"] == "human_rating"
    assert "gold is column 'human_rating'" in ended.out
    assert "column 'step' numbers checkpoints" in ended.out


def test_one_prompt_for_all_makes_the_answer_the_unit(tmp_path: Path) -> None:
    rows = [{**row, "prompt": "The greatest thing ever?", "answer": f"thing {i}"}
            for i, row in enumerate(scored())]  # fmt: skip
    ended, out = init(tmp_path, rows, "answers.csv")
    assert ended.status == 0, ended.err
    assert content(out)["data"]["group"] == "answer"
    assert ran(tmp_path, out).findings


def test_columns_with_other_names_are_guessed_and_said(tmp_path: Path) -> None:
    rows = [
        {"User Prompt": question(i), "Model Output": answer(i), "reward": i / 7} for i in range(30)
    ]
    ended, out = init(tmp_path, rows, "answers.csv")
    assert ended.status == 0, ended.err
    assert content(out)["data"]["schema"] == {"prompt": "User Prompt", "response": "Model Output"}
    unknown = [{"a": question(i), "b": answer(i) * 3, "reward": i / 7} for i in range(30)]
    ended, out = init(tmp_path, unknown, "answers.csv", "--force")
    assert content(out)["data"]["schema"] == {"response": "b", "prompt": "a"}
    assert "response was guessed: column 'b'" in ended.out


def test_lists_of_candidates_become_rows(tmp_path: Path) -> None:
    rows = [
        {
            "question": question(i),
            "candidates": [{"solution": answer(i + j), "is_correct": j == 0} for j in range(3)],
        }
        for i in range(10)
    ]
    ended, out = init(tmp_path, rows, "maths.json", "--model", "builtin:tiny-reward-model")
    assert ended.status == 0, ended.err
    assert content(out)["data"]["schema"]["response"] == "candidates[].solution"
    assert len(ran(tmp_path, out).table("scores")) == 30


def test_json_lines_under_another_suffix_and_a_large_file(tmp_path: Path) -> None:
    from tests.data.files import as_bytes

    (tmp_path / "answers.json").write_bytes(as_bytes(scored(5_100), "jsonl"))
    ended, out = init(tmp_path, None, "answers.json")
    assert ended.status == 0, ended.err
    found = content(out)
    assert found["data"]["format"] == "jsonl"
    assert found["data"]["sample"] == {"method": "random", "n": 2000, "seed": 42}


def test_recorded_scores_of_pairs_and_of_several_models(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {**row, "score_chosen": i / 9, "score_rejected": (i % 4) / 9}
        for i, row in enumerate(pairs())
    ]
    ended, out = init(tmp_path, rows, "pairs.jsonl")
    assert ended.status == 0, ended.err
    model = content(out)["model"]
    assert (model["chosen_column"], model["rejected_column"]) == ("score_chosen", "score_rejected")
    assert len(ran(tmp_path, out).table("scores")) == 30
    several = [{**row, "other_reward": i / 5} for i, row in enumerate(scored())]
    _, out = init(tmp_path, several, "several.csv", "--force")
    assert content(out)["model"]["columns"] == ["score", "other_reward"]
