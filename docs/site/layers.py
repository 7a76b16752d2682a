"""Draws docs/images/layers.svg from the imports: `python docs/site/layers.py` (from the root).

A box is a package or module of src/pyrite, a row is a layer; a line leads from a package to the
lower ones that it imports at module level. A test compares the file with what this gives.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PICTURE = ROOT / "docs" / "images" / "layers.svg"
WIDTH, ROW, BOX, GAP, MARGIN = 980, 74, 26, 10, 24
STYLE = (
    "text{font:12px sans-serif;text-anchor:middle;fill:#222}"
    "rect{fill:#fff8e1;stroke:#b8860b;rx:4}path{stroke:#999;stroke-opacity:.35;fill:none}"
    ".band{fill:#f5f5f5;stroke:none}"
)


def rows() -> list[list[str]]:
    """The layers from the top (command line) to the bottom (types), names in each sorted."""
    sys.path.insert(0, str(ROOT))
    from tests.structure.test_layers import LAYERS

    return [sorted(layer) for layer in reversed(LAYERS)]


def imported() -> dict[str, set[str]]:
    """Package -> packages that its modules import at module level."""
    sys.path.insert(0, str(ROOT))
    from tests.structure import test_layers

    found: dict[str, set[str]] = {}
    for module, path in test_layers._modules():
        own = module.split(".")[1]
        for name in test_layers._imports(path):
            other = name.split(".")[1] if "." in name else own
            if other != own:
                found.setdefault(own, set()).add(other)
    return found


def picture() -> str:
    """The whole SVG."""
    places: dict[str, tuple[float, float, float]] = {}
    boxes: list[str] = []
    for number, names in enumerate(rows()):
        top = MARGIN + number * ROW
        boxes.append(
            f'<rect class="band" x="0" y="{top - 10}" width="{WIDTH}" height="{BOX + 20}"/>'
        )
        wide = [12 + 7.2 * len(name) for name in names]
        left = (WIDTH - sum(wide) - GAP * (len(names) - 1)) / 2
        for name, width in zip(names, wide, strict=True):
            places[name] = (left + width / 2, top, width)
            boxes.append(
                f'<rect x="{left:.0f}" y="{top}" width="{width:.0f}" height="{BOX}"/>'
                f'<text x="{left + width / 2:.0f}" y="{top + 17}">{name}</text>'
            )
            left += width + GAP
    lines = []
    for own, others in sorted(imported().items()):
        for other in sorted(others):
            (x, y, _), (to, below, _) = places[own], places[other]
            if below > y:
                middle = (y + BOX + below) / 2
                lines.append(
                    f'<path d="M{x:.0f} {y + BOX}C{x:.0f} {middle:.0f} {to:.0f} {middle:.0f} '
                    f'{to:.0f} {below}"/>'
                )
    height = 2 * MARGIN + ROW * len(rows()) - (ROW - BOX)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}">'
        f"<style>{STYLE}</style>\n"
        + "\n".join([*_bands(boxes), *lines, *_rest(boxes)])
        + "\n</svg>\n"
    )


def _bands(boxes: list[str]) -> list[str]:
    return [box for box in boxes if 'class="band"' in box]


def _rest(boxes: list[str]) -> list[str]:
    return [box for box in boxes if 'class="band"' not in box]


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
