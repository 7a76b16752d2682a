"""How fast texts are scored, against the ways it is usually done: one process, taken in turns.

    OMP_NUM_THREADS=1 python benchmarks/forward.py [--rounds 2] [--write docs/performance.md]

Two models with random weights (8 layers, 512 wide, 8192 tokens): GPT-J with a value head, and a
Qwen3 classifier. Texts are NQ-open questions where the data are at hand (`PYRITE_SHARED`, or a
folder `shared` beside the checkout), else random tokens of about the same lengths; and random
tokens of chat lengths.
Ways are run one after the other within a round and the medians of the rounds compared, in CPU
time, since a shared machine gives a process its time at the price of the wall clock's.
"""

from __future__ import annotations

import argparse
import ctypes
import datetime
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch
from models_and_texts import VOCABULARY, Ids, Texts, decoder_of, models, questions, random_texts
from sections import write_section

from pyrite.forward import Decoder
from pyrite.forward.lean import Lean
from pyrite.forward.proof import plain_last
from pyrite.models import Rendered
from pyrite.scoring import Engine
from pyrite.scoring.batching import batches_by_tokens
from pyrite.types import Item

PADDED = 550


@dataclass
class Way:
    """One way to score: a function of some texts, and how many of them one round takes."""

    name: str
    run: Callable[[Texts], object]
    share: float = 1.0
    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)

    def measure(self, texts: Texts) -> None:
        """One round; times are per text of the whole set."""
        step = max(round(1 / self.share), 1)
        some = sorted(texts, key=len)[step // 2 :: step]
        cpu, wall = time.process_time(), time.perf_counter()
        self.run(some)
        # By tokens, so that a part of the texts stands for all of them.
        per = sum(map(len, texts)) / sum(map(len, some))
        self.cpu.append((time.process_time() - cpu) * per)
        self.wall.append((time.perf_counter() - wall) * per)


def seed_way(module: torch.nn.Module, texts: Texts) -> None:
    """Padded to 550 tokens, the same text twice, one at a time."""
    for text in texts:
        ids = torch.zeros(2, PADDED, dtype=torch.long)
        mask = torch.zeros_like(ids)
        ids[:, : len(text)], mask[:, : len(text)] = torch.tensor(text), 1
        with torch.inference_mode():
            module(input_ids=ids, attention_mask=mask, use_cache=False)


def one_by_one(module: torch.nn.Module, texts: Texts) -> list[torch.Tensor]:
    """The plain module on each text."""
    with torch.inference_mode():
        return [plain_last(module, [text]) for text in texts]


def sorted_batches(module: torch.nn.Module, texts: Texts) -> None:
    """The plain module, sorted by length, 2048 tokens at a time."""
    with torch.inference_mode():
        for batch in batches_by_tokens([len(text) for text in texts], budget=2048):
            plain_last(module, [texts[index] for index in batch])


def products(module: torch.nn.Module, texts: Texts) -> None:
    """Only the matrix products of all layers, by torch, 1024 rows at a time: the limit."""
    layers = getattr(module, "h", None) or module.layers
    shapes = [p.shape for p in layers[0].parameters() if p.dim() == 2]
    weights = [torch.randn(i, o) for o, i in shapes]
    inputs = {i: torch.randn(1024, i) for _, i in shapes}
    tokens = sum(map(len, texts))
    with torch.inference_mode():
        for start in range(0, tokens, 1024):
            rows = min(1024, tokens - start)
            for _ in layers:
                for weight in weights:
                    torch.mm(inputs[weight.shape[0]][:rows], weight)


def take_turns(ways: Sequence[Way], texts: Texts, rounds: int) -> None:
    """Measure ways in turns, after one short warm-up each."""
    for way in ways:
        way.run(sorted(texts, key=len)[:2])
    for _ in range(rounds):
        for way in ways:
            way.measure(texts)


def table_of_ways(
    module: torch.nn.Module, decoder: Decoder, texts: Texts, rounds: int, *, seed_share: float
) -> list[str]:
    """Rows: the way, times the seed's way, times one by one, share of the products' limit."""
    few = 0.25 if len(texts) > 200 else 1.0
    ways = [
        Way("padded to 550, doubled, one at a time", lambda t: seed_way(module, t), seed_share),
        Way("one by one, no padding", lambda t: one_by_one(module, t), few),
        Way("sorted by length, 2048 tokens a batch", lambda t: sorted_batches(module, t)),
        Way("lean", decoder.score),
        Way("torch's matrix products alone", lambda t: products(module, t)),
    ]
    # The first way's cost does not depend on the lengths, so that it is counted by texts.
    take_turns(ways, texts, rounds)
    step = max(round(1 / seed_share), 1)
    some = sorted(texts, key=len)[step // 2 :: step]
    by_tokens = sum(map(len, texts)) / sum(map(len, some))
    for times in (ways[0].cpu, ways[0].wall):
        times[:] = [value / by_tokens * len(texts) / len(some) for value in times]
    cpu = {way.name: statistics.median(way.cpu) for way in ways}
    wall = {way.name: statistics.median(way.wall) for way in ways}
    first, alone, limit = (ways[index].name for index in (0, 1, 4))
    rows = []
    for way in ways:
        name = way.name
        cells = [
            name,
            f"{cpu[first] / cpu[name]:.1f}",
            f"{cpu[alone] / cpu[name]:.2f}",
            f"{cpu[limit] / cpu[name]:.0%}",
            f"{wall[alone] / wall[name]:.2f}",
            f"{len(texts) / cpu[name]:.0f}",
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def by_engine(decoder: Decoder, texts: Texts) -> list[float]:
    """Scores as a search gets them: the engine finds what texts share."""
    asked = [(Item(), Rendered(str(index))) for index in range(len(texts))]
    return [float(one.output.score) for one in Engine(Ids(decoder, texts)).score(asked)]


def table_of_prefixes(decoder: Decoder, module: torch.nn.Module, rounds: int) -> list[str]:
    """256 ends of about 8 tokens: whole texts, transformers' cache, lean; found by the engine."""
    rows = []
    plain = Decoder(module, decoder.head)
    plain.lean = None
    for length in (64, 256, 400):
        (prefix,) = random_texts(1, mean=length, spread=0, least=1)
        ends = random_texts(256, mean=8.0, spread=1.5, least=3, seed=2)
        texts = [prefix + end for end in ends]
        ways = [
            Way("whole", decoder.score, 1 / 16),
            Way("cached", partial(by_engine, plain)),
            Way("shared", partial(by_engine, decoder)),
        ]
        take_turns(ways, texts, rounds)
        base, cache, fast = (statistics.median(way.cpu) for way in ways)
        scores, quick = decoder.score(texts[:24]), by_engine(decoder, texts)[:24]
        error = max(abs(a - b) for a, b in zip(scores, quick, strict=True))
        unit = max(scores) - min(scores)
        rows.append(
            f"| {length} | {base:.2f} s | {base / cache:.1f} | {base / fast:.1f} | "
            f"{error / unit:.0e} |"
        )
    return rows


def table_of_swaps(decoder: Decoder, rounds: int) -> list[str]:
    """256 swaps among 16 positions before the last 4 tokens of 280, and the token gradient."""
    (text,) = random_texts(1, mean=280, spread=0, least=1)
    positions = range(260, 276)
    tokens = torch.randint(VOCABULARY, (256,), generator=torch.Generator().manual_seed(3)).tolist()
    places = [positions[index % 16] for index in range(256)]
    pairs = zip(places, tokens, strict=True)
    whole = [(*text[:place], token, *text[place + 1 :]) for place, token in pairs]

    ways = [
        Way("256 swaps, whole texts", decoder.score, 1 / 16),
        Way("256 swaps, shared beginnings", partial(by_engine, decoder)),
        Way("one text, plain", lambda _: one_by_one(decoder.module, [text])),
        Way("token gradient, no prefix", lambda _: decoder.token_gradients(text, [0])),
        Way(
            "token gradient at these 16, prefix kept",
            lambda _: decoder.token_gradients(text, list(positions)),
        ),
    ]
    take_turns(ways, whole, rounds)
    base = statistics.median(ways[0].cpu)
    cells = [(way.name, statistics.median(way.cpu)) for way in ways]
    rows = [(name, f"{time * 1000:.0f} ms", base / time) for name, time in cells]
    return [
        f"| {name} | {time} | {f'{ratio:.1f}' if 'swaps' in name else '–'} |"
        for name, time, ratio in rows
    ]


def table_of_chunks(decoder: Decoder, sets: dict[str, Texts], rounds: int) -> list[str]:
    """Tokens that run together through the lean blocks, against texts per CPU second."""
    lean = decoder.lean
    assert lean is not None
    usual, sizes = Lean.chunk, (256, 1024, 4096, 16384)

    def run(texts: Texts, size: int) -> None:
        Lean.chunk = property(lambda _self: size)  # type: ignore[assignment]
        lean.read(texts)

    rows = []
    for name, texts in sets.items():
        ways = [Way(str(size), partial(run, size=size)) for size in sizes]
        take_turns(ways, texts, rounds)
        cells = [f"{len(texts) / statistics.median(way.cpu):.0f}" for way in ways]
        rows.append(f"| {name} | {' | '.join(cells)} |")
    Lean.chunk = usual  # type: ignore[method-assign]
    return [f"| tokens | {' | '.join(map(str, sizes))} |", "|---" * 5 + "|", *rows]


def memory(name: str) -> float:
    """MiB that 256 continuations of a prefix of 256 take above the model, at the highest."""
    decoder = decoder_of(models()[name]())
    ends = random_texts(256, mean=8.0, spread=1.5, least=3, seed=2)
    (prefix,) = random_texts(1, mean=256, spread=0, least=1)
    by_engine(decoder, [prefix[:16] + end for end in ends[:8]])
    ctypes.CDLL("libc.so.6").malloc_trim(0)  # so that memory given back is not used again unseen
    before = held("VmRSS")
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    by_engine(decoder, [prefix + end for end in ends])
    return held("VmHWM") - before


def held(name: str) -> float:
    """A figure of this process in MiB: VmRSS is what it holds, VmHWM the most it has held."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return float(next(line for line in lines if line.startswith(name)).split()[1]) / 1024


def memory_alone(name: str) -> str:
    """`memory` in a process of its own, since this one's heap has room already; Linux only."""
    if platform.system() != "Linux":
        return "not measured, because this is not Linux"
    command = [sys.executable, __file__, "--memory", name]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return f"{float(done.stdout.split()[-1]):.0f} MiB"


def report(name: str, rounds: int) -> str:
    """All tables of one model, as markdown."""
    asked, source = questions(512)
    chat = random_texts(32, mean=222, spread=90, least=40)
    module = models()[name]()
    decoder = decoder_of(module)
    lines = [f"## {name}: the lean forward pass", "", _conditions(), ""]
    sets = {source: asked, "chat lengths": chat}
    for texts_name, texts in sets.items():
        mean = sum(map(len, texts)) / len(texts)
        lines += [f"### {name}: {texts_name}, {mean:.0f} tokens on average ({len(texts)})", ""]
        share = 1 / 64 if len(texts) > 200 else 1 / 8
        rows = table_of_ways(module, decoder, texts, rounds, seed_share=share)
        lines += [WAYS, "|---|---|---|---|---|---|", *rows, ""]
    lines += [f"### {name}: 256 continuations of about 8 tokens on one prefix", ""]
    lines += [PREFIXES, "|---|---|---|---|---|", *table_of_prefixes(decoder, module, 1), ""]
    lines += [f"Memory for 256 on 256 above the model: {memory_alone(name)}.", ""]
    lines += [f"### {name}: one token changed in a text of 280", ""]
    lines += ["| | CPU time | × whole texts |", "|---|---|---|"]
    lines += [*table_of_swaps(decoder, rounds), ""]
    lines += [f"### {name}: tokens that run together", "", "Texts per CPU second.", ""]
    lines += [*table_of_chunks(decoder, sets, 1), ""]
    lines += [f"The scorer's facts say: {decoder.told}."]
    return "\n".join(lines)


WAYS = (
    "| way | × the padded one | × one by one | of the products' limit | × one by one, wall clock | "
    "texts per CPU second |"
)
PREFIXES = (
    "| prefix tokens | whole texts, lean | × with transformers' cache | × lean, shared | "
    "largest difference, of the spread |"
)


def machine() -> str:
    """Date, processor, versions and command."""
    cpu = "unknown processor"
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [x for x in info.read_text().splitlines() if x.startswith("model name")]
        cpu = names[0].split(":", 1)[1].strip() if names else cpu
    return (
        f"{datetime.date.today().isoformat()}; {cpu}, {os.cpu_count()} cores, shared with other "
        f"work; {torch.get_num_threads()} thread; Python {platform.python_version()}, torch "
        f"{torch.__version__}. `OMP_NUM_THREADS=1 python {' '.join(sys.argv)}`."
    )


def _conditions() -> str:
    return (
        f"{machine()} Random weights, 8 layers, 512 wide, 8192 tokens, float32. Ratios of medians "
        "of CPU time; ways taken in turns in one process. Other work on the machine moves the wall "
        "clock's column by half and more, and CPU times by a tenth. The lean forward pass may beat "
        "the products' limit, since in the last layer it runs only the tokens that are read."
    )


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--models", nargs="+", choices=list(models()), default=list(models()))
    parser.add_argument("--write", type=Path, default=None, help="page with a section per model")
    parser.add_argument("--memory", choices=list(models()), help="print the memory of one model")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.memory:
        print(memory(arguments.memory))
        return
    for name in arguments.models:
        text = report(name, arguments.rounds)
        print(text, flush=True)
        if arguments.write:
            write_section(arguments.write, f"forward.py, {name}", text)


if __name__ == "__main__":
    main()
