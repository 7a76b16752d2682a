"""From a section of an experiment to canonical rows: schema, detection, selection, types."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyrite.config.sections import DataSection, Join, PairSpec, Pivot, Sample
from pyrite.data import CANONICAL
from pyrite.data.load import Rows, load, open_reader, sources
from pyrite.errors import DataError

from .files import Records, write

RELAXED = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def rows_of(folder: Path, records: Records, suffix: str = ".jsonl", **section: Any) -> Rows:
    write(folder / f"x{suffix}", records)
    return load(DataSection(path=f"x{suffix}", **section), base=folder)


def loaded(folder: Path, records: Records, suffix: str = ".jsonl", **section: Any) -> Records:
    rows: Records = rows_of(folder, records, suffix, **section).table().to_pylist()
    return rows


def fails(folder: Path, records: Records, *parts: str, suffix: str = ".jsonl", **kw: Any) -> None:
    with pytest.raises(DataError) as caught:
        loaded(folder, records, suffix, **kw)
    for part in parts:
        assert part in str(caught.value)


def numbered(count: int) -> Records:
    return [{"question": f"q{i}", "answer": f"a{i}", "n": i} for i in range(count)]


def test_schema_maps_the_classic_names(tmp_path: Path) -> None:
    record = {"q": "Who?", "a": ["I", "You"], "extra": 3, "group": "g"}
    rows = rows_of(tmp_path, [record], schema={"question": "q", "answer": "a"})
    assert rows.sides == ("prompt", "response")
    assert rows.schema.names[: len(CANONICAL)] == list(CANONICAL)
    (row,) = rows.table().to_pylist()
    assert row == {
        "row_id": 0,
        "group": "Who?",
        "prompt": "Who?",
        "response": "I",
        "chosen": None,
        "rejected": None,
        "messages": None,
        "a": '["I", "You"]',
        "extra": 3,
    }
    assert "column 'a' holds lists; the first element is taken" in rows.detected
    assert "the source's own column 'group' is left out: the name is taken" in rows.detected


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".csv", ".parquet", ".csv.gz"])
def test_detection_says_what_it_did(tmp_path: Path, suffix: str) -> None:
    rows = rows_of(tmp_path, [{"instruction": "do", "output": "done", "score": 0.5}], suffix)
    (row,) = rows.table().to_pylist()
    assert (row["prompt"], row["response"], row["score"]) == ("do", "done", 0.5)
    assert any(x.startswith("prompt is column 'instruction' (detected") for x in rows.detected)


def test_nested_indexed_and_expanded_paths(tmp_path: Path) -> None:
    record = {
        "in": {"q": ["first", "second"]},
        "out": {"all": [{"t": "A", "ok": True, "by": "x"}, {"t": "B", "ok": False, "by": "y"}]},
    }
    rows = rows_of(
        tmp_path,
        [record, {**record, "out": {"all": []}}],
        schema={"prompt": "in.q[1]", "response": "out.all[].t", "correct": "out.all[].ok"},
    )
    table = rows.table().to_pylist()
    assert [(x["prompt"], x["response"], x["correct"]) for x in table] == [
        ("second", "A", True),
        ("second", "B", False),
    ]
    assert len({x["group"] for x in table}) == 1
    assert "1 row: 'out.all' is empty; the record gives no row" in rows.detected
    assert any("by" in x and "may be" in x for x in rows.detected)


def test_a_column_with_dots_and_slashes_wins_over_a_path(tmp_path: Path) -> None:
    record = {"org/Model-3.1 B": "text", "org/Model-3": {"1 B": "wrong"}, "d.e": {"f": "p"}}
    (row,) = loaded(tmp_path, [record], schema={"response": "org/Model-3.1 B", "prompt": "d.e.f"})
    assert (row["response"], row["prompt"]) == ("text", "p")


@pytest.mark.parametrize(
    ("schema", "parts"),
    [
        (
            {"prompt": "qestion"},
            ("schema.prompt", "no column 'qestion'", "did you mean 'question'"),
        ),
        ({"prompt": "nest.c"}, ("schema.prompt", "no row has 'nest.c'", "a, b")),
        ({"prompt": "list[].c"}, ("no row has 'list[].c'", "d")),
        ({"prompt": ""}, ("schema.prompt", "no column ''")),
        ({"prompt": "nest..a"}, ("not a column path",)),
        ({"prompt": "list[].d", "x": "two[].e"}, ("only one list", "two")),
        ({"prompt": "list[].d[]"}, ("expands two lists",)),
        ({"prompt": "question", "question": "answer"}, ("already names a prompt",)),
        ({"chosen": "question"}, ("schema.chosen", "needs schema.rejected")),
        ({"row_id": "question"}, ("schema.row_id",)),
    ],
)
def test_wrong_schemas(tmp_path: Path, schema: dict[str, str], parts: tuple[str, ...]) -> None:
    record = {
        "question": "q",
        "answer": "a",
        "nest": {"a": 1, "b": 2},
        "list": [{"d": "x"}],
        "two": [{"e": "y"}],
    }
    fails(tmp_path, [record], *parts, schema=schema)


@pytest.mark.parametrize("value", [None, {"a": 1}, []])
def test_texts_that_are_none_say_where(tmp_path: Path, value: object) -> None:
    records = [{"question": "q", "answer": "a"}, {"question": "q", "answer": value}]
    fails(tmp_path, records, "x.jsonl:2", "'answer'", repr(value) if value is not None else "null")


def test_a_missing_key_is_told_as_null(tmp_path: Path) -> None:
    records: Records = [{"question": "q", "answer": "a"}, {"question": "q"}]
    fails(tmp_path, records, "x.jsonl:2", "'answer' is null")


def test_numbers_are_texts_only_where_the_schema_names_them(tmp_path: Path) -> None:
    records: Records = [{"prompt": "a", "response": "x"}, {"prompt": 7, "response": "y"}]
    fails(tmp_path, records, "x.jsonl:2", "'prompt' is not a text: 7")
    rows = rows_of(tmp_path, records, schema={"prompt": "prompt", "response": "response"})
    assert rows.table().column("prompt").to_pylist() == ["a", "7"]
    assert any(x.startswith("1 value: column 'prompt' holds a number") for x in rows.detected)


def test_a_named_column_that_is_empty_everywhere(tmp_path: Path) -> None:
    records: Records = [{"question": "q", "answer": ""}, {"question": "q", "answer": ""}]
    fails(tmp_path, records, "the response is empty in all rows", suffix=".csv")
    rows = rows_of(tmp_path, [*records, {"question": "q", "answer": "a"}], ".csv")
    assert rows.num_rows == 3
    assert "2 rows: the response is empty text" in rows.detected


def test_rows_without_any_text_are_their_own_groups(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, [{"step": 1, "reward": 0.5}, {"step": 2, "reward": 1}])
    assert rows.sides == ()
    table = rows.table()
    assert table.column("group").to_pylist() == ["row 0", "row 1"]
    assert table.column("reward").to_pylist() == [0.5, 1.0]
    assert any("no text column was found" in x for x in rows.detected)


@pytest.mark.parametrize(
    ("group", "expected"),
    [("topic", ["t", "t", "7"]), ("question", ["q0", "q1", "q2"]), ("topic_name", ["t", "t", "7"])],
)
def test_group_by_column_or_field(tmp_path: Path, group: str, expected: list[str]) -> None:
    records = [{**x, "topic": y} for x, y in zip(numbered(3), ["t", "t", 7], strict=True)]
    schema = {"question": "question", "answer": "answer", "topic_name": "topic"}
    rows = loaded(tmp_path, records, group=group, schema=schema)
    assert [x["group"] for x in rows] == expected


def test_wrong_groups(tmp_path: Path) -> None:
    records = numbered(2)
    records[1]["n"] = None
    fails(tmp_path, records, "x.jsonl:2", "group column 'n' is empty", group="n")
    fails(tmp_path, records, "group", "did you mean 'question'", group="questoin")


def test_types_do_not_depend_on_where_a_value_stands(tmp_path: Path) -> None:
    count = 25_000  # several chunks
    records: Records = [{"response": "x", "i": 1, "f": 1, "m": 1, "w": 2**60} for _ in range(count)]
    records[-1] |= {"f": 0.5, "m": "late", "w": 1, "new": True, "big": 2**70, "nest": {"a": [1]}}
    records[-2] |= {"mix": 1, "huge": 2**60}
    records[-1] |= {"mix": False, "huge": 0.5}
    rows = rows_of(tmp_path, records)
    kinds = {field.name: str(field.type) for field in rows.schema}
    assert [kinds[x] for x in ("i", "f", "m", "w", "new", "big", "nest", "mix", "huge")] == [
        "int64",
        "double",
        "string",
        "int64",
        "bool",
        "string",
        "string",
        "string",
        "string",
    ]
    table = rows.table()
    assert table.num_rows == rows.num_rows == count
    assert table.column("row_id").to_pylist() == list(range(count))
    last = table.slice(count - 2).to_pylist()
    assert [last[0][x] for x in ("f", "m", "mix", "huge", "new")] == [
        1.0,
        "1",
        "1",
        str(2**60),
        None,
    ]
    assert [last[1][x] for x in ("f", "m", "mix", "huge", "big", "nest")] == [
        0.5,
        "late",
        "false",
        "0.5",
        str(2**70),
        '{"a": [1]}',
    ]
    assert "column 'm' is text: it holds numbers and other values" in rows.detected


def test_csv_columns_become_numbers_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(
        "response,int,float,bool,code,mixed,empty,long\n"
        "a,1,1,true,007,1.50,,123456789012345678901\n"
        "b,-2,2.5e-3,False,8,-,,2\n"
        "c,,nan,TRUE,,,,\n"
    )
    rows = load(DataSection(path=str(path)))
    columns = rows.table().to_pydict()
    assert columns["int"] == [1, -2, None]
    assert columns["float"][:2] == [1.0, 0.0025]
    assert columns["float"][2] != columns["float"][2]
    assert columns["bool"] == [True, False, True]
    assert columns["code"] == ["007", "8", None]
    assert columns["mixed"] == ["1.50", "-", None]
    assert columns["empty"] == [None, None, None]
    assert columns["long"] == ["123456789012345678901", "2", None]


def test_batches_keep_order_and_can_be_taken_twice(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, numbered(2_345))
    for size in (1, 100, 1_000, 10_000):
        batches = list(rows.batches(size))
        assert all(0 < batch.num_rows <= size and batch.schema == rows.schema for batch in batches)
        table = pa.Table.from_batches(batches)
        assert table.column("row_id").to_pylist() == list(range(2_345))
        assert table.column("n").to_pylist() == list(range(2_345))


def test_more_data_than_memory_keeps_goes_to_disk(tmp_path: Path) -> None:
    import random

    noise = random.Random(0)
    records = [{"response": noise.randbytes(5_000).hex(), "n": i} for i in range(8_000)]
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    write(tmp_path / "x.jsonl", records)
    with load(DataSection(path="x.jsonl"), base=tmp_path, scratch=scratch) as rows:
        assert list(scratch.iterdir()) == []  # the file has no name: nothing stays after a crash
        read = [x for batch in rows.batches() for x in batch.column("response").to_pylist()]
    assert read == [record["response"] for record in records]


@RELAXED
@given(texts=st.lists(st.text(st.characters(codec=None), max_size=8), min_size=1, max_size=6))
def test_hostile_texts_survive(tmp_path: Path, texts: list[str]) -> None:
    texts = ["", *texts, "end"]
    rows = rows_of(tmp_path, [{"prompt": text, "response": "x", "extra": text} for text in texts])
    # Two surrogates side by side are one character in JSON.
    paired = [x.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass") for x in texts]
    clean = [re.sub("[\ud800-\udfff]", "\ufffd", text) for text in paired]
    for name in ("prompt", "extra"):
        assert rows.table().column(name).to_pylist() == clean


def test_lone_surrogates_and_null_bytes(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(
        '{"prompt": "a\\ud800b\\u0000", "response": "{0} %s", "\\udc00": [1, "\\udc00"]}'
    )
    rows = load(DataSection(path=str(path)))
    (row,) = rows.table().to_pylist()
    assert row["prompt"] == "a\ufffdb\x00"
    assert row["response"] == "{0} %s"
    assert row["\ufffd"] == '[1, "\ufffd"]'
    assert any(x.startswith("2 values: held lone surrogates") for x in rows.detected)


def test_names_that_become_the_same_stay_apart(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"response": "r", "\\udc00": 1, "\\udc01": 2, "": 3}')
    (row,) = load(DataSection(path=str(path))).table().to_pylist()
    assert [row[x] for x in ("\ufffd", "\ufffd_2", "")] == [1, 2, 3]


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyrite.data.rows._IN_MEMORY", 0)
    write(tmp_path / "x.jsonl", numbered(2))
    with pytest.raises(DataError, match=r"cannot be kept there.*TMPDIR"):
        load(DataSection(path=str(tmp_path / "x.jsonl")), scratch=tmp_path / "none")


def test_sample_first_stops_reading(tmp_path: Path) -> None:
    path = write(tmp_path / "x.jsonl", numbered(500))
    path.write_text(path.read_text() + "broken\n")
    rows = load(DataSection(path=str(path), sample=Sample(method="first", n=300)))
    assert rows.table().column("n").to_pylist() == list(range(300))
    assert "the first 300 rows were taken; reading stopped there" in rows.detected


@pytest.mark.parametrize("method", ["first", "random"])
def test_a_sample_larger_than_the_data_takes_all(tmp_path: Path, method: str) -> None:
    rows = rows_of(tmp_path, numbered(7), sample={"method": method, "n": 10})
    assert rows.num_rows == 7
    assert "all 7 rows were taken: 10 were asked for" in rows.detected


@RELAXED
@given(total=st.integers(1, 60), n=st.integers(1, 60), seed=st.integers(0, 2**32))
def test_random_samples_repeat_and_keep_file_order(
    tmp_path: Path, total: int, n: int, seed: int
) -> None:
    section = {"sample": {"method": "random", "n": n, "seed": seed}}
    first = loaded(tmp_path, numbered(total), **section)
    again = loaded(tmp_path, numbered(total), **section)
    assert first == again
    taken = [row["n"] for row in first]
    assert len(taken) == min(n, total)
    assert taken == sorted(set(taken))
    assert [row["row_id"] for row in first] == list(range(len(taken)))


def test_random_samples_differ_by_seed_and_cross_chunks(tmp_path: Path) -> None:
    records: Records = [{"response": "x", "n": i} for i in range(25_000)]
    taken = []
    for seed in (1, 2):
        sample = {"method": "random", "n": 5_000, "seed": seed}
        rows = rows_of(tmp_path, records, sample=sample)
        taken.append(rows.table().column("n").to_pylist())
        assert sum(batch.num_rows for batch in rows.batches(700)) == 5_000
    assert taken[0] != taken[1]
    # The mean of a sample of the numbers 0.. is their mean within five standard errors.
    assert abs(sum(taken[0]) / 5_000 - 12_500) < 5 * 7_217 / 5_000**0.5


def test_where_on_any_kind_of_column(tmp_path: Path) -> None:
    records: Records = [
        {"question": f"q{i}", "c": [{"t": "a", "ok": i % 2 == 0}, {"t": "b", "ok": None}], "k": i}
        for i in range(6)
    ]
    schema = {"question": "question", "response": "c[].t", "ok": "c[].ok"}

    def kept(**where: Any) -> list[tuple[str, str]]:
        rows = loaded(tmp_path, records, schema=schema, where=where)
        return [(x["prompt"], x["response"]) for x in rows]

    assert kept(ok=True) == [("q0", "a"), ("q2", "a"), ("q4", "a")]
    assert kept(ok=None, k=[1, 2]) == [("q1", "b"), ("q2", "b")]
    assert kept(question="q3") == [("q3", "a"), ("q3", "b")]
    assert kept(response="b", **{"c[].ok": None}) == [(f"q{i}", "b") for i in range(6)]


def test_where_leaves_out_rows_that_would_not_fit(tmp_path: Path) -> None:
    records: Records = [{**numbered(1)[0], "kind": "a"}, {"question": None, "kind": "b"}]
    rows = rows_of(tmp_path, records, where={"kind": "a"})
    assert rows.num_rows == 1
    assert "1 record: left out by where" in rows.detected


def test_where_compares_csv_numbers(tmp_path: Path) -> None:
    records = numbered(4)
    for wanted in (2, "2", 2.0):
        (row,) = loaded(tmp_path, records, ".csv", where={"n": wanted})
        assert row["n"] == 2


def test_where_that_keeps_nothing_or_names_nothing(tmp_path: Path) -> None:
    fails(tmp_path, numbered(9), "no row is kept", "n is 'x'", "0, 1, 2, 3, 4", where={"n": "x"})
    fails(tmp_path, numbered(2), "where", "'anser'", "did you mean 'answer'", where={"anser": 1})


def test_pair_labels_choose_the_side(tmp_path: Path) -> None:
    records: Records = [
        {"p": "q", "one": "A", "two": "B", "best": best} for best in ("two", "one", "tie", "tie")
    ]
    pair = PairSpec(options=("one", "two"), preferred="best", first="one", second="two")
    rows = rows_of(tmp_path, records, pair=pair, schema={"prompt": "p"})
    table = rows.table().to_pylist()
    assert [(x["chosen"], x["rejected"], x["best"]) for x in table] == [
        ("B", "A", "two"),
        ("A", "B", "one"),
    ]
    assert rows.sides == ("prompt", "chosen", "rejected")
    assert "2 rows: left out: 'best' is neither 'one' nor 'two' (it is 'tie')" in rows.detected
    fails(tmp_path, records[2:], "no row is left", "neither", pair=pair)
    bad = PairSpec(options=("one", "tow"), preferred="best")
    fails(tmp_path, records, "pair.options", "did you mean 'two'", pair=bad)


LONG: Records = [
    {"problem": p, "model": m, "score": p + s, "note": "n"}
    for p in (1, 2)
    for m, s in (("org/A", 0.25), ("org/B", 0.5))
]


def test_pivot_and_join(tmp_path: Path) -> None:
    write(tmp_path / "texts.csv", [{"problem": 1, "text": "one"}, {"problem": 3, "text": "three"}])
    rows = rows_of(
        tmp_path,
        LONG,
        pivot=Pivot(index=["problem"], columns="model", values="score"),
        join=Join(path="texts.csv", on="problem"),
        schema={"prompt": "text"},
        where={"note": "n"},
    )
    (row,) = rows.table().to_pylist()
    assert (row["prompt"], row["org/A"], row["org/B"], row["problem"]) == ("one", 1.25, 1.5, 1)
    assert any("left out: no match in texts.csv" in x for x in rows.detected)
    assert any("held in memory: 2 rows" in x for x in rows.detected)
    assert any("pivot left out 'note'" in x for x in rows.detected)


def test_wrong_pivots(tmp_path: Path) -> None:
    pivot = Pivot(index=["problem"], columns="model", values="score")
    fails(tmp_path, [*LONG, LONG[0]], "x.jsonl:5", "second value", "x.jsonl:1", pivot=pivot)
    bad = Pivot(index=["problm"], columns="model", values="score")
    fails(tmp_path, LONG, "no column 'problm'", "did you mean 'problem'", pivot=bad)
    fails(tmp_path, LONG, "no row is kept", pivot=pivot, where={"model": "none"})


def test_cells_that_a_pivot_leaves_empty_are_counted(tmp_path: Path) -> None:
    pivot = Pivot(index=["problem"], columns="model", values="score")
    rows = rows_of(tmp_path, LONG[:3], pivot=pivot)
    assert rows.table().column("org/B").to_pylist() == [1.5, None]
    assert any(x.startswith("1 cell: empty after the pivot") for x in rows.detected)


def test_wrong_joins(tmp_path: Path) -> None:
    records = numbered(2)
    join = Join(path="t.jsonl", on="n")
    write(tmp_path / "t.jsonl", [{"n": 0, "x": 1}, {"n": 0, "x": 2}])
    fails(tmp_path, records, "t.jsonl has 1 rows", "t.jsonl:2: n 0", join=join)
    write(tmp_path / "t.jsonl", [{"n": 8, "x": 1}])
    fails(tmp_path, records, "no row has a match", "x.jsonl:1: n 0", "8", join=join)
    fails(tmp_path, records, "no column 'm'", join=Join(path="t.jsonl", on="m"))
    fails(tmp_path, records, "no such local file", join=Join(path="some/where", on="n"))


def test_join_columns_whose_name_is_taken(tmp_path: Path) -> None:
    write(tmp_path / "t.jsonl", [{"n": 0, "answer": "other"}])
    (row,) = loaded(tmp_path, numbered(1), join=Join(path="t.jsonl", on="n"))
    assert (row["response"], row["t.answer"]) == ("a0", "other")


def test_paths_choose_the_reader(tmp_path: Path) -> None:
    write(tmp_path / "x.jsonl", numbered(1))
    write(tmp_path / "t.csv", numbered(1))
    section = DataSection(path="x.jsonl", join=Join(path="t.csv", on="n"))
    assert type(open_reader(section, base=tmp_path)).__name__ == "LocalFile"
    found = sources(section, base=tmp_path)
    assert [x.files for x in found.values()] == [(tmp_path / "x.jsonl",), (tmp_path / "t.csv",)]
    assert type(open_reader(DataSection(path=str(tmp_path)))).__name__ == "LocalFolder"
    hub = open_reader(DataSection(path="someone/data", revision="v1"), base=tmp_path)
    assert hub.source().repo == "someone/data"
    with pytest.raises(DataError, match=r"y\.jsonl: no such file"):
        load(DataSection(path="y.jsonl"), base=tmp_path)


def test_a_split_of_a_single_file_is_told(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, numbered(1), split="train")
    assert "split 'train' is not used: a single file has no splits" in rows.detected


def test_what_was_loaded_reads_back_the_same(tmp_path: Path) -> None:
    turns = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]
    record = {"messages": turns, "response": "r", "score": 0.5}
    rows = rows_of(tmp_path, [record])
    import pyarrow.parquet as pq

    pq.write_table(rows.table().drop_columns(["row_id", "group"]), tmp_path / "y.parquet")
    schema = {"prompt": "prompt", "response": "response", "messages": "messages"}
    again = load(DataSection(path=str(tmp_path / "y.parquet"), schema=schema)).table().to_pylist()
    assert json.loads(again[0]["messages"]) == turns
    assert again[0]["response"] == "r"
