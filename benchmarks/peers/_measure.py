"""Blocks of one way after another's, in CPU and wall clock time; memory; the limit of products."""

from __future__ import annotations

import ctypes
import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from peers import Case, Peer, Rows

__all__ = ["Measured", "TokenisationAlone", "products_alone", "take_turns"]

ROWS = 1024
"""Rows of one product in the limit; more are not faster on a CPU."""


@dataclass
class Measured:
    """One way on one set of texts.

    Attributes:
        name, told: as the peer says.
        cpu, wall: seconds per text of the whole set, one for each block.
        cpu_ids: the same from token ids; empty where it tokenises by itself.
        scores: of the texts numbered `indices`.
        memory: MiB above what the process held before, at the highest; None: not measurable.
    """

    name: str
    told: str = ""
    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    cpu_ids: list[float] = field(default_factory=list)
    indices: list[int] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    memory: float | None = None

    @property
    def seconds(self) -> float:
        """CPU seconds per text: the median of the blocks."""
        return statistics.median(self.cpu)


class TokenisationAlone(Peer):
    """What all ways from token ids spend before the model."""

    name = "tokenisation alone"
    takes_ids = False

    def __init__(self, case: Case) -> None:
        self._case = case

    def score(self, texts: Sequence[str]) -> list[float]:
        """No scores."""
        self._case.ids(texts)
        return []


class ProductsAlone(Peer):
    """The matrix products of all layers over all tokens, by torch: what no code passes that runs
    every token through every layer."""

    name = "torch's matrix products alone (the limit)"

    def __init__(self, case: Case) -> None:
        self._case = case
        layers = getattr(case.trunk, "h", None) or case.trunk.layers
        self._layers = len(layers)
        shapes = [weight.shape for weight in layers[0].parameters() if weight.dim() == 2]
        self._weights = [torch.randn(into, out) for out, into in shapes]
        self._inputs = {into: torch.randn(ROWS, into) for _, into in shapes}

    def score(self, texts: Sequence[str]) -> list[float]:
        """No scores; tokenisation is not part of the limit."""
        raise AssertionError("the limit is measured from ids")

    def score_ids(self, rows: Rows) -> list[float]:
        """No scores."""
        tokens = sum(map(len, rows))
        with torch.inference_mode():
            for start in range(0, tokens, ROWS):
                count = min(ROWS, tokens - start)
                for _ in range(self._layers):
                    for weight in self._weights:
                        torch.mm(self._inputs[weight.shape[0]][:count], weight)
        return []


def products_alone(case: Case) -> Peer:
    """The limit as a peer of its own."""
    return ProductsAlone(case)


@dataclass(frozen=True)
class _Block:
    """The texts that one block of a peer takes, and the factor from them to the whole set."""

    indices: list[int]
    texts: list[str]
    rows: list[list[int]]
    divide_by: float

    @classmethod
    def of(cls, peer: Peer, texts: Sequence[str], rows: Rows) -> _Block:
        count = min(peer.most or len(texts), len(texts))
        order = sorted(range(len(texts)), key=lambda index: len(rows[index]))
        step = len(texts) / count
        chosen = sorted(order[int((place + 0.5) * step)] for place in range(count))
        tokens = sum(len(rows[index]) for index in chosen)
        mean = sum(map(len, rows)) / len(rows)
        # In texts of mean length, so that a part of the texts stands for all of them.
        divide_by = float(count) if peer.per_text else tokens / mean
        return cls(
            chosen,
            [texts[index] for index in chosen],
            [list(rows[index]) for index in chosen],
            divide_by,
        )


def take_turns(
    peers: Sequence[Peer], case: Case, texts: Sequence[str], rounds: int, say: Callable[[str], None]
) -> list[Measured]:
    """Every peer once for its scores and memory, then `rounds` times in turns for its time."""
    rows = case.ids(texts)
    blocks = [_Block.of(peer, texts, rows) for peer in peers]
    found = [Measured(peer.name, peer.told) for peer in peers]
    for peer, block, result in zip(peers, blocks, found, strict=True):
        result.indices = block.indices
        result.scores, result.memory = _with_memory(peer, block)
    for turn in range(rounds):
        say(f"  round {turn + 1} of {rounds}")
        for peer, block, result in zip(peers, blocks, found, strict=True):
            _time(peer, block, result, ids=turn % 2 == 0)
    return found


def _time(peer: Peer, block: _Block, result: Measured, *, ids: bool) -> None:
    if isinstance(peer, ProductsAlone):
        cpu, wall = _timed(lambda: peer.score_ids(block.rows))
        result.cpu_ids.append(cpu / block.divide_by)
    else:
        cpu, wall = _timed(lambda: peer.score(block.texts))
        if peer.takes_ids and ids:
            seconds, _ = _timed(lambda: peer.score_ids(block.rows))
            result.cpu_ids.append(seconds / block.divide_by)
    result.cpu.append(cpu / block.divide_by)
    result.wall.append(wall / block.divide_by)


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - cpu, time.perf_counter() - wall


def _with_memory(peer: Peer, block: _Block) -> tuple[list[float], float | None]:
    """Scores, and the most memory of that above what was held before; after a short warm-up."""

    def run(count: int | None) -> list[float]:
        if isinstance(peer, ProductsAlone):
            return peer.score_ids(block.rows[:count])
        return peer.score(block.texts[:count])

    run(3)
    if not Path("/proc/self/status").exists():
        return run(None), None
    gc.collect()
    # Freed memory goes back to the system, so that it is not used again unseen.
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    before = _held("VmRSS")
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    scores = run(None)
    return scores, _held("VmHWM") - before


def _held(name: str) -> float:
    """MiB: VmRSS is what the process holds, VmHWM the most that it has held."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return float(next(line for line in lines if line.startswith(name)).split()[1]) / 1024
