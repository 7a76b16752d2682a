"""Texts that begin alike, as trees: what texts share is run once, in the same pass as their ends.

The nodes of a forest stand in the order of a walk that visits a node before what follows on it::

    Node("The prompt.")              what three texts begin with
     ├─ Node(" First answer.")       what two of them go on with
     │   ├─ Node(" Edited")          the ends: each is a text
     │   └─ Node(" Edited again")
     └─ Node(" Second answer.")

A token attends to its own node up to itself, and to all of the nodes above. Nodes above are seen by
neighbouring tokens (all below them), so that each is one product, put together with the rest by
the sums of exponentials. A chunk of the walk is one packed pass; the keys and values of nodes
that the rest of the walk still attends to are kept: those above its next node.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from pyrite.forward.attention import Attention, KeysValues, rotate, with_sums
from pyrite.forward.packing import Pack, filling

if TYPE_CHECKING:
    import torch

__all__ = ["Forest", "ForestAttention", "Node", "Stretch", "in_pieces"]


@dataclass(frozen=True, slots=True)
class Node:
    """Tokens, at least one, after those of the node `parent` (its index); -1: a text's first."""

    ids: tuple[int, ...]
    parent: int = -1


@dataclass(frozen=True)
class Forest:
    """Nodes, each after its parent and next to what else is below that; the leaves are texts."""

    nodes: tuple[Node, ...]

    @cached_property
    def inner(self) -> frozenset[int]:
        """The nodes that others follow on."""
        return frozenset(node.parent for node in self.nodes if node.parent >= 0)

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """How many tokens stand before each node in its texts."""
        starts: list[int] = []
        for node in self.nodes:
            above = node.parent
            starts.append(starts[above] + len(self.nodes[above].ids) if above >= 0 else 0)
        return tuple(starts)

    @property
    def tokens(self) -> int:
        """Tokens of all nodes: those that are run."""
        return sum(len(node.ids) for node in self.nodes)

    @property
    def longest(self) -> int:
        """Tokens of the longest text."""
        both = zip(self.starts, self.nodes, strict=True)
        return max((start + len(node.ids) for start, node in both), default=0)

    def above(self, index: int) -> list[int]:
        """The nodes above one, the nearest first."""
        found = []
        while (index := self.nodes[index].parent) >= 0:
            found.append(index)
        return found

    def ends(self) -> Iterator[tuple[int, range]]:
        """Neighbouring texts that end on the same node: its index (-1: none), and the leaves."""
        first = 0
        for index, node in enumerate(self.nodes):
            if index in self.inner or node.parent != self.nodes[first].parent:
                if index > first:
                    yield self.nodes[first].parent, range(first, index)
                first = index + 1 if index in self.inner else index
        if first < len(self.nodes):
            yield self.nodes[first].parent, range(first, len(self.nodes))

    def beginning(self, index: int) -> tuple[int, ...]:
        """All tokens from a text's first to the last of a node."""
        path = [*reversed(self.above(index)), index]
        return tuple(token for place in path for token in self.nodes[place].ids)

    def stretches(self, budget: int) -> Iterator[tuple[int, int]]:
        """Neighbouring nodes to run together: up to `budget` tokens, a longer one alone."""
        first = used = 0
        for index, node in enumerate(self.nodes):
            if index > first and used + len(node.ids) > budget:
                yield first, index
                first, used = index, 0
            used += len(node.ids)
        if self.nodes:
            yield first, len(self.nodes)


def in_pieces(rows: Sequence[tuple[int, ...]]) -> Forest:
    """Texts, the last of them in up to three pieces, each of which follows on the one before."""
    *short, long = rows
    nodes = [Node(row) for row in short]
    start, above = 0, -1
    for cut in sorted({len(long) // 3, len(long) // 2} - {0}):
        nodes.append(Node(long[start:cut], above))
        start, above = cut, len(nodes) - 1
    return Forest((*nodes, Node(long[start:], above)))


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring nodes of one length, `count` of them, from token `start` on: texts' ends or not.

    `first` is the number of texts of the stretch that end before them.
    """

    start: int
    count: int
    length: int
    is_end: bool
    first: int


@dataclass(frozen=True, slots=True)
class Seen:
    """A node above others: who of a stretch sees it.

    Attributes:
        node: its index.
        at: its tokens in the pack; None where it was run before.
        rows: the tokens that see it.
        ends: the texts of the stretch that see it.
    """

    node: int
    at: slice | None
    rows: slice
    ends: slice


class Stretch:
    """The nodes `first` to `stop` of a forest, laid end to end.

    Attributes:
        pack: their tokens; `last` are those of the texts that end here, in their order, and of
            the filling.
        texts: how many texts end here.
        runs: the nodes by length, and the filling.
        seen: the nodes above them, the outermost first.
        kept: the nodes that what comes after attends to.
        places: where the tokens of each node stand.
    """

    def __init__(
        self,
        forest: Forest,
        first: int,
        stop: int,
        *,
        device: torch.device,
        filled: bool = False,
    ) -> None:
        more = stop < len(forest.nodes)
        self.kept = frozenset(forest.above(stop)) if more else frozenset()
        self.places: dict[int, slice] = {}
        self.runs: list[Run] = []
        positions: list[int] = []
        last: list[int] = []
        below: dict[int, list[int]] = {}
        ends = {first: 0}
        for index in range(first, stop):
            own, at = forest.nodes[index].ids, forest.starts[index]
            start, length = len(positions), len(own)
            is_end = index not in forest.inner
            before = self.runs[-1] if self.runs else None
            if before and (before.length, before.is_end) == (length, is_end):
                self.runs[-1] = replace(before, count=before.count + 1)
            else:
                self.runs.append(Run(start, 1, length, is_end, len(last)))
            positions.extend(range(at, at + length))
            self.places[index] = slice(start, start + length)
            if is_end:
                last.append(start + length - 1)
            ends[index + 1] = len(last)
            for above in forest.above(index):
                below.setdefault(above, []).append(index)
        self.seen = [
            Seen(
                above,
                self.places.get(above),
                slice(self.places[nodes[0]].start, self.places[nodes[-1]].stop),
                slice(ends[nodes[0]], ends[nodes[-1] + 1]),
            )
            for above, nodes in sorted(below.items())
        ]
        ids = [token for node in forest.nodes[first:stop] for token in node.ids]
        self.texts = len(last)
        for length in filling(len(ids), len(last)).lengths if filled else ():
            # Without a text that ends here the last layer has no rows to make round.
            self.runs.append(Run(len(ids), 1, length, self.texts > 0, len(last)))
            ids.extend([0] * length)
            positions.extend([0] * length)
            if self.texts:
                last.append(len(ids) - 1)
        self.pack = _pack(ids, positions, last, device)


def _pack(
    ids: Sequence[int], positions: Sequence[int], last: Sequence[int], device: torch.device
) -> Pack:
    import torch

    def tensor(numbers: Sequence[int]) -> torch.Tensor:
        return torch.tensor(numbers, dtype=torch.long, device=device)

    order = tuple(range(len(last)))
    return Pack(tensor(ids), tensor(positions), tensor(last), groups=(), order=order)


@dataclass(slots=True)
class ForestAttention(Attention):
    """The attention of one stretch of a forest.

    Attributes:
        stretch: its nodes.
        known: per node that was run before and is seen here, each layer's keys and values.
        made: the same of the nodes of this stretch that what comes after sees.
    """

    stretch: Stretch | None = None
    known: Mapping[int, Sequence[KeysValues]] = field(default_factory=dict)
    made: dict[int, list[KeysValues]] = field(default_factory=dict)

    def __call__(
        self, layer: int, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor
    ) -> torch.Tensor:
        """Outputs of one layer, [rows, H * D]; see `Attention`."""
        import torch

        assert self.stretch is not None
        last_only = q.shape[0] != k.shape[0]
        self.keys_values(k, v)
        turns = self.turns[self.pack.last] if last_only else self.turns
        q = rotate(q, turns, halves=self.halves)
        out, sums = self._own(q, k, v, last_only=last_only)
        for seen in self.stretch.seen:
            rows = seen.ends if last_only else seen.rows
            if rows.start == rows.stop:
                continue
            keys, values = self._of(seen, layer, k, v)
            queries = q[rows].transpose(0, 1)[None]
            more, more_sums = with_sums(queries, keys, values, scale=self.scale)
            more, more_sums = more[0].transpose(0, 1), more_sums[0].transpose(0, 1)
            weight = torch.sigmoid(more_sums - sums[rows])[..., None]
            out[rows] = torch.lerp(out[rows], more, weight.to(out.dtype))
            sums[rows] = torch.logaddexp(sums[rows], more_sums)
        return out.flatten(1)

    def keys_values(self, k: torch.Tensor, v: torch.Tensor) -> None:
        """Turn the keys, and keep what later stretches see."""
        assert self.stretch is not None
        rotate(k, self.turns, halves=self.halves)
        for node in self.stretch.kept & self.stretch.places.keys():
            place = self.stretch.places[node]
            keys, values = (x[place].transpose(0, 1).contiguous() for x in (k, v))
            self.made.setdefault(node, []).append(KeysValues(keys, values))

    def handed_on(self) -> Mapping[int, Sequence[KeysValues]]:
        """What the next stretch needs to know."""
        assert self.stretch is not None
        before = {node: known for node, known in self.known.items() if node in self.stretch.kept}
        return {**before, **self.made}

    def _of(
        self, seen: Seen, layer: int, k: torch.Tensor, v: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Keys and values of a node, [1, K, tokens, D]."""
        if seen.at is None:
            known = self.known[seen.node][layer]
            return known.keys[None], known.values[None]
        return k[seen.at].transpose(0, 1)[None], v[seen.at].transpose(0, 1)[None]

    def _own(
        self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, *, last_only: bool
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Attention of each node to itself: outputs [rows, H, D], logarithms of sums [rows, H]."""
        import torch

        assert self.stretch is not None
        out, sums = torch.empty_like(q), q.new_empty(q.shape[:2], dtype=torch.float32)
        for run in self.stretch.runs:
            if last_only and not run.is_end:
                continue
            tokens = slice(run.start, run.start + run.count * run.length)
            rows = slice(run.first, run.first + run.count) if last_only else tokens
            heads = [
                x.view(run.count, -1, *x.shape[1:]).transpose(1, 2)
                for x in (q[rows], k[tokens], v[tokens])
            ]
            causal = not last_only and run.length > 1
            found, found_sums = with_sums(*heads, scale=self.scale, causal=causal)
            out[rows] = found.transpose(1, 2).reshape(-1, *q.shape[1:])
            sums[rows] = found_sums.transpose(1, 2).reshape(-1, q.shape[1])
        return out, sums
