"""Plain data that remembers where it was written.

A file is read into `Map` and `Seq`: a dict and a list whose values carry a `Mark`, the place and
the dotted path as the user wrote it. Rewriting a shorthand moves values together with their
marks, so that a mistake found late still names the line and the key in the user's own file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pyrite.types import Json, Location, Mistake

__all__ = ["EnvText", "Findings", "Map", "Mark", "Seq", "leaves", "mark_at", "plant", "shown"]

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a value was written, and its dotted path there (`query.message.unravel`)."""

    location: Location
    path: str = ""

    def child(self, key: str | int) -> Mark:
        """The mark of something inside this that has no place of its own."""
        return Mark(self.location, f"{self.path}.{key}" if self.path else str(key))


class EnvText(str):
    """A text that came from the environment; `template` is what was written (`${HOME}/x`)."""

    template: str
    plain: bool

    def __new__(cls, value: str, template: str, plain: bool = False) -> EnvText:
        """`plain` says that it was written without quotes, so that it may mean a number."""
        text = super().__new__(cls, value)
        text.template = template
        text.plain = plain
        return text


class Map(dict[str, Json]):
    """A mapping whose keys have marks."""

    def __init__(self, mark: Mark) -> None:
        super().__init__()
        self.mark = mark
        self.marks: dict[str, Mark] = {}

    def put(self, key: str, value: Json, mark: Mark | None = None) -> None:
        """Set a key and where it was written (by default: where this mapping was)."""
        self[key] = value
        self.marks[key] = mark or self.mark.child(key)

    def at(self, key: str) -> Mark:
        """Where a key was written; the mapping's own place for a key that is not there."""
        return self.marks.get(key) or self.mark.child(key)

    def without(self, *keys: str) -> Map:
        """A copy that lacks some keys."""
        copy = Map(self.mark)
        for key, value in self.items():
            if key not in keys:
                copy.put(key, value, self.at(key))
        return copy

    def copy(self) -> Map:
        """A shallow copy with the same marks."""
        return self.without()


class Seq(list[Json]):
    """A list whose elements have marks."""

    def __init__(self, mark: Mark) -> None:
        super().__init__()
        self.mark = mark
        self.marks: list[Mark] = []

    def add(self, value: Json, mark: Mark | None = None) -> None:
        """Append an element and where it was written."""
        self.marks.append(mark or self.mark.child(len(self)))
        self.append(value)

    def pairs(self) -> Iterator[tuple[Json, Mark]]:
        """The elements with their marks."""
        return zip(self, self.marks, strict=True)


@dataclass
class Findings:
    """Mistakes and warnings as they are found."""

    mistakes: list[Mistake] = field(default_factory=list)
    warnings: list[Mistake] = field(default_factory=list)

    def mistake(self, mark: Mark, message: str, hint: str = "") -> None:
        """Something that must be corrected; the same one is told once."""
        found = Mistake(mark.location, mark.path, message, hint)
        if found not in self.mistakes:
            self.mistakes.append(found)

    def told(self, mark: Mark) -> bool:
        """Whether a mistake at this very place is known; what follows from it is not told too."""
        return any(m.location == mark.location and m.path == mark.path for m in self.mistakes)

    def warn(self, mark: Mark, message: str) -> None:
        """Something that was understood, in a way that the user should know."""
        self.warnings.append(Mistake(mark.location, mark.path, message))

    def sorted(self) -> list[Mistake]:
        """The mistakes in the order of the file."""
        return sorted(self.mistakes, key=lambda m: (m.location.line, m.location.column))


def plant(value: Json, mark: Mark) -> Json:
    """Plain data (from Python objects or an override) as Map and Seq; all of it at one place."""
    if isinstance(value, Mapping):
        mapping = Map(mark)
        for key, inner in value.items():
            mapping.put(str(key), plant(inner, mark.child(str(key))), mark.child(str(key)))
        return mapping
    if isinstance(value, Sequence) and not isinstance(value, str):
        sequence = Seq(mark)
        for index, inner in enumerate(value):
            sequence.add(plant(inner, mark.child(index)), mark.child(index))
        return sequence
    return value


def mark_at(tree: Json, path: Sequence[str | int]) -> tuple[Mark | None, int]:
    """The mark of the deepest part of `path` that exists, and how many segments that is."""
    mark: Mark | None = getattr(tree, "mark", None)
    for depth, segment in enumerate(path):
        if isinstance(tree, Map) and segment in tree:
            mark, tree = tree.at(str(segment)), tree[str(segment)]
        elif isinstance(tree, Seq) and isinstance(segment, int) and segment < len(tree):
            mark, tree = tree.marks[segment], tree[segment]
        else:
            return mark, depth
    return mark, len(path)


def leaves(tree: Json, path: Path = ()) -> Iterator[tuple[Path, Json]]:
    """All scalars with their paths."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from leaves(value, (*path, key))
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            yield from leaves(value, (*path, index))
    else:
        yield path, tree


def shown(value: Json) -> str:
    """A value in a message: short, quoted, and never what came from the environment."""
    if isinstance(value, EnvText):
        return repr(value.template)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = repr(value)
    return text if len(text) <= 80 else text[:76] + "...'"
