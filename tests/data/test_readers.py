"""Every format gives the records that were written, and every broken file says where."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyrite.data import READERS, Untyped
from pyrite.data.local_file import LocalFile
from pyrite.data.local_folder import LocalFolder
from pyrite.errors import DataError

from .files import write

SUFFIXES = [x + y for x in (".jsonl", ".json", ".csv", ".parquet") for y in ("", ".gz")]
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)
NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=8)
VALUES = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False)
JSON = st.recursive(
    VALUES | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
RELAXED = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def records(path: Path, **fields: Any) -> list[dict[str, Any]]:
    return [dict(record) for _, record in LocalFile(path=str(path), **fields).read(None)]


def fails(path: Path, *parts: str, **fields: Any) -> None:
    with pytest.raises(DataError) as caught:
        records(path, **fields)
    for part in (path.name, *parts):
        assert part in str(caught.value)


def test_the_family_lists_its_readers_without_helpers() -> None:
    assert READERS.names() == ["hub_dataset", "local_file", "local_folder"]


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".jsonl.gz"])
@RELAXED
@given(rows=st.lists(st.dictionaries(TEXT, JSON, max_size=4), min_size=1, max_size=5))
def test_json_reads_back_equal(tmp_path: Path, suffix: str, rows: list[dict[str, Any]]) -> None:
    assert records(write(tmp_path / f"x{suffix}", rows)) == rows


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet", ".parquet.gz"])
@RELAXED
@given(rows=st.lists(st.fixed_dictionaries({"a b/c": TEXT, "n.v": TEXT}), min_size=1, max_size=6))
def test_tables_of_text_read_back_equal(
    tmp_path: Path, suffix: str, rows: list[dict[str, Any]]
) -> None:
    assert records(write(tmp_path / f"x{suffix}", rows)) == rows


def test_parquet_keeps_types_and_nesting(tmp_path: Path) -> None:
    rows = [{"i": 1, "f": 0.5, "b": True, "l": [1, 2], "d": {"a": [{"b": None}]}, "n": None}]
    assert records(write(tmp_path / "x.parquet", rows)) == rows


def test_csv_values_are_untyped_texts(tmp_path: Path) -> None:
    (row,) = records(write(tmp_path / "x.csv", [{"score": 1.5, "t": "a\nb"}]))
    assert row == {"score": "1.5", "t": "a\nb"}
    assert all(isinstance(value, Untyped) for value in row.values())


def test_where_names_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text('a\n"one\ntwo"\nthree\n')
    assert [x for x, _ in LocalFile(path=str(path)).read(None)] == [f"{path}:3", f"{path}:4"]


def test_values_longer_than_the_csv_default_limit(tmp_path: Path) -> None:
    assert records(write(tmp_path / "x.csv", [{"a": "y" * 300_000}]))[0]["a"] == "y" * 300_000


def test_byte_order_mark_and_blank_lines_are_skipped(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}\n\n  \n{"a": 2}')
    assert records(path) == [{"a": 1}, {"a": 2}]


def test_line_separators_inside_a_text_do_not_end_a_json_line(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"a": "one\u2028two\x85three"}\n', encoding="utf-8")
    assert records(path) == [{"a": "one\u2028two\x85three"}]


def test_an_index_column_without_a_name_gets_one(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(",a\n0,x\n")
    assert records(path) == [{"column_1": "0", "a": "x"}]


def test_format_overrules_the_suffix(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_text('{"a": 1}\n')
    fails(path, "unknown suffix '.log'", ".parquet")
    assert records(path, format="jsonl") == [{"a": 1}]


@pytest.mark.parametrize(
    ("name", "content", "parts"),
    [
        ("x.jsonl", b'{"a": 1}\n{"a": }\n', (":2", "not JSON", "column 7")),
        ("x.jsonl", b'[\n{"a": 1}\n]', (":1", "set format: json")),
        ("x.jsonl", b'{"a": 1}\n[1]\n', (":2", "JSON object", "[1]")),
        ("x.jsonl", b"[" * 100_000, (":1",)),
        ("x.jsonl", b"", ("no rows",)),
        ("x.jsonl", b'{"a": 1}\n{"a": "caf\xe9"}\n', (":2", "not UTF-8", "0xe9", "offset 19")),
        ("x.jsonl", '{"a": 1}'.encode("utf-16"), ("not UTF-8", "UTF-16")),
        ("x.json", b'{"a": 1}\n{"a": 2}', ("set format: jsonl",)),
        ("x.json", b'{"a": [], "b": []}', ("2 arrays: a, b",)),
        ("x.json", b"3", ("array of rows",)),
        ("x.json", b"[1, 2]", ("row 1", "JSON object")),
        ("x.json", b"[]", ("no rows",)),
        ("x.csv", b"a,b\n1,2\n1,2,3\n", (":3", "3 values", "2 columns")),
        ("x.csv", b'a,b\n1,"2\n', ("not valid CSV",)),
        ("x.csv", b"a,a\n1,2\n", (":1", "twice: a")),
        ("x.csv", b"a,b\n", ("no rows",)),
        ("x.csv", b"a\n\xff\n", (":2", "not UTF-8", "offset 2")),
        ("x.parquet", b"PAR1 nonsense PAR1", ("not a readable parquet file",)),
        ("x.jsonl.gz", b"plain text", ("gzip data is damaged",)),
        ("x.jsonl.gz", gzip.compress(b'{"a": 1}\n' * 2000)[:-20], ("cut off",)),
        ("x.parquet.gz", gzip.compress(b"x" * 2000)[:-9], ("cut off",)),
    ],
)
def test_broken_files(tmp_path: Path, name: str, content: bytes, parts: tuple[str, ...]) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    fails(path, *parts)


def test_a_file_that_vanished(tmp_path: Path) -> None:
    fails(tmp_path / "gone.jsonl", "no such file")


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    fails(tmp_path, "is a folder", format="csv")


def test_folder_reads_splits_and_their_shards(tmp_path: Path) -> None:
    write(tmp_path / "train-00000-of-00002.jsonl", [{"a": 1}])
    write(tmp_path / "train-00001-of-00002.jsonl", [{"a": 2}])
    (tmp_path / "data").mkdir()
    write(tmp_path / "data" / "test.csv.gz", [{"a": 3}])
    (tmp_path / "README.md").write_text("no data")
    reader = LocalFolder(path=str(tmp_path))
    assert set(reader.splits()) == {"train", "test"}
    assert [record for _, record in reader.read("train")] == [{"a": 1}, {"a": 2}]
    assert [record for _, record in reader.read("test")] == [{"a": "3"}]
    assert len(reader.source().files) == 3
    with pytest.raises(DataError, match=r"no split 'tset'; it has .*test.*did you mean 'test'"):
        list(reader.read("tset"))
    with pytest.raises(DataError, match="say which one with split"):
        list(reader.read(None))


def test_folder_with_one_split_needs_no_name(tmp_path: Path) -> None:
    write(tmp_path / "train.jsonl", [{"a": 1}])
    assert [record for _, record in LocalFolder(path=str(tmp_path)).read(None)] == [{"a": 1}]


def test_folder_without_data(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no data file in this folder"):
        LocalFolder(path=str(tmp_path)).splits()


def test_the_fingerprint_follows_the_content(tmp_path: Path) -> None:
    path = write(tmp_path / "x.jsonl", [{"a": 1}])
    before = LocalFile(path=str(path)).source().fingerprint()
    path.write_text(json.dumps({"a": 2}))
    assert LocalFile(path=str(path)).source().fingerprint() != before
