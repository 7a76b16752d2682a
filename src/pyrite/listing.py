"""The families that `pyrite list` and the shell's completion know; nothing heavy is imported."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from pyrite.errors import PyriteError

if TYPE_CHECKING:
    from pyrite.component import Family, Listing

__all__ = ["FAMILIES", "lines", "listings"]

FAMILIES = {
    "models": ("pyrite.models", "MODELS"),
    "data": ("pyrite.data", "READERS"),
    "features": ("pyrite.features", "FEATURES"),
    "estimators": ("pyrite.analysis.estimators", "listings"),
    "edits": ("pyrite.exploits", "EDITS"),
    "searches": ("pyrite.exploits.search", "SEARCHES"),
    "trackers": ("pyrite.trackers", "TRACKERS"),
    "renderings": ("pyrite.rendering", "RENDERINGS"),
    "executors": ("pyrite.executors", "EXECUTORS"),
    "doctor": ("pyrite.doctor", "DOCTOR"),
}
"""Name -> module and the family in it, or a function that gives the listings."""


def listings(family: str) -> list[Listing]:
    """All components of a family.

    Raises:
        PyriteError: no family is called so; names the nearest.
    """
    from pyrite.component import nearest

    if family not in FAMILIES:
        raise PyriteError(f"no family {family!r} ({nearest(family, list(FAMILIES))})")
    module, attribute = FAMILIES[family]
    found = getattr(import_module(module), attribute)
    if callable(found):
        listed: list[Listing] = found()
        return listed
    whole: Family = found
    return whole.listings()


def lines(family: str) -> list[str]:
    """Name and summary of every component, aligned, a line each.

    Raises:
        PyriteError: no family is called so.
    """
    found = listings(family)
    width = max((len(listing.name) for listing in found), default=0)
    return [f"{listing.name:<{width}}  {listing.summary}" for listing in found]
