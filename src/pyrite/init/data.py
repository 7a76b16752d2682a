"""Looking at a data file: its format, which columns are texts, and what the others hold."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import IO, cast

from pyrite.config.sections import DataSection, PairSpec
from pyrite.data import Record
from pyrite.data.load import open_reader
from pyrite.data.mapping import Mapper, Row
from pyrite.data.notes import Notes
from pyrite.data.plan import columns_of, make_plan
from pyrite.errors import DataError
from pyrite.init.found import DataFound, PairLabel
from pyrite.init.names import identifier
from pyrite.init.roles import pair_label, roles_of
from pyrite.init.texts import text_columns
from pyrite.sources import locate

__all__ = ["LOOKED_AT", "look_at_data"]

LOOKED_AT = 5_000
"""Records that are read; a larger source is sampled by the experiment."""
_HEAD = 100
_SNIFFED = 8192
_LONGEST_LINE = 4 << 20


@dataclass(frozen=True, slots=True)
class _Source:
    """A section that can be read, and what was chosen to make it so."""

    section: DataSection
    kind: str
    told: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()


def look_at_data(path: str) -> DataFound:
    """What a data file, a folder of splits or a hub data set holds.

    All of the first `LOOKED_AT` records are turned into rows, so that a row that does not fit is
    found now and not in the run.

    Raises:
        DataError: it cannot be read, is empty, or has no text column; with the likely cure.
    """
    source = _source(path)
    section = source.section
    reader = open_reader(section)
    located = list(islice(reader.read(section.split), LOOKED_AT + 1))
    records = [record for _, record in located[:LOOKED_AT]]
    if not records:
        raise DataError(f"{path}: no rows in it")
    head = records[:_HEAD]
    columns = columns_of(records)
    texts = text_columns(path, records, columns)
    label = pair_label(records, texts.candidates) if not texts.answers else None
    schema = _without_options(texts.schema, label)
    pair = None if label is None else _spec(label)
    section = section.model_copy(update={"columns": schema, "pair": pair})
    notes = Notes()
    plan = make_plan(section, head, notes)
    mapper = Mapper(plan, pair, notes)
    rows = [row for where, record in located[:LOOKED_AT] for row in mapper.rows(where, record)]
    if not rows:
        raise DataError(f"{path}: none of the first {len(records)} records gives a row")
    sides = mapper.sides or ()
    used = {column.root for column in plan.texts.values()}
    used |= {*label.options, label.preferred} if label else set()
    paired = "chosen" in sides
    found = DataFound(
        id=identifier(_stem(path), fallback="data"),
        path=path,
        schema=schema or _as_detected(plan.texts),
        roles=roles_of(records, [x for x in columns if x not in used], paired=paired),
        rows=len(rows),
        prompts=len({row.group for row in rows if row.group is not None}),
        answers=_answers(rows),
        format=section.format if section.format != "auto" else None,
        split=section.split,
        pair=label,
        more=len(located) > LOOKED_AT,
        paired=paired,
        answered=paired or "response" in sides,
        told=(_size(located, source.kind), *source.told, *_said(notes)),
        unsure=(*source.unsure, *texts.unsure, *_unsure_of(label)),
    )
    return _grouped(found, rows)


def _spec(label: PairLabel) -> PairSpec:
    return PairSpec(
        options=label.options, preferred=label.preferred, first=label.first, second=label.second
    )


def _as_detected(texts: object) -> dict[str, str]:
    assert isinstance(texts, dict)
    return {field: column.text for field, column in texts.items()}


def _without_options(schema: dict[str, str], label: PairLabel | None) -> dict[str, str]:
    taken = set(label.options) if label else set()
    return {field: column for field, column in schema.items() if column not in taken}


def _unsure_of(label: PairLabel | None) -> tuple[str, ...]:
    if label is None or label.sure:
        return ()
    return (
        f"column {label.preferred!r} holds 0 and 1: 0 was taken to mean {label.options[0]!r} is "
        "better; if it is the other way round, exchange `first` and `second`",
    )


def _answers(rows: Sequence[Row]) -> tuple[str, ...]:
    sides = ("response", "chosen", "rejected", "prompt")
    texts = [(row.texts, side) for row in rows[:300] for side in sides]
    found = [getattr(of, side) for of, side in texts if side != "prompt"]
    known = [text for text in found if text is not None]
    return tuple(known or [of.prompt or "" for of, side in texts if side == "prompt"])


def _size(located: Sequence[tuple[str, Record]], kind: str) -> str:
    count = len(located)
    more = f"more than {LOOKED_AT:,}" if count > LOOKED_AT else f"{count:,}"
    return f"{kind}, {more} record{'' if count == 1 else 's'}"


def _said(notes: Notes) -> tuple[str, ...]:
    return tuple(
        x.replace(" (detected; the schema does not name it)", "") for x in notes.sentences()
    )


def _grouped(found: DataFound, rows: Sequence[Row]) -> DataFound:
    """The unit of resampling, where all rows answer one prompt."""
    if found.prompts > 1 or found.rows < 2 or not found.answered or found.paired:
        return found
    if any(row.group is None for row in rows):
        return found
    answer = found.schema.get("response")
    if answer is None or len(set(found.answers)) < 2:
        return found
    return replace(
        found,
        group=answer,
        unsure=(
            *found.unsure,
            "all rows have the same prompt, so that the answer was made the unit of resampling "
            "(`group`)",
        ),
    )


def _source(path: str) -> _Source:
    place = _place(path)
    if place is None or place.is_dir():
        return _with_split(path, "a folder" if place else "a hub data set")
    kind, known = _sniffed(place)
    if known:
        return _Source(DataSection(path=path), kind)
    told = f"its suffix does not say that it is {kind}: `format: {kind}`"
    return _Source(DataSection.model_validate({"path": path, "format": kind}), kind, (told,))


def _place(path: str) -> Path | None:
    try:
        return locate(path)
    except FileNotFoundError as error:
        here = "" if Path(path).is_absolute() else f" (paths start at {Path.cwd()})"
        raise DataError(f"{error}{here}; check the spelling of --data") from error


def _with_split(path: str, kind: str) -> _Source:
    section = DataSection(path=path)
    splits = open_reader(section).splits()
    if len(splits) < 2:
        return _Source(section, kind)
    chosen = next((x for x in ("test", "validation", "train") if x in splits), splits[0])
    others = ", ".join(x for x in splits if x != chosen)
    return _Source(
        DataSection(path=path, split=chosen), kind, unsure=(f"split {chosen!r}; others: {others}",)
    )


def _sniffed(path: Path) -> tuple[str, bool]:
    """The format of a file, and whether its suffix says it.

    Raises:
        DataError: it is empty, or neither text nor parquet.
    """
    name = path.name.lower().removesuffix(".gz")
    suffix = Path(name).suffix.removeprefix(".")
    by_name = {"ndjson": "jsonl", "pq": "parquet"}.get(suffix, suffix)
    start = _start(path)
    if not start.strip():
        raise DataError(f"{path}: the file is empty; write the data again")
    if start.startswith(b"PAR1"):
        return "parquet", by_name == "parquet"
    if by_name == "parquet":
        return "parquet", True  # the reader says what is wrong with it
    if b"\0" in start and not start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DataError(
            f"{path}: a binary file that is not parquet; save the data as .jsonl, .json, .csv or "
            ".parquet (pandas: read it and call to_json(..., orient='records', lines=True))"
        )
    if by_name == "json" and _is_json_lines(start):
        return "jsonl", False
    if by_name in ("csv", "tsv"):
        _check_separator(path, start)
    if by_name in ("jsonl", "json", "csv"):
        return by_name, True
    opening = start.lstrip()[:1]
    if opening in (b"{", b"["):
        return ("jsonl" if _is_json_lines(start) else "json"), False
    if b"," in start.splitlines()[0]:
        return "csv", False
    raise DataError(
        f"{path}: neither the suffix nor the content says what it is; Pyrite reads .jsonl, .json, "
        ".csv (with commas) and .parquet, each also .gz"
    )


def _start(path: Path) -> bytes:
    try:
        if path.suffix.lower() == ".gz":
            with gzip.open(path) as packed:
                return _beginning(cast("IO[bytes]", packed))
        with path.open("rb") as stream:
            return _beginning(stream)
    except (OSError, EOFError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{path}: cannot be read: {reason}") from error


def _beginning(stream: IO[bytes]) -> bytes:
    """The first lines, of which at least one is whole unless it is very long."""
    return stream.read(_SNIFFED) + stream.readline(_LONGEST_LINE) + stream.read(_SNIFFED)


def _is_json_lines(start: bytes) -> bool:
    """Whether the first line is a whole object and another one follows."""
    line, _, rest = start.partition(b"\n")
    try:
        whole = isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False
    return whole and rest.lstrip().startswith(b"{")


def _check_separator(path: Path, start: bytes) -> None:
    """Refuse a header whose columns are separated by something else than commas."""
    header = start.removeprefix(b"\xef\xbb\xbf").splitlines()[0]
    mark = next((x for x in (b"\t", b";", b"|") if x in header), None)
    if mark is None or b"," in header:
        return
    sep = mark.decode()
    shown = "tabs" if sep == "\t" else repr(sep)
    raise DataError(
        f"{path}:1: the columns are separated by {shown}; save the file with commas (pandas: "
        f"read_csv({path.name!r}, sep={sep!r}).to_csv('{path.stem}-commas.csv', index=False))"
    )


def _stem(path: str) -> str:
    plain = path.removeprefix("builtin:").rstrip("/")
    return Path(plain).name.split(".")[0]
