"""The score store: what is found is what was stored, bit for bit, after any kill or damage."""

from __future__ import annotations

import errno
import fcntl
import math
import multiprocessing
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyrite.scoring import segments as segments_module
from pyrite.scoring import store as store_module
from pyrite.scoring.segments import CORRUPT, State, read_segment, record_type, segment_paths
from pyrite.scoring.store import ScoreStore, store_folder

KEY = "scorer"
key_bytes = st.binary(min_size=16, max_size=16)
finite = st.floats(allow_nan=False, allow_infinity=False)


def numbered(n: int, start: int = 0) -> list[bytes]:
    return [i.to_bytes(16, "little") for i in range(start, start + n)]


def column(*scores: float) -> np.ndarray:
    return np.array(scores, dtype=np.float64).reshape(-1, 1)


def stored(folder: Path, keys: list[bytes], *, key: str = KEY, width: int = 1) -> list[list[float]]:
    """What a new process would find."""
    found, values = ScoreStore(folder, key, width=width).find(keys)
    assert np.isnan(values[~found]).all()
    return [row if yes else [] for yes, row in zip(found, values.tolist(), strict=True)]


def written(folder: Path, keys: list[bytes], values: np.ndarray, *, key: str = KEY) -> Path:
    """A closed segment with these scores."""
    store = ScoreStore(folder, key, width=values.shape[1])
    before = set(segment_paths(store.folder))
    store.add(keys, values)
    store.close()
    (path,) = set(segment_paths(store.folder)) - before
    return path


@settings(max_examples=50)
@given(
    st.lists(st.dictionaries(key_bytes, finite, max_size=20), max_size=4),
    st.data(),
    st.integers(1, 3),
)
def test_any_mix_and_order_finds_the_score_that_was_stored_first(
    rounds: list[dict[bytes, float]], data: st.DataObject, width: int
) -> None:
    # Zero bytes at the end of a key are where an index of strings would go wrong.
    rounds = [{**r, **{key[:-1] + b"\0": v for key, v in r.items()}} for r in rounds]
    with tempfile.TemporaryDirectory() as name:
        expected: dict[bytes, float] = {}
        for scores in rounds:
            store = ScoreStore(Path(name), KEY, width=width)
            keys = data.draw(st.permutations(list(scores)))
            store.add(keys, np.array([[scores[key]] * width for key in keys]).reshape(-1, width))
            expected = {**scores, **expected}
            asked = data.draw(st.permutations([*expected, b"x" * 16, *scores]))
            for opened in (store, ScoreStore(Path(name), KEY, width=width)):
                found, values = opened.find(asked)
                for key, yes, row in zip(asked, found, values, strict=True):
                    assert yes == (key in expected)
                    if yes:
                        assert row.tobytes() == np.full(width, expected[key]).tobytes()
            assert len(store) == len(expected)
            store.close()


def test_scorers_and_widths_never_share(tmp_path: Path) -> None:
    path = written(tmp_path, numbered(3), column(1, 2, 3))
    assert stored(tmp_path, numbered(3), key="other") == [[], [], []]
    (tmp_path / "other").mkdir()
    shutil.copy(path, tmp_path / "other")
    assert stored(tmp_path, numbered(3), key="other") == [[], [], []]
    shutil.copy(path, tmp_path / "other")
    assert stored(tmp_path, numbered(3), key="other", width=2) == [[], [], []]
    assert stored(tmp_path, numbered(3)) == [[1.0], [2.0], [3.0]]


def test_what_is_no_score_is_not_stored(tmp_path: Path) -> None:
    values = np.array([[1.0, 2.0], [math.nan, 1.0], [1.0, math.inf], [-math.inf, math.nan]])
    written(tmp_path, numbered(4), values)
    assert stored(tmp_path, numbered(4), width=2) == [[1.0, 2.0], [], [], []]


@pytest.mark.parametrize("width", [1, 3])
def test_a_kill_at_any_byte_loses_at_most_the_record_being_written(
    tmp_path: Path, width: int
) -> None:
    values = np.arange(4.0 * width).reshape(4, width) + 0.1
    whole = written(tmp_path / "whole", numbered(4), values).read_bytes()
    size = record_type(width).itemsize
    start = len(whole) - 4 * size
    for cut in range(len(whole) + 1):
        folder = tmp_path / str(cut)
        path = folder / KEY / "1-a.scores"
        path.parent.mkdir(parents=True)
        path.write_bytes(whole[:cut])
        finished = max(cut - start, 0) // size
        store = ScoreStore(folder, KEY, width=width)
        found, got = store.find(numbered(4))
        assert found.tolist() == [i < finished for i in range(4)]
        assert np.array_equal(got[:finished], values[:finished])
        # A new writer does not go on in the torn file, and nothing was set aside.
        store.add(numbered(4), values)
        store.close()
        assert path.read_bytes() == whole[:cut]
        assert not store.notes
        assert stored(folder, numbered(4), width=width) == values.tolist()


def test_any_flipped_byte_is_noticed_and_no_wrong_score_comes_out(tmp_path: Path) -> None:
    scores = [1.5, -2.25, 3.0]
    whole = written(tmp_path / "whole", numbered(3), column(*scores)).read_bytes()
    start = len(whole) - 3 * record_type(1).itemsize
    for at in range(len(whole)):
        for flip in (0x01, 0x80, 0xFF):
            folder = tmp_path / f"{at}-{flip}"
            path = folder / KEY / "1-a.scores"
            path.parent.mkdir(parents=True)
            path.write_bytes(whole[:at] + bytes([whole[at] ^ flip]) + whole[at + 1 :])
            store = ScoreStore(folder, KEY)
            found, values = store.find(numbered(3))
            right = [value == score for value, score in zip(values[:, 0], scores, strict=True)]
            assert found.tolist() == right
            # In the records exactly the damaged one is lost; a damaged header loses all.
            assert found.sum() == (2 if at >= start else 0)
            store.close()


def test_a_damaged_segment_is_set_aside_once_and_its_good_records_are_kept(tmp_path: Path) -> None:
    path = written(tmp_path, numbered(5), column(0, 1, 2, 3, 4))
    data = bytearray(path.read_bytes())
    data[-3 * record_type(1).itemsize + 17] ^= 4
    path.write_bytes(data)
    store = ScoreStore(tmp_path, KEY)
    assert store.find(numbered(5))[0].tolist() == [True, True, False, True, True]
    assert len(store.notes) == 1
    assert "4 scores in it pass their check" in store.notes[0]
    assert path.with_name(path.name + CORRUPT).read_bytes() == data
    store.close()
    again = ScoreStore(tmp_path, KEY)
    assert again.find(numbered(5))[0].sum() == 4
    assert not again.notes


def test_what_a_newer_pyrite_wrote_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(segments_module, "VERSION", 2)
        path = written(tmp_path, numbered(1), column(1))
    store = ScoreStore(tmp_path, KEY)
    assert not store.find(numbered(1))[0].any()
    assert "newer Pyrite" in store.notes[0]
    assert path.exists()


@pytest.mark.parametrize("failure", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_full_disk_stops_the_storing_and_not_the_scoring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: int
) -> None:
    store = ScoreStore(tmp_path, KEY)
    store.add(numbered(2), column(0, 1))
    real = os.write

    def full(descriptor: int, data: bytes) -> int:
        if len(data) < 40:
            raise OSError(failure, os.strerror(failure))
        return real(descriptor, data[:33])  # a record and a part of the next

    monkeypatch.setattr(os, "write", full)
    store.add(numbered(2, start=2), column(2, 3))
    store.add(numbered(1, start=4), column(4))
    monkeypatch.setattr(os, "write", real)
    store.add(numbered(1, start=5), column(5))
    assert store.find(numbered(6))[1][:, 0].tolist() == [0, 1, 2, 3, 4, 5]
    assert len(store.notes) == 1
    assert os.strerror(failure) in store.notes[0]
    assert stored(tmp_path, numbered(6)) == [[0.0], [1.0], [], [], [], []]


def test_a_cache_that_cannot_be_made_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    store = ScoreStore(tmp_path / "file", KEY)
    store.add(numbered(1), column(7))
    assert store.find(numbered(1))[1].tolist() == [[7.0]]
    assert "scoring goes on" in store.notes[0]


def test_a_read_only_cache_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, numbered(1), column(7))

    def refuse(*_: object, **__: object) -> int:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    # Root may write anywhere, so the refusal is played.
    monkeypatch.setattr(os, "open", refuse)
    monkeypatch.setattr(os, "utime", refuse)
    store = ScoreStore(tmp_path, KEY)
    assert store.find(numbered(1))[1].tolist() == [[7.0]]
    store.add(numbered(1, start=1), column(8))
    store.add(numbered(1, start=2), column(9))
    assert store.find(numbered(3))[1][:, 0].tolist() == [7, 8, 9]
    assert len(store.notes) == 1
    assert "Read-only" in store.notes[0]


def _write_many(folder: Path, worker: int, barrier: multiprocessing.Barrier) -> None:
    store = ScoreStore(folder, KEY)
    barrier.wait(60)
    for start in range(0, 2000, 50):
        own = numbered(50, start=worker * 2000 + start)
        shared = numbered(10, start=10_000 + start)
        scores = [float(int.from_bytes(key, "little")) for key in own + shared]
        store.add(own + shared, column(*scores))


def test_two_processes_writing_at_once_lose_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(2)
    workers = [context.Process(target=_write_many, args=(tmp_path, i, barrier)) for i in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    assert len(segment_paths(tmp_path / KEY)) == 2
    everything = numbered(4000) + [k for s in range(0, 2000, 50) for k in numbered(10, 10_000 + s)]
    scores = [[float(int.from_bytes(key, "little"))] for key in everything]
    assert stored(tmp_path, everything) == scores


def test_many_small_segments_become_one_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = store_module.MANY_SEGMENTS + 5
    live = ScoreStore(tmp_path, KEY)
    with monkeypatch.context() as patch:
        patch.setattr(store_module, "MANY_SEGMENTS", 1000)
        for start in range(many - 1):
            written(tmp_path, numbered(3, start=start), column(*range(start, start + 3)))
        written(tmp_path, numbered(1, start=99), column(math.pi))
        live.add(numbered(1, start=500), column(500))
    (held,) = [p for p in segment_paths(tmp_path / KEY) if not _free(p)]
    expected = [[float(i)] for i in range(many + 1)]
    assert stored(tmp_path, numbered(many + 1)) == expected
    assert held.exists()
    assert len(segment_paths(tmp_path / KEY)) == 2
    assert stored(tmp_path, [*numbered(many + 1), *numbered(1, 99), *numbered(1, 500)]) == [
        *expected,
        [math.pi],
        [500.0],
    ]
    live.add(numbered(1, start=501), column(501))
    assert stored(tmp_path, numbered(1, start=501)) == [[501.0]]


def _free(path: Path) -> bool:
    with path.open("rb") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def test_new_scores_are_found_after_they_were_sorted_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "_FOLD", 10)
    store = ScoreStore(tmp_path, KEY)
    for start in range(0, 200, 7):
        store.add(numbered(7, start=start), column(*range(start, start + 7)))
        assert store.find(numbered(start + 7))[1][:, 0].tolist() == list(range(start + 7))
    assert len(store) == 203


def test_segments_read_whole_until_they_are_torn(tmp_path: Path) -> None:
    path = written(tmp_path, numbered(2), column(1, 2))
    assert read_segment(path, KEY, 1).state is State.WHOLE
    path.write_bytes(path.read_bytes() + b"half a record")
    assert read_segment(path, KEY, 1).state is State.TORN


def test_the_store_is_in_pyrites_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYRITE_CACHE", str(tmp_path / "elsewhere"))
    assert store_folder() == tmp_path / "elsewhere" / "scores"
