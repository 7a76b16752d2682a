"""What was found and decided while reading data, as sentences for the user."""

from __future__ import annotations

__all__ = ["Notes"]


class Notes:
    """Sentences in the order they were first said, and counts of what happened to rows."""

    def __init__(self) -> None:
        self._said: dict[str, None] = {}
        self._counts: dict[tuple[str, str], int] = {}

    def say(self, sentence: str) -> None:
        """Keep a sentence; one said before is not repeated."""
        self._said.setdefault(sentence)

    def count(self, what: str, *, thing: str = "row", number: int = 1) -> None:
        """Count something that is told as `12 rows: what`."""
        key = (what, thing)
        self._counts[key] = self._counts.get(key, 0) + number

    def sentences(self) -> tuple[str, ...]:
        """Everything said, then everything counted."""
        counted = [
            f"{number:,} {thing if number == 1 else thing + 's'}: {what}"
            for (what, thing), number in self._counts.items()
        ]
        return (*self._said, *counted)
