"""The contract of data: one kind of source per file, one canonical row whatever the source.

A `Reader` streams raw records (plain dicts) from a file or a hub; `mapping.py` turns each record
into canonical rows; `load.py` does the whole of it. The rest of the program sees only canonical
rows::

    row_id    int64, 0.. in the order read (after sampling)
    group     str, the unit of resampling: one value per prompt
    prompt    str or null     (the seed's `question`)
    response  str or null     (the seed's `answer`; of a list of answers the first)
    chosen, rejected   str or null, for preference pairs
    messages  str or null, the conversation before the response as JSON
    ...       every other column of the source, under its own name

`response` is null in rows of pairs, `chosen` and `rejected` in all others. Where a conversation
has more than one user turn, `messages` holds it and `prompt` its last user turn.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import ClassVar

from pyrite.component import Component, Family
from pyrite.sources import Source
from pyrite.types import Json

__all__ = ["CANONICAL", "READERS", "Reader", "Record", "Untyped"]

READERS = Family("data", "pyrite.data", "Reader")

CANONICAL = ("row_id", "group", "prompt", "response", "chosen", "rejected", "messages")

Record = Mapping[str, Json]
"""One raw row of a source: column name -> value, as read."""


class Untyped(str):
    """A value of a format that has no types (CSV): text that may mean a number.

    As a prompt or an answer it is the text it is. In any other column it becomes a number where
    all values of the column look like one, and null where it is empty.
    """

    __slots__ = ()


class Reader(Component):
    """A source of raw records."""

    NOT_IDENTITY: ClassVar[frozenset[str]] = frozenset({"id", "path", "revision"})

    path: str

    @abstractmethod
    def source(self) -> Source:
        """What is read, for the identity."""

    @abstractmethod
    def splits(self) -> tuple[str, ...]:
        """The splits that exist; empty where the source has none (a single file)."""

    @abstractmethod
    def read(self, split: str | None) -> Iterator[tuple[str, Record]]:
        """Stream (where, record); `where` names file and line or row, for messages.

        Raises:
            DataError: a bad line, an empty source or a split that does not exist, by name.
        """
