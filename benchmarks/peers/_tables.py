"""The tables of what was measured, and their place in a page that others write too."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["page"]

SEED, ALONE, LIMIT = "the seed's way", "one by one", "torch's matrix products"

INSTALL = """The packages of the others stand in an environment of their own, which sees that of
Pyrite (here `.venv`, where the package itself is installed) and adds to it without changing it:

<!-- not run: it installs other libraries and measures for an hour -->
```sh
python3 -m venv /tmp/benchvenv
printf '%s\\n' "$PWD/src" "$(echo $PWD/.venv/lib/python3*/site-packages)" \\
    > "$(echo /tmp/benchvenv/lib/python3*/site-packages)/shared.pth"
/tmp/benchvenv/bin/pip install --no-deps sentence-transformers==6.2.0 rewardbench==0.1.4 \\
    onnxruntime==1.32.0 openvino==2026.4.1 onnx==1.23.2 onnxscript==0.7.2 onnx-ir==1.1.0 \\
    ml_dtypes==0.6.0 flatbuffers
OMP_NUM_THREADS=1 /tmp/benchvenv/bin/python benchmarks/scoring.py --write docs/performance.md
```"""

COLUMNS = (
    "way",
    "texts/s",
    "tokens/s",
    "× one by one",
    "× the seed's way",
    "of the products' limit",
    "× one by one, from ids",
    "largest error",
    "memory, MiB",
)


def page(found: Mapping[str, Any]) -> str:
    """The whole section as markdown."""
    about = found["conditions"]
    lines = [
        "## Against the alternatives",
        "",
        f"{about['date']}; {about['machine']}; {about['threads']} thread; Python "
        f"{about['python']}; {about['packages']}. `{about['command']}`.",
        "",
        "Models with random weights in float32 (8 layers, 512 wide, 8192 tokens). All ways score "
        "the same texts in one process, block after block in turns; medians of the CPU time of "
        "the blocks, tokenisation included except where it says `from ids`. Ways that take one "
        "text at a time take a part of the texts, spread over the lengths. The limit is torch's "
        "own products of the model's matrices with as many rows as there are tokens (Pyrite does a "
        "little less: it does not run the last layer for tokens that are not read). Errors are the "
        "largest difference from one by one in float32, in standard deviations of the scores. "
        "Memory is what scoring takes above what the process held.",
        "",
    ]
    for one in found["sets"]:
        lines += [*_set(one), ""]
    lines += [*_lengths(found["by_length"]), "", *_growth(found["grown"]), "", INSTALL]
    return "\n".join(lines)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [
        f"| {' | '.join(header)} |",
        "|---" * len(header) + "|",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]


def _set(one: Mapping[str, Any]) -> list[str]:
    ways = one["ways"]
    seed, alone, limit = (
        next((way for way in ways if way["name"].startswith(name)), None)
        for name in (SEED, ALONE, LIMIT)
    )
    rows = [_row(way, one, seed=seed, alone=alone, limit=limit) for way in ways]
    told = [f"{way['name']}: {way['told']}." for way in ways if way["told"]]
    absent = [f"{name}: not run, because {why}." for name, why in one["absent"].items()]
    return [
        f"### {one['model']}: {one['set']}, {one['mean_tokens']:.0f} tokens on average",
        "",
        f"{one['texts']} texts of {one['shortest']} to {one['longest']} tokens; standard deviation "
        f"of the scores {one['spread']:.2f}. One by one itself differs from float64 by up to "
        f"{one['own_noise']:.0e} of it.",
        "",
        *_table(COLUMNS, rows),
        "",
        *(f"- {line}" for line in [*told, *absent]),
    ]


def _row(
    way: Mapping[str, Any],
    one: Mapping[str, Any],
    *,
    seed: Mapping[str, Any] | None,
    alone: Mapping[str, Any] | None,
    limit: Mapping[str, Any] | None,
) -> list[str]:
    seconds = statistics.median(way["cpu"])
    is_limit = way is limit
    if way["name"].startswith("tokenisation"):
        rates = [_number(1 / seconds), _number(one["mean_tokens"] / seconds)]
        return [way["name"], *rates, *"––––––"]
    return [
        f"**{way['name']}**" if way["name"].startswith("Pyrite") else way["name"],
        _number(1 / seconds),
        _number(one["mean_tokens"] / seconds),
        _ratio(alone, way, "cpu", 2),
        _ratio(seed, way, "cpu", 0 if not way["name"].startswith(SEED) else 1),
        "–" if limit is None else f"{statistics.median(limit['cpu']) / seconds:.0%}",
        "–" if is_limit else _ratio(alone, way, "cpu_ids", 2),
        "–" if way["error"] is None else f"{way['error']:.0e}" if way["error"] else "0",
        "–" if way["memory"] is None or is_limit else f"{way['memory']:.0f}",
    ]


def _ratio(base: Mapping[str, Any] | None, way: Mapping[str, Any], times: str, digits: int) -> str:
    if base is None or not base[times] or not way[times]:
        return "–"
    return f"{statistics.median(base[times]) / statistics.median(way[times]):.{digits}f}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def _lengths(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = ["### By length", "", "Tokens per CPU second on texts of one length, from ids.", ""]
    names = list(rows[0]["tokens_per_second"]) if rows else []
    cells = [
        [
            row["model"],
            str(row["length"]),
            *(f"{row['tokens_per_second'][name]:,.0f}" for name in names),
        ]
        for row in rows
    ]
    return [*lines, *_table(("model", "tokens a text", *names), cells)]


def _growth(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = [
        "### By number of texts",
        "",
        "Whole runs of `pyrite run`, each in a process of its own: start, opening the model, its "
        "examination, reading, scoring, storing. `tiny` is the built-in reward model; `recorded` "
        "reads scores that are in the data. Peak memory is that of the whole process. Texts are "
        "all different, about nine words long.",
        "",
    ]
    cells = [
        [
            row["model"],
            f"{row['texts']:,}",
            f"{row['cpu']:.1f} s",
            f"{row['wall']:.1f} s",
            f"{row['peak']:,.0f} MiB",
        ]
        for row in rows
    ]
    return [*lines, *_table(("model", "texts", "CPU time", "wall clock", "peak memory"), cells)]
