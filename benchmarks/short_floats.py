"""What short floats win and what they cost: speed and scores against float32, in one process.

    OMP_NUM_THREADS=1 python benchmarks/short_floats.py [--write docs/performance.md]

The models and texts of `models_and_texts.py`. `dtype: int8` rounds the weights of linear layers
and computes in floats. Kernels of int8, which Pyrite does not use, are there for comparison:
torch's own dynamic quantisation, and torchao where it is installed.
"""

from __future__ import annotations

import argparse
import copy
import datetime
import functools
import platform
import time
import warnings
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch
from models_and_texts import Texts, models, questions, random_texts
from sections import write_section

from forward import one_by_one, sorted_batches
from pyrite.forward import Decoder
from pyrite.models._int8 import round_to_int8

HEAD = torch.randn(512, generator=torch.Generator().manual_seed(5))
ROUNDS = 2
COLUMNS = (
    "| texts | way | texts per CPU second | × lean float32 | largest difference, SD | median, SD "
    "| pairs that change order |"
)


def head(vectors: torch.Tensor) -> torch.Tensor:
    """A linear head, in float32."""
    return vectors.float() @ HEAD


def shortened(module: torch.nn.Module) -> torch.nn.Module:
    """Parameters in bfloat16, buffers as they are."""
    other = copy.deepcopy(module)
    for parameter in other.parameters():
        parameter.data = parameter.data.bfloat16()
    return other


def quantised(module: torch.nn.Module) -> torch.nn.Module:
    """All linear layers in int8, by torch's dynamic quantisation."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made: torch.nn.Module = torch.ao.quantization.quantize_dynamic(
            module, {torch.nn.Linear}, dtype=torch.qint8
        )
    return made


def by_torchao(module: torch.nn.Module) -> dict[str, torch.nn.Module]:
    """All linear layers by torchao's int8: weights alone, or inputs too; none without it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from torchao import quantization
    except ImportError:
        return {}
    kinds = {
        "plain, torchao's int8 weights": quantization.Int8WeightOnlyConfig,
        "plain, torchao's dynamic int8": quantization.Int8DynamicActivationInt8WeightConfig,
    }
    found = {}
    for name, kind in kinds.items():
        found[name] = copy.deepcopy(module)
        quantization.quantize_(found[name], kind(version=2))
    return found


def rounded(module: torch.nn.Module) -> torch.nn.Module:
    """What `dtype: int8` does."""
    other = copy.deepcopy(module)
    round_to_int8(other)
    return other


def seconds(run: Callable[[], object]) -> float:
    """The least CPU time of some rounds: other work only ever adds."""
    found = []
    for _ in range(ROUNDS):
        started = time.process_time()
        run()
        found.append(time.process_time() - started)
    return min(found)


def plain(module: torch.nn.Module, texts: Texts) -> torch.Tensor:
    """Scores by the plain module, one text at a time."""
    return head(torch.cat(one_by_one(module, texts)))


def rows(name: str, texts: Texts, kind: str) -> list[str]:
    """One row for each way."""
    module = models()[name]()
    short, small = shortened(module), quantised(module)
    lean, quick, coarse, both = (
        Decoder(one, head) for one in (module, short, rounded(module), shortened(rounded(module)))
    )
    for decoder in (lean, quick, coarse, both):
        assert decoder.lean is not None, decoder.told
    exact = torch.tensor(lean.score(texts))
    ways: dict[str, tuple[Callable[[], object], torch.Tensor]] = {
        "lean, float32": (lambda: lean.score(texts), exact),
        "lean, bfloat16": (lambda: quick.score(texts), torch.tensor(quick.score(texts))),
        "plain, bfloat16": (lambda: sorted_batches(short, texts), plain(short, texts)),
        "lean, dtype: int8": (lambda: coarse.score(texts), torch.tensor(coarse.score(texts))),
        "lean, dtype: int8, bfloat16": (
            lambda: both.score(texts),
            torch.tensor(both.score(texts)),
        ),
        "plain, torch's dynamic int8": (
            lambda: sorted_batches(small, texts),
            plain(small, texts),
        ),
    }
    for way, made in by_torchao(module).items():
        ways[way] = (functools.partial(sorted_batches, made, texts), plain(made, texts))
    first, second = torch.triu_indices(len(texts), len(texts), 1)
    found, base = [], 0.0
    for way, (run, scores) in ways.items():
        took = seconds(run)
        base = base or took
        moved = (scores - exact).abs() / exact.std()
        before, after = exact[first] > exact[second], scores[first] > scores[second]
        flipped = float((before != after).float().mean())
        cells = [
            kind,
            way,
            f"{len(texts) / took:.0f}",
            f"{base / took:.1f}",
            f"{float(moved.max()):.2g}",
            f"{float(moved.median()):.2g}",
            f"{flipped:.2%}",
        ]
        found.append(f"| {' | '.join(cells)} |")
    return found


def _said() -> str:
    info = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    flags = [name for name in ("amx_bf16", "avx512_bf16") if name in info]
    return (
        f"{datetime.date.today().isoformat()}; {platform.processor() or platform.machine()} with "
        f"{' and '.join(flags) or 'no products of bfloat16 known'}, shared with other work; 1 "
        f"thread; torch {torch.__version__}. `OMP_NUM_THREADS=1 python benchmarks/short_floats.py`."
        f" Random weights, 8 layers, 512 wide. CPU time, the least of {ROUNDS}. Plain ways are "
        "sorted by length, 2048 tokens a batch. Differences are from the scores of the same texts "
        "by the lean forward pass in float32, in SD of these; pairs are all pairs of texts. "
        "`dtype: int8` are rounded weights in products of floats; kernels of int8 are for "
        f"comparison: they are not offered. {_torchao()}"
    )


def _torchao() -> str:
    try:
        return f"torchao is {version('torchao')}."
    except PackageNotFoundError:
        return "torchao was not measured, because it is not installed."


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path, default=None, help="page with a section for this")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    asked, source = questions(256)
    chat = random_texts(24, mean=222, spread=90, least=40)
    lines = ["## Short floats", "", _said(), ""]
    for name in models():
        lines += [f"### {name}: short floats", "", COLUMNS, "|---" * 7 + "|"]
        lines += rows(name, asked, f"{source} ({len(asked)})")
        lines += [*rows(name, chat, f"chat lengths ({len(chat)})"), ""]
    text = "\n".join(lines)
    print(text, flush=True)
    if arguments.write:
        write_section(arguments.write, "short_floats.py, short floats", text)


if __name__ == "__main__":
    main()
