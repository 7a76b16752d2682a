"""May two steps be compared? Only the same rows, as the same text, and what differs is named."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pyrite.data import CANONICAL
from pyrite.errors import PyriteError
from pyrite.finished import FinishedRun, FinishedStep
from pyrite.steps.data import ROWS
from pyrite.steps.rows import RowReader
from pyrite.types import Json

__all__ = [
    "ROWS_FLAG",
    "TEMPLATE_FLAG",
    "Matched",
    "differing_fields",
    "match_rows",
    "refuse",
    "rendering_differences",
]

ROWS_FLAG = "--allow-different-rows"
TEMPLATE_FLAG = "--allow-different-template"
_TEXTS = ("prompt", "response", "chosen", "rejected", "messages")
_SETTINGS = ("message", "tokenizer", "pairs")
SHOWN = 6


@dataclass(frozen=True)
class Matched:
    """Rows that two steps share.

    Attributes:
        a, b: int64 [shared], indices of the same row in A and in B, in the order of A.
        rows_a, rows_b: how many rows each has.
        difference: what differs, in words; "" where both have the same rows in the same order.
    """

    a: np.ndarray
    b: np.ndarray
    rows_a: int
    rows_b: int
    difference: str


def match_rows(data_a: FinishedStep, data_b: FinishedStep) -> Matched:
    """The rows that two data steps share, by the content of their texts.

    Rows with the same texts are matched in order, so a text that one run has twice and the other
    once is shared once.

    Raises:
        CorruptArtifactError: rows cannot be read.
    """
    readers = RowReader(data_a.path / ROWS), RowReader(data_b.path / ROWS)
    count_a, count_b = readers[0].num_rows, readers[1].num_rows
    if data_a.identity == data_b.identity:
        every = np.arange(count_a)
        return Matched(every, every, count_a, count_b, "")
    keys_a, keys_b = _keys(readers[0]), _keys(readers[1])
    if keys_a == keys_b:
        every = np.arange(count_a)
        return Matched(every, every, count_a, count_b, "")
    a, b = _shared(keys_a, keys_b)
    told = [f"{count_a} rows in A, {count_b} in B, {len(a)} with the same texts"]
    told += differing_fields(data_a.declared, data_b.declared)
    if data_a.content != data_b.content:
        told.append("the files' content differs")
    if len(a) == count_a == count_b:
        told.append("the order differs")
    return Matched(a, b, count_a, count_b, "; ".join(told))


def _keys(reader: RowReader) -> list[bytes]:
    """A digest of the texts of every row; of all its columns where it has no text."""
    names = [name for name in _TEXTS if name in reader.columns]
    names = names or sorted(set(reader.columns) - set(CANONICAL))
    found = []
    for batch in reader.batches(names):
        for row in batch.to_pylist():
            text = json.dumps([[k, row[k]] for k in names if row[k] is not None], default=str)
            found.append(hashlib.blake2b(text.encode(), digest_size=16).digest())
    return found


def _shared(keys_a: Sequence[bytes], keys_b: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray]:
    places: dict[bytes, deque[int]] = defaultdict(deque)
    for at, key in enumerate(keys_b):
        places[key].append(at)
    pairs = [(at, places[key].popleft()) for at, key in enumerate(keys_a) if places.get(key)]
    found = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return found[:, 0], found[:, 1]


def rendering_differences(
    run_a: FinishedRun, run_b: FinishedRun, step_a: FinishedStep, step_b: FinishedStep
) -> list[str]:
    """How the texts that two queries (or exploit steps) scored differ in form, in words."""
    settings = [{k: s.declared[k] for k in _SETTINGS if k in s.declared} for s in (step_a, step_b)]
    told = differing_fields(*settings)
    alone = [bool(s.declared.get("forward", {}).get("inference")) for s in (step_a, step_b)]
    if alone[0] != alone[1]:
        told.append(f"forward.inference: {_shown(alone[0])} in A, {_shown(alone[1])} in B")
    forms = [_form(run, step) for run, step in ((run_a, step_a), (run_b, step_b))]
    for name, form_a in forms[0].items():
        form_b = forms[1].get(name)
        if form_b is not None and form_a != form_b:
            told.append(f"{name}: {_shown(form_a)} in A, {_shown(form_b)} in B")
    return told


def _form(run: FinishedRun, step: FinishedStep) -> dict[str, Json]:
    """What the opened model made of `default`: its rendering and its template, where known."""
    model = run.required(step, "model")
    if not run.is_finished(model):
        return {}
    meta = run.step(model).meta
    facts = meta.get("facts", {})
    asked = step.declared.get("message", {}).get("unravel", "default")
    found = {"the model's template": facts.get("template")}
    if asked == "default":
        found["the model's rendering"] = meta.get("unravel")
    return {name: value for name, value in found.items() if value is not None}


def differing_fields(a: Mapping[str, Json], b: Mapping[str, Json]) -> list[str]:
    """`tokenizer.max_length: 512 in A, 1024 in B`, one text for each field that differs."""
    flat_a, flat_b = _flat(a), _flat(b)
    names = [x for x in {**flat_a, **flat_b} if flat_a.get(x) != flat_b.get(x)]
    told = [f"{x}: {_shown(flat_a.get(x))} in A, {_shown(flat_b.get(x))} in B" for x in names]
    more = len(told) - SHOWN
    return told if more <= 0 else [*told[:SHOWN], f"{more} more settings"]


def _flat(value: Mapping[str, Json], stem: str = "") -> dict[str, Json]:
    flat: dict[str, Json] = {}
    for name, inner in value.items():
        if isinstance(inner, Mapping):
            flat |= _flat(inner, f"{stem}{name}.")
        else:
            flat[f"{stem}{name}"] = inner
    return flat


def _shown(value: Json) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 80 else f"{text[:77]}..."


def refuse(what: str, difference: str, flag: str) -> PyriteError:
    """The error of a comparison that would mislead, with the flag that allows it."""
    return PyriteError(
        f"{what} cannot be compared: {difference}; a difference of scores would mix this with the "
        f"models' own. To compare all the same, with this on record, add {flag}"
    )
