"""Sections of a page that benchmarks write, each between two markers of its own."""

from __future__ import annotations

from pathlib import Path

__all__ = ["write_section"]


def write_section(path: Path, name: str, text: str) -> None:
    """Replace the section of this name, or add it; the rest of the page stays.

    Raises:
        ValueError: one of its two markers is there alone.
    """
    page = path.read_text(encoding="utf-8") if path.exists() else "# Speed\n"
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    section = f"{begin}\n{text}\n{end}"
    if begin in page and end in page:
        before, rest = page.split(begin, 1)
        page = f"{before}{section}{rest.split(end, 1)[1]}"
    elif begin in page or end in page:
        raise ValueError(f"{path}: only one of {begin} and {end} is there")
    else:
        page = f"{page.rstrip()}\n\n{section}\n"
    path.write_text(page, encoding="utf-8")
