"""Recorded scores are looked up exactly, and what is not there is never made up."""

from __future__ import annotations

import csv
import gzip
import json
import math
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pyrite.errors import DataError, ModelError, ScoringError
from pyrite.models import Capability
from pyrite.models.recorded import Recorded
from pyrite.types import Item


def items(*rows: dict[str, Any], side: str = "response") -> list[Item]:
    return [Item(prompt="q", response="a", columns=row, side=side) for row in rows]


def scores(model: Recorded, given_items: list[Item]) -> list[float]:
    return [float(output.score) for output in model.open().score(given_items)]


def test_numbers_and_numbers_as_text_are_scores() -> None:
    rows = [{"s": 1}, {"s": 2.5}, {"s": " -3e-2 "}, {"s": True}]
    assert scores(Recorded(column="s"), items(*rows)) == [1.0, 2.5, -0.03, 1.0]


def test_lower_is_better_changes_the_sign() -> None:
    assert scores(Recorded(column="s", better="lower"), items({"s": 2})) == [-2.0]


@pytest.mark.parametrize("value", [None, "", " ", "NaN", "null", "N/A", math.nan])
def test_a_missing_value_is_nan_and_counted(value: Any) -> None:
    scorer = Recorded(column="s").open()
    assert math.isnan(scorer.score(items({"s": value}))[0].score)
    assert scorer.facts["missing_scores"] == 1


@pytest.mark.parametrize("value", ["good", "1,5", "1_000", "inf", math.inf, [1.0], {"a": 1}])
def test_what_is_not_a_finite_number_is_an_error_with_value_and_row(value: Any) -> None:
    with pytest.raises(ScoringError, match=r"row 7: column 's' holds"):
        scores(Recorded(column="s"), items({"s": value, "row_id": 7}))


def test_a_column_that_is_not_there_is_an_error_with_the_nearest_name() -> None:
    with pytest.raises(ScoringError, match="did you mean 'score'"):
        scores(Recorded(column="scores"), items({"score": 1}))


def test_both_sides_of_a_pair() -> None:
    model = Recorded(chosen_column="c", rejected_column="r")
    row = {"c": 2, "r": 1}
    assert scores(model, [*items(row, side="chosen"), *items(row, side="rejected")]) == [2.0, 1.0]
    with pytest.raises(ScoringError, match="no pairs: write column"):
        scores(model, items(row))
    with pytest.raises(ScoringError, match="write chosen_column and rejected_column"):
        scores(Recorded(column="c"), items(row, side="chosen"))


def test_several_models_are_a_vector_with_names() -> None:
    scorer = Recorded(columns={"a": "x", "b": "y"}).open()
    assert scorer.output_names == ("a", "b")
    assert scorer.capabilities == {Capability.VECTOR}
    (output,) = scorer.score(items({"x": "1", "y": None}))
    np.testing.assert_array_equal(output.score, [1.0, math.nan])
    assert Recorded(columns=["x", "y"]).open().output_names == ("x", "y")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "say where the scores are"),
        ({"column": "a", "columns": ["b"]}, "say where the scores are"),
        ({"chosen_column": "a"}, "given together"),
        ({"columns": []}, "empty"),
        ({"columns": ["a", "a"]}, "twice"),
        ({"column": "a", "path": "x.csv"}, "given together"),
        ({"column": "a", "on": "k"}, "given together"),
        ({"column": "a", "path": "x.csv", "on": []}, "empty"),
    ],
)
def test_fields_that_contradict_each_other(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Recorded(**fields)


TABLE = [
    {"k": "1", "part": "a", "s": 0.5, "t": 1.0},
    {"k": "2", "part": "a", "s": None, "t": 2.0},
    {"k": "2", "part": "b\nc", "s": -1.25, "t": 3.0},
]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    plain = path.with_suffix("") if path.suffix == ".gz" else path
    if plain.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), plain)
    elif plain.suffix == ".jsonl":
        plain.write_text("\n".join(json.dumps(row) for row in rows) + "\n\n")
    else:
        with plain.open("w", newline="") as stream:
            delimiter = "\t" if plain.suffix == ".tsv" else ","
            writer = csv.DictWriter(stream, list(rows[0]), delimiter=delimiter)
            writer.writeheader()
            writer.writerows(rows)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(plain.read_bytes()))
    return path


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("packed", ["", ".gz"])
def test_a_table_of_its_own_is_matched_by_key(tmp_path: Path, ending: str, packed: str) -> None:
    path = write(tmp_path / f"scores{ending}{packed}", TABLE)
    scorer = Recorded(column="s", path=str(path), on=["k", "part"]).open()
    rows = [
        {"k": 2, "part": "b\nc"},
        {"k": 1.0, "part": "a"},
        {"k": "2", "part": "a"},
        {"k": "9", "part": "a"},
    ]
    found = [float(output.score) for output in scorer.score(items(*rows))]
    np.testing.assert_array_equal(found, [-1.25, 0.5, math.nan, math.nan])
    assert scorer.facts["table_rows"] == 3
    assert scorer.facts["rows_not_in_table"] == 1
    assert scorer.facts["missing_scores"] == 2


def test_a_key_with_two_different_scores_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "scores.csv", TABLE)
    with pytest.raises(DataError, match="rows 2 and 3 have the same key and different"):
        Recorded(column="s", path=str(path), on="k").open()
    same = write(tmp_path / "same.csv", [TABLE[0], TABLE[0]])
    assert scores(Recorded(column="s", path=str(same), on="k"), items({"k": 1})) == [0.5]


def test_text_in_a_table_is_an_error_only_where_it_is_wanted(tmp_path: Path) -> None:
    path = write(tmp_path / "scores.csv", [{"k": "1", "s": "2"}, {"k": "2", "s": "bad"}])
    model = Recorded(column="s", path=str(path), on="k")
    assert scores(model, items({"k": 1})) == [2.0]
    with pytest.raises(ScoringError, match="'bad'"):
        scores(model, items({"k": 2}))


def test_errors_of_tables_name_the_file(tmp_path: Path) -> None:
    good = write(tmp_path / "scores.csv", TABLE)
    jsonl = tmp_path / "bad.jsonl"
    jsonl.write_text('{"k": 1, "s": 2}\n{"k"')
    cut = tmp_path / "cut.csv.gz"
    cut.write_bytes(gzip.compress(good.read_bytes())[:-12])
    not_parquet = tmp_path / "x.parquet"
    not_parquet.write_bytes(b"PAR1 no")
    for path, field, problem in [
        (good, "q", r"no column 'q'"),
        (jsonl, "s", r"line 2 is not JSON"),
        (cut, "s", "not a readable table"),
        (not_parquet, "s", "not a readable parquet"),
    ]:
        with pytest.raises(DataError, match=f"{path.name}: {problem}"):
            Recorded(column=field, path=str(path), on="k").open()
    with pytest.raises(ModelError, match="no such file"):
        Recorded(column="s", path=str(tmp_path / "absent.csv"), on="k").open()
    (tmp_path / "x.xlsx").write_bytes(b"")
    with pytest.raises(DataError, match="scores are read from"):
        Recorded(column="s", path=str(tmp_path / "x.xlsx"), on="k").open()
    with pytest.raises(ScoringError, match="match on 'k', which the data lacks"):
        scores(Recorded(column="t", path=str(good), on=["k", "part"]), items({"kk": 1}))


def test_a_misspelt_column_of_jsonl_is_an_error_but_a_gap_is_not(tmp_path: Path) -> None:
    path = write(tmp_path / "scores.jsonl", [{"k": 1, "s": 2.0}, {"k": 2}])
    found = scores(Recorded(column="s", path=str(path), on="k"), items({"k": 1}, {"k": 2}))
    np.testing.assert_array_equal(found, [2.0, math.nan])
    with pytest.raises(DataError, match="no column 'z'"):
        Recorded(column="z", path=str(path), on="k").open()


def test_identity_is_the_columns_and_the_content_of_the_table(tmp_path: Path) -> None:
    path = write(tmp_path / "scores.csv", TABLE)
    one = Recorded(id="a", column="s", path=str(path), on="k")
    moved = (
        write(tmp_path / "other" / "scores.csv", TABLE) if (tmp_path / "other").mkdir() else None
    )
    assert moved is None
    assert one.identity() == Recorded(id="b", column="s", path="elsewhere.csv", on="k").identity()
    assert one.identity() != Recorded(id="a", column="t", path=str(path), on="k").identity()
    assert one.identity() != one.model_copy(update={"better": "lower"}).identity()
    before = one.sources()["scores"].fingerprint()
    write(path, TABLE[:2])
    assert one.sources()["scores"].fingerprint() != before
    assert Recorded(column="s").sources() == {}


@given(st.dictionaries(st.text(max_size=8), st.floats(allow_nan=False, width=32), max_size=20))
def test_any_key_finds_its_own_score(rows: dict[str, float]) -> None:
    from pyrite.models._recorded_table import ScoreTable, _hash

    keys = sorted(rows, key=lambda key: _hash([key]))
    values = np.array([rows[key] for key in keys], dtype=object)
    hashes = np.array([_hash([key]) for key in keys], dtype=np.uint64)
    table = ScoreTable(("s",), hashes, {"s": values}, len(rows))
    for key, value in rows.items():
        assert table.find([key]) == {"s": value}
    assert table.find(["not a key of this table"]) is None


def test_many_rows_stay_small_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    count = 50_000
    with path.open("w") as stream:
        stream.write("k,s\n")
        stream.writelines(f"{'x' * 200}{i},{i / 7}\n" for i in range(count))
    tracemalloc.start()
    scorer = Recorded(column="s", path=str(path), on="k").open()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20e6
    (output,) = scorer.score(items({"k": "x" * 200 + "777"}))
    assert output.score == 111.0


def test_real_recorded_scores(shared_data: Path) -> None:
    path = shared_data / "rm_scores" / "rewardmath_scalar_scores.csv.gz"
    on = ["reward_model", "problem", "k"]
    scorer = Recorded(column="score", path=str(path), on=on).open()
    with gzip.open(path, "rt") as stream:
        rows = list(csv.DictReader(stream))
    found = [float(output.score) for output in scorer.score(items(*rows))]
    assert found == [float(row["score"]) for row in rows]
    assert scorer.facts["missing_scores"] == 0
