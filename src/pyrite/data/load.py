"""Load data: choose the reader, map records to canonical rows, select, and give them in batches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from pyrite.config.names import is_reference
from pyrite.config.sections import DataSection
from pyrite.data import CANONICAL, READERS, Reader
from pyrite.data.mapping import Mapper
from pyrite.data.notes import Notes
from pyrite.data.plan import columns_of, make_plan
from pyrite.data.reshape import Located, joined, pivoted
from pyrite.data.rows import Rows, Spool
from pyrite.data.select import Where, sample_indices
from pyrite.errors import DataError
from pyrite.sources import Source, hub_commit, locate

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["Rows", "load", "open_reader", "sources"]

_HEAD_ROWS = 100
"""Records that are looked at to decide what the columns mean."""


def open_reader(section: DataSection, *, base: Path | None = None) -> Reader:
    """The reader for a data section's path: a local file, a local folder, or a hub data set.

    `./file.py:Name` is a reader of the user's own, which knows itself what it reads.

    Args:
        section: what to read; nothing is opened yet.
        base: folder that a relative path starts from; the working directory if None.

    Raises:
        DataError: the path can only be local, and does not exist.
        ComponentError: a reader of the user's own that does not load.
    """
    if is_reference(section.path):
        return _reader(section.path, {"path": section.path})
    place = _located(section.path, base)
    if place is None:
        fields = {"path": section.path, "name": section.name, "revision": section.revision}
        return _reader("hub_dataset", fields)
    if place.is_dir():
        return _reader("local_folder", {"path": str(place)})
    return _reader("local_file", {"path": str(place), "format": section.format})


def sources(section: DataSection, *, base: Path | None = None) -> dict[str, Source]:
    """The content behind a section, by role (`data`, `join`), for the identity.

    Raises:
        DataError: a local path does not exist.
    """
    found = {"data": open_reader(section, base=base).source()}
    if is_reference(section.path):
        code = Path(section.path.rpartition(":")[0])
        found["reader"] = Source(name=section.path, files=(code,))
    if section.join is not None:
        found["join"] = _second_reader(section.join.path, base).source()
    return found


def load(section: DataSection, *, base: Path | None = None, scratch: Path | None = None) -> Rows:
    """Read a data set once, from its source to canonical rows.

    The order is: `where` on columns of a long table, `pivot`, `join`, schema, `where`, `sample`.
    Rows wait in a temporary file, so that memory does not grow with the data.

    Args:
        section: what to read and how.
        base: folder that relative paths start from; the working directory if None.
        scratch: folder for the temporary file; the system's own if None.

    Raises:
        DataError: the source cannot be read, or its rows do not fit the schema.
    """
    notes = Notes()
    reader = open_reader(section, base=base)
    _tell_source(section, reader, notes)
    spool = Spool(notes, scratch)
    read, early = _before_pivot(section, reader.read(section.split), notes)
    with closing(_reshaped(section, read, base, notes)) as records:
        head = list(islice(records, _HEAD_ROWS))
        if not head:
            raise (
                early.nothing_kept(section.path) if early else DataError(f"{section.path}: no rows")
            )
        first = [record for _, record in head]
        plan = make_plan(section, first, notes)
        mapper = Mapper(plan, section.pair, notes)
        where = Where({k: v for k, v in section.where.items() if k not in early.keys})
        where.resolve(columns_of(first), [*CANONICAL[1:], *plan.extras])
        ended = _fill(spool, chain(head, records), mapper, where, section)
    spool.flush()
    spool.note_mixtures()
    where.note(notes)
    _check_filled(section, spool, mapper, where, notes)
    chosen = _sampled(section, sum(spool.sizes), notes, ended=ended)
    source = reader.source()
    if source.repo and (commit := hub_commit(source.repo, source.revision, source.kind)):
        notes.say(f"the hub data set was read at commit {commit}")
    return Rows(
        spool,
        chosen=chosen,
        sides=mapper.sides or (),
        detected=notes.sentences(),
        source=source,
    )


def _located(path: str, base: Path | None) -> Path | None:
    try:
        return locate(path, base)
    except FileNotFoundError as error:
        start = (
            "" if Path(path).is_absolute() or ":" in path else f" (paths start at {base or '.'})"
        )
        raise DataError(f"data: {error}{start}") from error


def _reader(name: str, fields: dict[str, str | None]) -> Reader:
    reader = READERS.get(name)(**fields)
    assert isinstance(reader, Reader)
    return reader


def _second_reader(path: str, base: Path | None) -> Reader:
    place = _located(path, base)
    if place is None or not place.is_file():
        raise DataError(f"join: {path}: no such local file")
    return _reader("local_file", {"path": str(place)})


def _tell_source(section: DataSection, reader: Reader, notes: Notes) -> None:
    kinds = {
        "LocalFile": "a local file",
        "LocalFolder": "a local folder",
        "HubDataset": "on the hub",
    }
    notes.say(f"{section.path} is {kinds.get(type(reader).__name__, type(reader).__name__)}")
    if section.split is not None and type(reader).__name__ == "LocalFile":
        notes.say(f"split {section.split!r} is not used: a single file has no splits")


def _before_pivot(
    section: DataSection, records: Iterator[Located], notes: Notes
) -> tuple[Iterator[Located], Where]:
    """The raw records; of a long table those that meet the conditions on its own columns."""
    if section.pivot is None:
        return records, Where({})
    head = list(islice(records, _HEAD_ROWS))
    known = columns_of([record for _, record in head])
    early = Where({key: value for key, value in section.where.items() if key in known})
    early.resolve(known, [])
    if early:
        notes.say(f"where on {', '.join(map(repr, early.keys))} was applied before the pivot")
    kept = (x for x in chain(head, records) if early.keeps_record(x[1]))
    return kept, early


def _reshaped(
    section: DataSection, records: Iterator[Located], base: Path | None, notes: Notes
) -> Generator[Located, None, None]:
    if section.pivot is not None:
        records = pivoted(records, section.pivot, notes)
    if section.join is not None:
        second = _second_reader(section.join.path, base).read(None)
        records = joined(records, second, section.join, notes)
    yield from records


def _fill(
    spool: Spool,
    records: Iterator[Located],
    mapper: Mapper,
    where: Where,
    section: DataSection,
) -> bool:
    """Read rows into the spool; False where reading stopped at the wanted number of first rows."""
    sample = section.sample
    limit = sample.n if sample is not None and sample.method == "first" else None
    taken = 0
    for place, record in records:
        if not where.keeps_record(record):
            continue
        for row in mapper.rows(place, record):
            if not where.keeps(row, record):
                continue
            spool.add(row)
            taken += 1
            if taken == limit:
                return False
    return True


def _check_filled(
    section: DataSection, spool: Spool, mapper: Mapper, where: Where, notes: Notes
) -> None:
    if not spool.sizes:
        if where.num_records_out or where.num_rows_out:
            raise where.nothing_kept(section.path)
        raise DataError(f"{section.path}: no row is left: {'; '.join(notes.sentences())}")
    if mapper.empty_sides:
        raise DataError(
            f"{section.path}: the {' and the '.join(sorted(mapper.empty_sides))} is empty in all "
            "rows; name another column in schema"
        )


def _sampled(section: DataSection, num_rows: int, notes: Notes, *, ended: bool) -> list[int] | None:
    if ended:
        return sample_indices(section.sample, num_rows, notes)
    notes.say(f"the first {num_rows:,} rows were taken; reading stopped there")
    return None
