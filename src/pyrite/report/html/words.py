"""Words that the page uses for levels and verdicts."""

from __future__ import annotations

from collections.abc import Mapping

from pyrite.report import Level

__all__ = ["LEVEL_MARKS", "LEVEL_WORDS", "VERDICTS", "verdict_level", "verdict_words"]

LEVEL_WORDS: Mapping[Level, str] = {
    "good": "Good",
    "note": "Note",
    "warning": "Warning",
    "bad": "Problem",
}
LEVEL_MARKS: Mapping[Level, str] = {"good": "✓", "note": "○", "warning": "!", "bad": "✕"}
VERDICTS: Mapping[str, Level] = {
    "exploit": "bad",
    "bias": "warning",
    "preference": "note",
    "sensitivity": "note",
}
"""Verdicts that are findings, gravest first; any other word has no colour."""


def verdict_level(verdict: str) -> str:
    """A level, or `plain`."""
    return VERDICTS.get(verdict, "plain")


def verdict_words(verdict: str) -> str:
    """`not confirmed`."""
    return verdict.replace("_", " ")
