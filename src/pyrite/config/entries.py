"""Lists of named things, in every way that they are written.

These say the same, and so does the list whose items have their own `name`::

    compute:            compute:              compute:             compute:
      - num_words         - num_words           num_words:           - num_words
      - embedding:        - embedding:          embedding:           - name: embedding
          path: p             # null, then        path: p              path: p
                              # its siblings
                            path: p
"""

from __future__ import annotations

from collections.abc import Iterator

from pyrite.config.tree import Map, Mark, Seq
from pyrite.types import Json

__all__ = ["Entry", "entries", "has_null_heads", "texts"]

Entry = tuple[str | None, Mark, Json]
"""Name (None: the item names itself inside the body, or is not an entry at all), place, body."""


def entries(value: Json, mark: Mark, known: frozenset[str]) -> Iterator[Entry]:
    """The entries of a list, a mapping or a single name.

    Args:
        value: what was written.
        mark: where.
        known: the fields of an entry; a mapping of nothing but these is one entry, not several.
    """
    if isinstance(value, Seq):
        for item, at in value.pairs():
            yield _entry(item, at, known)
    elif isinstance(value, Map) and value and set(value) <= known:
        yield None, value.mark, value
    elif isinstance(value, Map):
        for key, body in value.items():
            yield key, value.at(key), body
    elif isinstance(value, str):
        yield value, mark, None


def _entry(item: Json, mark: Mark, known: frozenset[str]) -> Entry:
    if isinstance(item, str):
        return item, mark, None
    if not isinstance(item, Map) or not item:
        return None, mark, item
    head = next(iter(item))
    if head in known:
        return None, mark, item
    if len(item) == 1:
        return head, item.at(head), item[head]
    if item[head] is None:
        return head, item.at(head), item.without(head)
    return None, mark, item


def has_null_heads(value: Json) -> bool:
    """Whether a list has items whose first key is null and has siblings."""
    return isinstance(value, Seq) and any(
        isinstance(item, Map) and len(item) > 1 and next(iter(item.values())) is None
        for item in value
    )


def texts(value: Json, mark: Mark) -> Json:
    """One text as a list of one; null as the empty list."""
    if not isinstance(value, str) and value is not None:
        return value
    result = Seq(mark)
    if value is not None:
        result.add(value, mark)
    return result
