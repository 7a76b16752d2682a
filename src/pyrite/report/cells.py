"""Values of cells and blocks that several sections make."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from pyrite.report import Column, Figure, Table
from pyrite.types import Json

if TYPE_CHECKING:
    from pyrite.analysis.figures.chart import Chart
    from pyrite.analysis.resample import Estimate

__all__ = [
    "MOST_TEXT",
    "bounds",
    "cells",
    "columns",
    "cut",
    "drawn",
    "figure",
    "first_rows",
    "interval",
    "screen",
    "shares_words",
    "shortened",
]

MOST_TEXT = 20_000
"""Characters of one text in a report; the run directory has all of it."""
LEAST_TEXT = 500


def interval(estimate: Estimate | None) -> Json:
    """A cell of type `interval`; None where the number was not measured."""
    if estimate is None:
        return None
    return [_finite(x) for x in (estimate.value, estimate.low, estimate.high)]


def bounds(row: Mapping[str, Json], name: str) -> Json:
    """The same from a row of a table with `name`, `name_low` and `name_high`."""
    value = row.get(name)
    if value is None:
        return None
    return [_finite(row.get(f"{name}{end}")) for end in ("", "_low", "_high")]


def cells(row: Mapping[str, Json], columns: Iterable[Column]) -> list[Json]:
    """A row of a table that a step left, as these columns show it."""
    return [bounds(row, c.name) if c.type == "interval" else row[c.name] for c in columns]


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def shares_words(found: Json) -> str:
    """`27.0% [20.1%, 34.2%]` of a cell of type `interval`, or `not measured`."""
    if found is None or found[0] is None:
        return "not measured"
    value, low, high = found
    if low is None or high is None:
        return f"{value:.2f} (no interval)"
    return f"{value:.1%} [{low:.1%}, {high:.1%}]"


def cut(texts: Sequence[str], *, most: int) -> int:
    """How many characters of each of these texts a report holds, so that all hold `most`."""
    limit = MOST_TEXT
    while limit > LEAST_TEXT and sum(min(len(text), limit) for text in texts) > most:
        limit //= 2
    return max(limit, LEAST_TEXT)


def shortened(text: str, limit: int) -> str:
    """The first `limit` characters, and a plain statement of what was left out."""
    left = len(text) - limit
    if left <= 0:
        return text
    return f"{text[:limit]}\n[cut here: {left:,} of {len(text):,} characters are not shown]"


def columns(*given: tuple[str, str, str] | tuple[str, str, str, str]) -> list[Column]:
    """Columns from (name, label, type) or (name, label, type, unit)."""
    return [
        Column.model_validate(dict(zip(("name", "label", "type", "unit"), one, strict=False)))
        for one in given
    ]


def first_rows(
    rows: Iterable[list[Json]],
    *,
    id: str,
    caption: str,
    columns: list[Column],
    total: int,
    most: int,
    order: str = "",
) -> Table:
    """A table of the first `most` of `total` rows; no further ones are made."""
    return Table(
        id=id,
        caption=caption,
        columns=columns,
        rows=list(islice(rows, most)),
        total=total,
        sampled=f"the first {most:,}{order}" if total > most else "",
    )


def drawn(chart: Chart, *, id: str) -> Figure:
    """A chart of the analyses as a block; its caption has the numbers, so it is the alt text."""
    return figure(*chart.traces(), id=id, title=chart.title, caption=chart.caption)


def figure(
    traces: Iterable[Any], changes: dict[str, Any], *, id: str, title: str, caption: str
) -> Figure:
    """Plotly traces as a block, in the look of all figures."""
    from pyrite.analysis.figures.chart import plotly_figure

    made = json.loads(plotly_figure(list(traces), changes).to_json())
    return Figure(
        id=id, caption=f"{title}. {caption}", alt=f"{title}. {caption}", plotly=screen(made)
    )


def screen(made: dict[str, Json]) -> dict[str, Json]:
    """Plotly's JSON without the template and the width, which is the page's."""
    layout = {k: v for k, v in made.get("layout", {}).items() if k not in ("template", "width")}
    return {"data": made.get("data", []), "layout": layout}
