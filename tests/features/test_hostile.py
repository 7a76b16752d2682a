"""Texts made to break patterns: the work must grow with the length, never with its square."""

from __future__ import annotations

import time
from typing import cast

import pytest

from pyrite.features import FEATURES, Feature
from tests.features.definitions import ARGS

SIZE = 60_000
PIECES = [
    "*", "#", "**", "**a ", "**a **", "a**", "_", "-", "- ", "* ", "+ - ", "1.", "9",
    "9,", " ", "  ", "\n", "\n ", "\n\n- ", "\t", "[", "]", "[[a]", "](", "[a](", "(a ",
    "(a, ", "[1,", "[1, 2 ", "`", "``a", "`a", "```\n", "```\n~~~\n", "~", "|", "| ",
    "|a|\n", ">", "> ", ".", "...", ".)", "!?", ". ", ".\"", "…", "a", "a ", "A", "aA.",
    "a*", "*a", "'", "’", "i can't ", "i can't", "i ", "that's ", "http", "http://",
    "www.", "et al ", "🎉", "👩\u200d", "\u200d", "\ufe0f", "🇨", "1\ufe0f", "\x00", "\ud800", "ß",
    "e\u0301", "中", "。", "a\n\n", "a.b", "i hope this ", "please ",
]  # fmt: skip
TAILS = ["", "x", "\n", "*", ")", " y"]


def _work(feature: Feature, text: str) -> float:
    # CPU time of this thread: other processes on the machine do not count.
    started = time.thread_time()
    feature.compute([text])
    return time.thread_time() - started


@pytest.mark.parametrize("name", FEATURES.names())
def test_long_repetitions_are_read_in_linear_time(name: str) -> None:
    feature = cast("Feature", FEATURES.get(name)(**ARGS.get(name, {})))
    feature.compute(["a word"])
    size = SIZE if name not in _SLOW else SIZE // 10
    for number, piece in enumerate(PIECES):
        text = "a" + piece * (size // len(piece)) + TAILS[number % len(TAILS)]
        spent = _work(feature, text)
        # Quadratic work on 60,000 characters takes minutes, not two seconds.
        assert spent < 2.0, f"{piece!r} took {spent:.1f} s"


_SLOW = {"automated_readability_index", "coleman_liau_index", "lix", "rix"}
"""textstat measures every sentence by itself, at some microseconds each: linear, but not quick."""


@pytest.mark.parametrize("line", ["*", "[(", "**a "])
def test_a_line_of_a_megabyte_is_measured_in_seconds(line: str) -> None:
    text = line * (1_000_000 // len(line))
    for name in FEATURES.names():
        feature = cast("Feature", FEATURES.get(name)(**ARGS.get(name, {})))
        spent = _work(feature, text)
        assert spent < 5.0, f"{name} took {spent:.1f} s"
