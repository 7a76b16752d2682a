"""What short floats win and what they cost: speed and scores against float32, in one process.

    OMP_NUM_THREADS=1 python benchmarks/short_floats.py [--write docs/performance.md]

The models and texts of `models_and_texts.py`. int8 is torch's dynamic quantisation of all linear
layers, for comparison only: Pyrite does not offer it.
"""

from __future__ import annotations

import argparse
import copy
import datetime
import platform
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from models_and_texts import Texts, models, questions, random_texts

from forward import one_by_one, sorted_batches, write_section
from pyrite.forward import Decoder

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
    lean, quick = Decoder(module, head), Decoder(short, head)
    assert lean.lean is not None, lean.told
    assert quick.lean is not None, quick.told
    exact = torch.tensor(lean.score(texts))
    ways: dict[str, tuple[Callable[[], object], torch.Tensor]] = {
        "lean, float32": (lambda: lean.score(texts), exact),
        "lean, bfloat16": (lambda: quick.score(texts), torch.tensor(quick.score(texts))),
        "plain, bfloat16": (lambda: sorted_batches(short, texts), plain(short, texts)),
        "plain, int8": (lambda: sorted_batches(small, texts), plain(small, texts)),
    }
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
        "by the lean forward pass in float32, in SD of these; pairs are all pairs of texts. int8 "
        "is torch's own, for comparison: it is not offered."
    )


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
        write_section(arguments.write, "short floats", text)


if __name__ == "__main__":
    main()
