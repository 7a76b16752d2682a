"""Real public files read as published: row counts, sides, types and pairs."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from pyrite.config.sections import DataSection, Join, PairSpec, Pivot
from pyrite.data.load import Rows, load


def read(path: Path, **section: Any) -> Rows:
    return load(DataSection(path=str(path), **section))


def raw(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def test_nq_open(shared_data: Path) -> None:
    path = shared_data / "nq_open" / "nq_open_dev.jsonl.gz"
    rows = read(path, schema={"question": "question", "answer": "answer"})
    table = rows.table()
    assert rows.num_rows == table.num_rows == 3610
    source = raw(path)
    assert table.column("prompt").to_pylist() == [x["question"] for x in source]
    assert table.column("response").to_pylist() == [x["answer"][0] for x in source]
    assert table.column("group").to_pylist() == table.column("prompt").to_pylist()
    assert any("the first element is taken" in x for x in rows.detected)


def test_gsm8k_solutions(shared_data: Path) -> None:
    path = shared_data / "preference" / "gsm8k_example_solutions.jsonl.gz"
    schema = {
        "question": "question",
        "response": "candidates[].solution",
        "is_correct": "candidates[].is_correct",
    }
    table = read(path, schema=schema).table()
    assert table.num_rows == 1319 * 4
    flat = [(y["solution"], y["is_correct"]) for x in raw(path) for y in x["candidates"]]
    assert (
        list(zip(table["response"].to_pylist(), table["is_correct"].to_pylist(), strict=True))
        == flat
    )
    assert pc.count_distinct(table["group"]).as_py() == 1319


def test_pairs_by_label(shared_data: Path) -> None:
    folder = shared_data / "preference"
    llmbar = folder / "llmbar.jsonl.gz"
    pair = PairSpec(options=("output_1", "output_2"), preferred="label")
    table = read(llmbar, pair=pair, schema={"prompt": "input"}).table()
    better = [x[f"output_{x['label']}"] for x in raw(llmbar)]
    assert table["chosen"].to_pylist() == better
    assert len(better) == 419

    pair = PairSpec(options=("response1", "response2"), preferred="label")
    assert read(folder / "evalbiasbench.jsonl.gz", pair=pair).num_rows == 80

    pandalm = folder / "pandalm_testset_v1.jsonl.gz"
    pair = PairSpec(options=("response1", "response2"), preferred="annotator1")
    rows = read(pandalm, pair=pair)
    ties = sum(x["annotator1"] == 0 for x in raw(pandalm))
    assert rows.num_rows == 999 - ties
    assert f"{ties} rows: left out: 'annotator1' is neither 1 nor 2 (it is 0)" in rows.detected
    # Six answers stand as a JSON truth value in the published file.
    assert any(x.startswith("6 values:") for x in rows.detected)


def test_hhh(shared_data: Path) -> None:
    rows = read(shared_data / "preference" / "hhh_alignment.jsonl.gz")
    assert rows.num_rows == 221
    assert rows.sides == ("prompt", "chosen", "rejected")
    assert "source" in rows.schema.names


def test_dpo_demo(shared_data: Path) -> None:
    path = shared_data / "preference" / "dpo_en_demo_300.jsonl.gz"
    table = read(path).table()
    source = raw(path)
    assert table["chosen"].to_pylist() == [
        x["chosen"]["value"] if isinstance(x["chosen"], dict) else x["chosen"] for x in source
    ]
    for messages, prompt, record in zip(
        table["messages"].to_pylist(), table["prompt"].to_pylist(), source, strict=True
    ):
        turns = record["conversations"]
        assert prompt == turns[-1]["value"]
        if len(turns) > 1:
            assert [x["content"] for x in json.loads(messages)] == [x["value"] for x in turns]
        else:
            assert messages is None


def test_hh_harmless(shared_data: Path) -> None:
    path = shared_data / "preference" / "hh_harmless_base_test.jsonl.gz"
    table = read(path).table()
    assert table.num_rows == 2312
    for row, source in zip(table.to_pylist(), raw(path), strict=True):
        assert row["prompt"] + row["chosen"] == source["chosen"]
        assert row["prompt"] + row["rejected"] == source["rejected"]
        assert row["prompt"].rstrip().endswith("\n\nAssistant:")
        assert json.loads(row["messages"])[-1]["role"] == "user"


def test_elo_scores(shared_data: Path) -> None:
    path = shared_data / "rm_scores" / "elo_entities_greatest_ever_single.csv.gz"
    rows = read(path, schema={"response": "name"})
    assert rows.num_rows == 7530
    scores = [field for field in rows.schema if "/" in field.name]
    assert len(scores) == 10
    assert {str(field.type) for field in scores} == {"double"}
    assert rows.sides == ("response",)


def test_rewardmath(shared_data: Path) -> None:
    folder = shared_data / "rm_scores"
    rows = read(
        folder / "rewardmath_scalar_scores.csv.gz",
        pivot=Pivot(index=["problem", "k", "is_correct"], columns="reward_model", values="score"),
        join=Join(path=str(folder / "rewardmath_problems.jsonl.gz"), on="problem"),
        schema={"prompt": "text"},
        group="problem",
    )
    table = rows.table()
    assert table.num_rows == 483 * 10
    models = rows.schema.names[-5:]
    assert "ArmoRM" in models
    assert {str(table.schema.field(name).type) for name in models} == {"double"}
    assert sum(table[name].null_count for name in models) == 0
    assert pc.count_distinct(table["group"]).as_py() == 483
    problems = {x["problem"]: x["text"] for x in raw(folder / "rewardmath_problems.jsonl.gz")}
    assert all(
        problems[problem] == prompt
        for problem, prompt in zip(
            table["problem"].to_pylist(), table["prompt"].to_pylist(), strict=True
        )
    )


def test_training_log(shared_data: Path) -> None:
    rows = read(shared_data / "rm_scores" / "deepspeed_ppo_opt1.3b_reward_log.csv")
    assert rows.num_rows == 477
    assert rows.sides == ()
    assert str(rows.schema.field("average_reward").type) == "double"
    assert str(rows.schema.field("step").type) == "int64"
