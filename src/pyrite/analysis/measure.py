"""Measure features on the texts of a query, streamed: a batch of texts is held, never all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pyrite.errors import AnalysisError

if TYPE_CHECKING:
    from pyrite.component import Component
    from pyrite.features import Feature
    from pyrite.tables import QueryTable

__all__ = ["Measurement", "Wanted", "build", "measure", "open_feature", "write_measured"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """One column to measure: a feature on the sides that its text is made of.

    Two sides mean the difference, the first minus the second.
    """

    column: str
    text: str
    feature: Feature
    sides: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Measurement:
    """A measured column: float64 [rows], its unit, and the text it was measured on."""

    values: np.ndarray
    unit: str
    text: str


def open_feature(name: str, args: Mapping[str, object]) -> Feature:
    """The feature called `name` with its arguments.

    Raises:
        ComponentError: no feature has this name.
        AnalysisError: it does not take these arguments.
    """
    from pyrite.features import FEATURES

    return cast("Feature", build(FEATURES.get(name), args, what=f"feature {name!r}"))


def build(kind: type[Component], args: Mapping[str, object], *, what: str) -> Component:
    """A component from arguments of the experiment.

    Raises:
        AnalysisError: it does not take these arguments; names each that is wrong.
    """
    from pydantic import ValidationError

    try:
        return kind(**args)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, x['loc'])) or what}: {x['msg']}" for x in error.errors()
        )
        known = ", ".join(sorted(kind.model_fields)) or "none"
        raise AnalysisError(f"{what}: {problems} (its arguments: {known})") from error


def measure(table: QueryTable, wanted: Sequence[Wanted]) -> dict[str, Measurement]:
    """Measure all columns, reading every side of the table once.

    Raises:
        AnalysisError: a feature does not give one number per text.
    """
    by_side: dict[str, dict[str, np.ndarray]] = {}
    for side in dict.fromkeys(side for x in wanted for side in x.sides):
        features = {
            x.feature.model_dump_json() + x.feature.name: x.feature
            for x in wanted
            if side in x.sides
        }
        by_side[side] = _one_side(table, side, features)
    measured = {}
    for each in wanted:
        key = each.feature.model_dump_json() + each.feature.name
        columns = [by_side[side][key] for side in each.sides]
        values = columns[0] if len(columns) == 1 else columns[0] - columns[1]
        unit = each.feature.unit
        unit = f"{unit}, chosen minus rejected" if len(columns) == 2 else unit
        measured[each.column] = Measurement(values, unit, each.text)
    return measured


def _one_side(
    table: QueryTable, side: str, features: Mapping[str, Feature]
) -> dict[str, np.ndarray]:
    columns = {key: np.empty(table.num_rows) for key in features}
    at = 0
    for texts in table.texts(side):
        for key, feature in features.items():
            columns[key][at : at + len(texts)] = _checked(feature, texts)
        at += len(texts)
    if at != table.num_rows:
        raise AnalysisError(f"{table.id}: {at} texts of {side} for {table.num_rows} rows")
    return columns


def _checked(feature: Feature, texts: Sequence[str]) -> np.ndarray:
    values = np.asarray(feature.compute(texts), dtype=np.float64)
    if values.shape != (len(texts),):
        raise AnalysisError(
            f"feature {feature.name!r} gave an array of shape {values.shape} for {len(texts)} "
            f"texts (one number per text is needed)"
        )
    return values


def write_measured(table: QueryTable, measured: Mapping[str, Measurement], folder: Path) -> Path:
    """Write `features.<query>.parquet`: `row_id` and one float64 column per measured column."""
    if "row_id" in table.columns:
        row_id = table.column("row_id")
    else:
        row_id = pa.array(np.arange(table.num_rows, dtype=np.int64))
    fields = [pa.field("row_id", pa.int64())]
    arrays = [row_id.cast(pa.int64())]
    for name, each in measured.items():
        about = {"unit": each.unit, "text": each.text}
        fields.append(pa.field(name, pa.float64(), metadata=about))
        arrays.append(pa.array(each.values))
    path = folder / f"features.{table.id}.parquet"
    pq.write_table(pa.table(arrays, schema=pa.schema(fields)), path)
    return path
