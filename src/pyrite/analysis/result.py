"""What an analysis found, as data; the words for it are in `wording.py`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyrite.analysis.agreement import Agreement
from pyrite.analysis.association import Association, Corrected
from pyrite.analysis.measures import Measure
from pyrite.analysis.resample import Estimate
from pyrite.analysis.story import findings
from pyrite.analysis.surrogate import Surrogate

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["AnalysisResult", "Figure"]


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure on disk; `name` is also the stem of both files."""

    name: str
    title: str
    caption: str
    png: Path
    html: Path


@dataclass(frozen=True)
class AnalysisResult:
    """Everything that one `analyze` section found.

    Attributes:
        id: the analysis's name.
        measured: query -> parquet file with `row_id` and one column per measured feature.
        associations: of every target with every feature, corrected as one family.
        surrogates: predictions out of fold; those named by the experiment and the surface share.
        measures: accuracy, agreement with gold, calibration.
        agreements: rank correlations between models over the same rows.
        figures: in the order to show them.
        notes: plain sentences: what was not measured and why, what was dropped or cut.
        confidence: of all intervals.
    """

    id: str
    measured: Mapping[str, Path]
    associations: tuple[Association, ...]
    surrogates: tuple[Surrogate, ...]
    measures: tuple[Measure, ...]
    agreements: tuple[Agreement, ...]
    figures: tuple[Figure, ...]
    notes: tuple[str, ...]
    confidence: float

    @property
    def association_table(self) -> pa.Table:
        """One row per association; intervals as `..._low` and `..._high`."""
        return _table(Association, self.associations)

    @property
    def surrogate_table(self) -> pa.Table:
        """One row per surrogate; names of columns joined with commas."""
        return _table(Surrogate, self.surrogates)

    @property
    def measure_table(self) -> pa.Table:
        """One row per measure."""
        return _table(Measure, self.measures)

    @property
    def agreement_table(self) -> pa.Table:
        """One row per pair of models."""
        return _table(Agreement, self.agreements)

    def write_tables(self, folder: Path) -> None:
        """Write the four tables as parquet, empty ones included."""
        import pyarrow.parquet as pq

        for name in ("association", "surrogate", "measure", "agreement"):
            pq.write_table(getattr(self, f"{name}_table"), folder / f"{name}s.parquet")

    def findings(self) -> list[str]:
        """What the numbers carry, one plain sentence each, the story first."""
        return findings(
            self.associations,
            self.surrogates,
            self.measures,
            self.agreements,
            confidence=self.confidence,
        )

    def summary(self) -> dict[str, float]:
        """Scalars for trackers, `.../low` and `.../high` beside each; all finite."""
        named: dict[str, Estimate | None] = {}
        for a in self.associations:
            named[f"{a.query}/{a.target}/{a.feature}/spearman"] = a.spearman.estimate
            if a.within is not None:
                named[f"{a.query}/{a.target}/{a.feature}/spearman_within"] = a.within.estimate
        for s in self.surrogates:
            estimator = s.estimator.partition(":")[0]
            stem = f"{s.query}/{s.target}/{s.purpose}/{estimator}/{_short(s.x)}"
            named[f"{stem}/r2"] = s.r2
        for m in self.measures:
            against = f"/{m.against}" if m.against else ""
            named[f"{m.query}/{m.target}/{m.name}{against}".replace(" ", "_")] = m.estimate
        for g in self.agreements:
            named[f"agreement/{g.first}/{g.second}/spearman"] = g.spearman
        scalars: dict[str, float] = {}
        for name, estimate in named.items():
            if estimate is not None:
                scalars[name] = estimate.value
                scalars[f"{name}/low"] = estimate.low
                scalars[f"{name}/high"] = estimate.high
        return {name: value for name, value in scalars.items() if math.isfinite(value)}


def _short(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{len(names)}_columns"


def _table(kind: type[Any], rows: Iterable[Any]) -> pa.Table:
    import pyarrow as pa

    kinds = {"str": pa.string(), "int": pa.int64(), "float": pa.float64(), "bool": pa.bool_()}
    schema = pa.schema([(name, kinds[of]) for name, of in _columns(kind)])
    return pa.Table.from_pylist([_flat(row) for row in rows], schema=schema)


def _columns(kind: type[Any]) -> list[tuple[str, str]]:
    """Names and kinds of the flat columns; the fields' annotations are strings here."""
    columns = []
    for field in fields(kind):
        of = str(field.type).removesuffix(" | None")
        if of in ("Estimate", "Corrected"):
            columns.append((field.name, "float"))
            columns += [(f"{field.name}_{part}", "float") for part in ("low", "high")]
            columns += [(f"{field.name}_{part}", "int") for part in ("rows", "groups")]
            tested = _OF_TESTS if of == "Corrected" else ()
            columns += [(f"{field.name}_{part}", "float") for part in tested]
        else:
            columns.append((field.name, of if of in ("int", "float", "bool") else "str"))
    return columns


_OF_TESTS = ("wide_low", "wide_high", "p", "q")


def _flat(row: Any) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for field in fields(row):
        value = getattr(row, field.name)
        if isinstance(value, Corrected):
            _add(flat, field.name, value.estimate)
            flat |= {f"{field.name}_{part}": getattr(value, part) for part in _OF_TESTS}
        elif isinstance(value, Estimate):
            _add(flat, field.name, value)
        elif isinstance(value, tuple):
            flat[field.name] = ", ".join(value)
        else:
            flat[field.name] = value
    return flat


def _add(flat: dict[str, Any], name: str, estimate: Estimate) -> None:
    flat[name] = estimate.value
    for part in ("low", "high", "rows", "groups"):
        flat[f"{name}_{part}"] = getattr(estimate, part)
