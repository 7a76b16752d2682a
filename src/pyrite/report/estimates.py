"""Estimates on parts of a run's rows, of which some have too few prompts for any."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from pyrite.analysis.measures import Scope
from pyrite.analysis.resample import MIN_GROUPS, Estimate
from pyrite.report.material import MOST_COMPARED, spread

__all__ = ["finite_rows", "measured", "sizes"]

_Part = tuple[np.ndarray, np.ndarray]


def measured(
    of: Callable[[Scope, Sequence[_Part]], list[Estimate]],
    scope: Scope,
    parts: Sequence[_Part],
) -> list[Estimate | None]:
    """`means_of` or `shares_of` of every part, (rows, values); None below `MIN_GROUPS` prompts."""
    enough = [scope.clusters.count(rows) >= MIN_GROUPS for rows, _ in parts]
    usable = [part for part, is_enough in zip(parts, enough, strict=True) if is_enough]
    found = iter(of(scope, usable))
    return [next(found) if is_enough else None for is_enough in enough]


def finite_rows(*columns: np.ndarray) -> tuple[np.ndarray, int]:
    """Rows with a number in every column, `MOST_COMPARED` at most, and how many there are."""
    usable = np.flatnonzero(np.all([np.isfinite(column) for column in columns], axis=0))
    return usable[spread(len(usable), MOST_COMPARED)], len(usable)


def sizes(scope: Scope, rows: np.ndarray, total: int) -> str:
    """`n = 200,000 rows in 1,000 prompts, drawn at random from 300,000`."""
    said = f"n = {len(rows):,} rows in {scope.clusters.count(rows):,} prompts"
    return said if len(rows) == total else f"{said}, drawn at random from {total:,}"
