"""Figures of the page: plotly's JSON made harmless, PNG read from inside the run directory."""

from __future__ import annotations

import base64
import gzip
import math
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markupsafe import Markup

from pyrite.report import Figure
from pyrite.report.html.static_picture import picture
from pyrite.report.html.tables import inert_json
from pyrite.report.html.texts import visible
from pyrite.types import Json

__all__ = ["Budget", "FigureView", "packed_plotly", "plotly_source", "view"]

MOST_PNG = 8_000_000
"""Bytes of all PNG files of a page together."""
MOST_PLOTLY = 4_000_000
"""Characters of all plotly JSON of a page together."""
_PNG_START = b"\x89PNG\r\n\x1a\n"
# Marks that plotly's labels may use, and `extra` of hover templates; a link or any other is text.
_OTHER_MARK = re.compile(r"<(?!/?(?:br|b|i|sub|sup|em|strong|extra)\s*/?>)")


@dataclass
class Budget:
    """What is left of a page's room for figures."""

    png: int = MOST_PNG
    plotly: int = MOST_PLOTLY


@dataclass(frozen=True)
class FigureView:
    """A figure ready for the template.

    Attributes:
        script: inert plotly JSON, or None.
        png: a data: URI, or None.
        missing: why the PNG is not there, where the block names one.
    """

    id: str
    caption: str
    alt: str
    script: Markup | None
    png: str | None
    missing: str
    size: tuple[int, int] | None


def view(figure: Figure, *, id: str, folder: Path, budget: Budget) -> FigureView:
    """Reads the PNG, inside `folder` only, or draws one, and makes the JSON inert."""
    content, missing = (None, "") if figure.png is None else _png(folder, figure.png)
    if content is None and figure.plotly is not None and len(str(figure.plotly)) < MOST_PLOTLY:
        content = picture(figure.plotly)
        missing = "" if content else missing
    if content is not None and len(content) > budget.png:
        content, missing = None, "The picture is left out here: the page would be too large."
    if content is not None:
        budget.png -= len(content)
    script = None
    if figure.plotly is not None:
        made = inert_json(_harmless(figure.plotly))
        if len(made) <= budget.plotly:
            budget.plotly -= len(made)
            script = made
        elif content is None:
            missing = "The figure is left out here: its data would make the page too large."
    return FigureView(
        id=id,
        caption=figure.caption,
        alt=figure.alt,
        script=script,
        png=None if content is None else _data_uri(content),
        missing=missing,
        size=None if content is None else _size(content),
    )


def _png(folder: Path, name: str) -> tuple[bytes | None, str]:
    inside = folder.resolve()
    path = (inside / name.replace("\0", "")).resolve()
    if not path.is_relative_to(inside):
        return None, "The picture is left out: its path leads out of the run directory."
    if not path.is_file():
        return None, f"The picture is missing: {name}"
    content = path.read_bytes()
    if not content.startswith(_PNG_START):
        return None, f"The picture is left out: {name} is no PNG file."
    return content, ""


def _data_uri(content: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(content).decode('ascii')}"


def _size(content: bytes) -> tuple[int, int] | None:
    """Width and height from the header, which is the first chunk of every PNG."""
    if len(content) < 24:
        return None
    return int.from_bytes(content[16:20], "big"), int.from_bytes(content[20:24], "big")


def _harmless(value: Json) -> Json:
    """The same JSON: no marks but plotly's own, no hidden characters, no infinite numbers."""
    if isinstance(value, str):
        # Browsers have few WebGL contexts, some none, and paper has no use for them.
        value = value.removesuffix("gl") if value in ("scattergl", "heatmapgl") else value
        return _OTHER_MARK.sub("&lt;", visible(value))
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {visible(str(key)): _harmless(one) for key, one in value.items() if key != "images"}
    if isinstance(value, list | tuple):
        return [_harmless(one) for one in value]
    return value


@cache
def plotly_source() -> str:
    """The source of plotly.js that the installed package carries."""
    from plotly.offline import get_plotlyjs

    source: str = get_plotlyjs()
    return source


@cache
def packed_plotly() -> str:
    """The same, compressed, in Base64: a third of its size."""
    packed = gzip.compress(plotly_source().encode("utf-8"), mtime=0)
    return base64.b64encode(packed).decode("ascii")
