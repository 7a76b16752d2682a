"""The pictures of the report in the documentation, from a run: its report.html in a browser.

::

    pyrite demo && python -m tests.report.browser_pictures runs/demo/RUN docs/images
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from typing import Any

CARD = "italic_words"


def take(report: Path, folder: Path) -> None:
    """Writes `report-desktop.png` (a card opened) and `report-phone.png` (the top, dark)."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as running:
        chromium = shutil.which("chromium")
        browser = running.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 1120}, color_scheme="light")
        page.goto(report.resolve().as_uri())
        _show_card(page)
        page.screenshot(path=folder / "report-desktop.png")
        page = browser.new_page(
            viewport={"width": 390, "height": 844}, color_scheme="dark", device_scale_factor=2
        )
        page.goto(report.resolve().as_uri())
        page.screenshot(path=folder / "report-phone.png")
        browser.close()


def _show_card(page: Any) -> None:
    title = page.locator("h3 > bdi", has_text=re.compile(f"^{CARD}$"))
    card = page.locator(".card").filter(has=title).first
    card.locator(":scope > summary").click()
    card.evaluate("(x) => { x.querySelector('.example[open]').open = false; }")
    card.locator(".example").nth(3).locator("summary").click()
    card.evaluate(
        "(x) => scrollTo(0, (x.closest('.group').previousElementSibling ?? x)"
        ".getBoundingClientRect().top + scrollY)"
    )
    page.evaluate("document.activeElement.blur()")


if __name__ == "__main__":
    take(Path(sys.argv[1]) / "report.html", Path(sys.argv[2]))
