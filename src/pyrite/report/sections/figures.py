"""The figures that the analyses drew."""

from __future__ import annotations

from pathlib import Path

from pyrite.analysis.figures.chart import PLOTLY
from pyrite.files import read_json
from pyrite.report import Block, Figure, Notice, Section
from pyrite.report.cells import screen
from pyrite.report.material import Material, StepLeft
from pyrite.types import Json

__all__ = ["section"]

MOST_BYTES = 3_000_000
"""Of all interactive figures together; those beyond it are shown as pictures."""


def section(material: Material) -> Section:
    """Interactive as far as there is room, as pictures otherwise."""
    left = MOST_BYTES
    pictures = 0
    blocks: list[Block] = []
    for step in material.steps("analyze"):
        for made in step.meta.get("figures", ()):
            png = step.folder.require(made["png"])
            data = png.with_suffix(PLOTLY)
            size = data.stat().st_size if data.is_file() else left + 1
            fits = size <= left
            left -= size if fits else 0
            pictures += not fits
            blocks.append(_figure(material, step, made, png, data if fits else None))
    if pictures:
        where = "the interactive ones stand beside them in the run directory"
        text = f"{pictures} of {len(blocks)} figures are pictures here; {where}."
        blocks.insert(0, Notice(level="note", text=text))
    return Section(
        id="figures",
        title="Figures of the analyses",
        lead="Every figure says in its caption what its intervals are and how many rows it shows.",
        blocks=blocks,
    )


def _figure(
    material: Material, step: StepLeft, made: dict[str, Json], png: Path, data: Path | None
) -> Figure:
    content = None if data is None else read_json(data)
    title = str(made["title"])
    caption = f"{title}. {made['caption']}" if made.get("caption") else title
    return Figure(
        id=f"{step.id}-{made['name']}",
        caption=caption,
        alt=caption,
        plotly=screen(content) if isinstance(content, dict) else None,
        png=png.relative_to(material.path).as_posix(),
    )
