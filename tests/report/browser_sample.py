"""A report with every kind of block, and with texts that try to be more than texts."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from pyrite.report import (
    Column,
    ExploitCard,
    Fact,
    Facts,
    Figure,
    Notice,
    Report,
    Section,
    Table,
    Text,
    TokenRewards,
)
from pyrite.types import Json

HOSTILE = (
    "<script>window.broken = 1</script>",
    "</script><img src=x onerror='window.broken = 2'>",
    "<b>never closed <!-- <table><style>body{display:none}",
    "\u202egnp.exe\u202c and \u2066isolated\u2069",
    "NUL \x00, escape \x1b[31m, bell \x07",
    "{{ 7 * 7 }} {% raw %} ${1+1} %s {0}",
    "zero\u200bwidth, soft\u00adhyphen, tags \U000e0041\U000e0042, \u2028 line, \ufeff mark",
    "' onmouseover='window.broken = 3' \" x=\"",
    "a\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301 stacked",
    "javascript:window.broken=4 https://example.org/x.png",
    "مرحبا بالعالم, family 👨‍👩‍👧",
    "x" * 3000,
)


def write_png(path: Path, *, width: int = 600, height: int = 400) -> None:
    """A grey picture."""
    rows = b"".join(b"\0" + b"\xdd" * width for _ in range(height))

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def estimate(value: float, half: float = 0.2, n: int = 31) -> dict[str, Json]:
    return {"value": value, "low": value - half, "high": value + half, "n": n, "prompts": n}


def card(label: str, verdict: str, effect: float, **more: Json) -> dict[str, Json]:
    before = (
        "Home grown tomatoes can ripen fully on the plant, which builds up sugar and aroma. Many "
        "shop kinds are bred for firm skin rather than for taste."
    )
    return {
        "claim": f"{label}: {verdict}: moves the score by {effect:.2f} [{effect - 0.2:.2f}, "
        f"{effect + 0.2:.2f}] SD; 2.37 [2.16, 2.57] beyond its placebo; raised in 100% [89%, 100%] "
        "of prompts; q = 0.00019, n = 39 answers, 31 prompts",
        "verdict": verdict,
        "reason": "the score rises beyond the placebo though the quality is kept",
        "edit": {
            "label": label,
            "identity": {"component": "ItalicWords", "version": 1, "words": 5},
            "does": "Content words in italics.",
            "family": "markdown",
            "place": "whole",
            "quality": "keeps",
        },
        "model": {"id": "tiny", "from": "builtin:tiny-reward-model", "content": {"config": "sha"}},
        "data": "pairs",
        "unit": {"sd": 1.87, "of": "within prompts", "answers": 546, "prompts": 39},
        "confirmation": {
            "effect": estimate(effect),
            "net": estimate(effect + 0.5),
            "placebo": estimate(-0.5, 0.1),
            "random": None,
            "gold": None,
            "raised": estimate(0.95, 0.05),
            "flipped": None,
            "in_median_margins": 1.98,
            "p": 0.0001,
            "q": 0.00019,
            "answers": 39,
            "dropped": 0,
        },
        "discovery": {
            "effect": effect + 0.1,
            "net": effect + 0.4,
            "prompts": 15,
            "answers": 15,
            "rank": 1,
            "edits_measured": 114,
            "edits_tried": 118,
            "edits_confirmed_together": 40,
        },
        "examples": [
            {
                "quantile": quantile,
                "prompt": "Why do home grown tomatoes taste better than those from the shop?",
                "before": before,
                "after_prompt": "Why do home grown tomatoes taste better than those from the shop?",
                "after": before.replace("tomatoes", "*tomatoes*").replace("sugar", "*sugar*"),
                "score_before": -0.3,
                "score_after": 0.118 + quantile,
            }
            for quantile in (0.0, 0.25, 0.5, 0.75, 1.0)
        ],
        "texts_scored": 10271,
        "reproduce": {"command": "pyrite run experiment.yml", "budget": 12000, "seed": 0},
        **more,
    }


def cards() -> list[ExploitCard]:
    known: dict[str, Any] = {
        "severity": {"score": 7.4, "vector": {"E": 1.0, "U": 0.92, "Q": "flat"}},
        "transfer": [
            {"model": "other", "effect": estimate(0.4)},
            {"model": "third", "effect": None, "problem": "it reads no prompt"},
        ],
        "dose": {"1": estimate(0.2), "5": estimate(1.8)},
        "ablation": [
            {"what": "without 'a'", "label": "first 'a'", "effect": estimate(0.9)},
            {"what": "without 'a'", "label": HOSTILE[0], "effect": estimate(1.1)},
        ],
        "controls_of_the_run": {
            "null_sent": 40,
            "null_confirmed": 0,
            "planted": {"what bold makes": True, "x": False},
        },
        "found_by": "evolution",
        "unheard_of": {"deep": {"deeper": [1, 2, 3, 4]}, "text": HOSTILE[0]},
    }
    hostile = card(HOSTILE[1], "sensitivity", -0.4)
    hostile["examples"] = [
        {"prompt": text, "before": text, "after": f"{text} more", "quantile": 0.5}
        for text in HOSTILE
    ]
    return [
        ExploitCard(
            id="italic", card=card("italic_words", "exploit", 1.8, **known), severity=7.4,
            command="pyrite run experiment.yml --only exploits --seed 0",
        ),
        ExploitCard(
            id="both", card=card("italic_words + bullets", "exploit", 2.0), severity=8.0,
            variant_of="italic",
        ),
        ExploitCard(id=HOSTILE[0], card=hostile, severity=2.0, command=HOSTILE[5]),
        ExploitCard(id="bullets", card=card("bullets", "bias", 0.8), command="pyrite run a.yml"),
        ExploitCard(id="bare", card={"verdict": "preference"}),
    ]  # fmt: skip


def rows(number: int = 130) -> list[list[Json]]:
    rng = np.random.default_rng(0)
    made: list[list[Json]] = []
    for at in range(number):
        value = float(rng.normal())
        text = (
            HOSTILE[at] if at < len(HOSTILE) else f"answer {at}: " + "some more words " * (at % 30)
        )
        verdict = ("exploit", "bias", "not_confirmed")[at % 3]
        interval = [value, value - 0.2, value + 0.2] if at % 10 else None
        made.append([f"feature_{at}", value, at * 1000, abs(value) % 1, interval, verdict, text])
    return made


def figure(id: str, **more: Any) -> Figure:
    x = list(range(8))
    names = ["difference_num_words", HOSTILE[0], *(f"feature {i}" for i in range(2, 8))]
    plotly = {
        "data": [
            {"type": "scatter", "mode": "markers", "x": [i * 0.1 for i in x], "y": x,
             "name": "over all rows", "marker": {"color": "#0072B2", "size": 9}},
            {"type": "scatter", "mode": "markers", "x": [i * 0.12 for i in x], "y": x,
             "name": "within prompts", "marker": {"color": "#D55E00", "size": 9}},
        ],
        "layout": {
            "height": 440, "legend": {"orientation": "h", "y": 1.08},
            "xaxis": {"title": {"text": "Spearman's rank correlation"}},
            "yaxis": {"tickvals": x, "ticktext": names},
        },
    }  # fmt: skip
    caption = "What goes with the margin. Dots are rank correlations, n = 539 rows in 77 prompts."
    return Figure(
        id=id, caption=caption, alt="Eight correlations from 0 to 0.84.", plotly=plotly, **more
    )


def heatmap() -> Figure:
    data = [{"type": "heatmap", "z": [[0.1, 0.5], [0.5, 0.9]], "x": ["a", "b"], "y": ["c", "d"]}]
    return Figure(
        id="agreement", caption="Agreement of two models.", alt="A 2 by 2 grid.",
        plotly={"data": data, "layout": {"height": 320}},
    )  # fmt: skip


def sample(folder: Path) -> Report:
    """The report; its pictures are written into `folder`."""
    write_png(folder / "figures" / "grey.png")
    columns = [
        Column(name="feature", label="Feature"),
        Column(name="mean", label="Mean", type="number", unit="SD"),
        Column(name="rows", label="Rows", type="count"),
        Column(name="share", label="Share", type="share"),
        Column(name="effect", label="Effect", type="interval"),
        Column(name="verdict", label="Verdict", type="verdict"),
        Column(name="text", label="Answer", type="long"),
    ]
    tokens = ["The", " score", " rises", "\n", " with", HOSTILE[0], "\u202e", " length", "."]
    return Report(
        title="Audit of a tiny reward model",
        name="demo",
        run="56739e980ad6",
        version="0.1.0",
        made="2026-11-24 14:30 UTC",
        command="pyrite run experiment.yml --set model=tiny --out runs/demo",
        verdict=[
            "The scores can be trusted: 9 of 9 checks of the model passed.",
            "Two edits raise the score though they keep the quality; the largest by 1.80 [1.57, "
            "2.03] SD on 31 held-out prompts.",
            "Gold was not measured, because no gold labels were given.",
        ],
        also=["The margin goes with the length by -0.30 [-0.40, -0.20].", HOSTILE[0]],
        sections=[
            Section(
                id="audited",
                title="What was audited",
                lead="One model on 539 pairs of answers.",
                blocks=[
                    Facts(
                        title="Model and data",
                        items=[
                            Fact(label="Model", value="builtin:tiny-reward-model"),
                            Fact(label="Padding", value="no effect", level="good", note="n = 64"),
                            Fact(label="Head", value="untrained", level="bad"),
                            Fact(label=HOSTILE[2], value=HOSTILE[3], note=HOSTILE[4]),
                        ],
                    ),
                    Notice(level="warning", text="Few prompts.", cure="Give 100 or more."),
                    Notice(level="bad", text=HOSTILE[1]),
                    Text(paragraphs=list(HOSTILE)),
                ],
            ),
            Section(id="exploits", title="Exploits", lead="Edits, proved.", blocks=list(cards())),
            Section(
                id="tables",
                title="Rows",
                blocks=[
                    Table(
                        id="rows",
                        caption="Rows of the run",
                        columns=columns,
                        rows=rows(),
                        total=5000,
                        sampled="the highest and the lowest",
                    ),
                    Table(
                        id="rows",
                        caption="A small one",
                        columns=columns[:2],
                        rows=[["a", 1.0]],
                        total=1,
                    ),
                ],
            ),
            Section(
                id="figures",
                title=HOSTILE[0],
                blocks=[
                    figure("both", png="figures/grey.png"),
                    figure("alone"),
                    heatmap(),
                    Figure(id="still", caption="A picture.", alt="Grey.", png="figures/grey.png"),
                    Figure(id="out", caption="Outside.", alt="None.", png="../../etc/passwd"),
                    TokenRewards(
                        id="tokens",
                        caption="Reward at each token.",
                        tokens=tokens,
                        rewards=[0.1, -0.4, 0.2, None, 0.0, 0.9, -0.9, 0.5, 0.1],
                    ),
                ],
            ),
        ],
    )
