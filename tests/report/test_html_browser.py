"""The page in a real browser: it works, alone, with a mouse, with a keyboard, small and on paper.

Set PYRITE_PICTURES to a folder to keep a screenshot of every size and theme.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pyrite.report.html import render
from tests.report.browser_sample import sample

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 375, "height": 812}

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("run")
    path = folder / "report.html"
    path.write_text(render(sample(folder), folder), encoding="utf-8")
    return path.as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as running:
        started = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


class Visit:
    """A page that is watched: what it asks for and what it complains about."""

    def __init__(self, browser: Any, address: str, **context: Any) -> None:
        self.context = browser.new_context(**{"viewport": DESKTOP, **context})
        self.context.set_default_timeout(10_000)
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda said: self.complaints.append(said.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(address)

    def draw_all(self) -> None:
        for box in self.page.locator("[data-figure]").all():
            box.scroll_into_view_if_needed()
            box.locator(".main-svg").first.wait_for(state="attached", timeout=10_000)

    def check_and_close(self, address: str) -> None:
        assert self.complaints == []
        assert [x for x in self.requests if not x.startswith("data:")] == [address]
        assert self.page.evaluate("window.broken === undefined")
        self.context.close()


@pytest.fixture
def visit(browser: Any, address: str) -> Iterator[Visit]:
    made = Visit(browser, address)
    yield made
    made.check_and_close(address)


def column(page: Any, at: int) -> list[str]:
    cells: list[str] = page.locator(
        f"#table-rows tbody:first-of-type tr td:nth-child({at})"
    ).all_inner_texts()
    return cells


def test_a_table_sorts_filters_and_turns_pages(visit: Visit) -> None:
    page, table = visit.page, visit.page.locator("#table-rows")
    head = table.locator("thead").first.locator("th").nth(1)
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    shown = [float(x.replace("−", "-")) for x in column(page, 2)]
    assert shown == sorted(shown, reverse=True)
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    table.get_by_role("button", name="Next").click()
    assert table.locator("[data-place]").inner_text() == "26–50 of 130"
    table.get_by_label("Verdict").select_option("not confirmed")
    assert set(column(page, 6)) == {"not confirmed"}
    table.get_by_label("Filter").fill("u+202e")
    assert table.locator("[data-place]").text_content() == "0 (of 130)"
    table.get_by_label("Verdict").select_option("")
    assert column(page, 1) == ["feature_3"]
    table.get_by_label("Filter").fill("no such text")
    assert "No row matches." in table.inner_text()


def test_missing_values_come_last_in_either_direction(visit: Visit) -> None:
    button = visit.page.locator("#table-rows thead th").nth(4).get_by_role("button")
    for _ in range(2):
        button.click()
        assert "–" not in column(visit.page, 5)


def test_a_long_text_opens_as_text(visit: Visit) -> None:
    fold = visit.page.locator("#table-rows td.long details").first
    assert not fold.locator(".whole").is_visible()
    fold.locator("summary").click()
    assert "xxxxxxxx" in fold.locator(".whole").inner_text()


def test_cards_filter_order_and_open(visit: Visit) -> None:
    page = visit.page
    box = page.locator("[data-cards]")
    titles = box.locator(".card:visible h3 > bdi")
    assert titles.first.inner_text() == "italic_words"
    box.get_by_label("Verdict").select_option("bias")
    assert titles.all_inner_texts() == ["bullets"]
    box.get_by_label("Verdict").select_option("")
    box.get_by_label("Filter").fill("evolution")
    assert titles.all_inner_texts() == ["italic_words"]
    assert box.locator("[data-place]").inner_text() == "1 of 5 findings"
    box.locator(".card:visible > summary").click()
    assert box.locator(".card:visible table.effects").is_visible()
    marked = box.locator(".card:visible details[open] mark").all_inner_texts()
    assert marked == ["*"] * 4
    box.get_by_label("Filter").fill("words + bullets")
    assert titles.all_inner_texts() == ["italic_words + bullets"], "its fold is opened"
    box.get_by_label("Filter").fill("")
    assert "italic_words + bullets" not in titles.all_inner_texts()
    told = "1 variant of the same, severity up to 8.0, effects up to 2.00 SD"
    assert box.locator(".variants > summary").all_inner_texts() == [told]
    box.get_by_label("Order").select_option("title")
    assert titles.all_inner_texts()[1:] == ["bare", "bullets", "italic_words"]


def test_a_link_to_a_card_opens_it(browser: Any, address: str) -> None:
    visit = Visit(browser, f"{address}#exploit-bullets")
    assert visit.page.locator("#exploit-bullets[open]").count() == 1
    visit.context.close()
    visit = Visit(browser, f"{address}#exploit-both")
    assert visit.page.locator("#exploit-both[open] .effects").is_visible(), "inside a fold"
    visit.context.close()


def test_the_keyboard_alone_is_enough(visit: Visit) -> None:
    page = visit.page

    def focused(script: str) -> Any:
        return page.evaluate(f"document.activeElement.{script}")

    page.keyboard.press("Tab")
    assert focused("className") == "skip"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.locator("#exploit-italic > summary").focus()
    page.keyboard.press("Enter")
    assert page.locator("#exploit-italic[open]").count() == 1
    page.locator("#table-rows thead button").first.focus()
    page.keyboard.press("Space")
    assert page.locator("#table-rows thead th").first.get_attribute("aria-sort") == "ascending"
    page.locator(".stream .token").first.focus()
    page.keyboard.press("ArrowRight")
    assert "reward −0.40" in page.locator(".reading").inner_text()
    page.keyboard.press("End")
    assert "Token 9 of 9" in page.locator(".reading").inner_text()
    page.keyboard.press("Tab")
    assert focused("tagName") == "SUMMARY"


def test_the_theme_follows_the_system_and_the_switch(browser: Any, address: str) -> None:
    visit = Visit(browser, address, color_scheme="dark")
    background = "getComputedStyle(document.body).backgroundColor"
    assert visit.page.evaluate(background) == "rgb(25, 24, 22)"
    visit.draw_all()
    label = visit.page.locator("#figure-alone .xtick text").first
    before = label.evaluate("x => getComputedStyle(x).fill")
    visit.page.get_by_role("button", name="Switch to light colours").click()
    assert visit.page.evaluate(background) == "rgb(253, 252, 249)"
    assert label.evaluate("x => getComputedStyle(x).fill") != before
    visit.check_and_close(address)


def test_a_page_switched_to_dark_is_light_on_paper(visit: Visit) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    ink = "getComputedStyle(document.body).color"
    light = visit.page.evaluate(ink)
    visit.page.get_by_role("button", name="Switch to dark colours").click()
    assert visit.page.evaluate(background) == "rgb(25, 24, 22)"
    picture = visit.page.locator("#figure-still img")
    assert "invert" in picture.evaluate("x => getComputedStyle(x).filter")
    visit.page.emulate_media(media="print")
    assert visit.page.evaluate(ink) == light


def test_a_command_is_copied(browser: Any, address: str) -> None:
    visit = Visit(browser, address, permissions=["clipboard-read", "clipboard-write"])
    button = visit.page.get_by_role("button", name="Reproduce this run").first
    button.click()
    visit.page.get_by_text("Copied").first.wait_for()
    copied = visit.page.evaluate("navigator.clipboard.readText()")
    assert copied == "pyrite run experiment.yml --set model=tiny --out runs/demo"
    visit.check_and_close(address)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_it_fits_and_can_be_read(browser: Any, address: str, size: str, scheme: str) -> None:
    viewport = DESKTOP if size == "desktop" else PHONE
    visit = Visit(browser, address, viewport=viewport, color_scheme=scheme)
    for summary in visit.page.locator(".variants > summary").all():
        summary.click()
    for summary in visit.page.locator(".card > summary").all():
        summary.click()
    visit.draw_all()
    width = visit.page.evaluate("document.documentElement.scrollWidth")
    assert width <= viewport["width"]
    assert visit.page.evaluate(FAINT) == []
    assert visit.page.evaluate(NAMELESS) == []
    if folder := os.environ.get("PYRITE_PICTURES"):
        target = Path(folder) / f"{size}-{scheme}.png"
        visit.page.screenshot(path=target, full_page=True)
    visit.check_and_close(address)


def test_without_a_script_everything_is_readable(browser: Any, address: str) -> None:
    visit = Visit(browser, address, java_script_enabled=False)
    page = visit.page
    assert page.locator("#figure-both img").is_visible()
    assert page.locator("#figure-alone img").is_visible()
    assert page.locator("#table-rows tbody tr").count() == 130
    page.locator("#exploit-italic > summary").click()
    assert page.locator("#exploit-italic .effects").is_visible()
    assert not page.locator("button:visible").all()
    visit.context.close()


def test_on_paper(visit: Visit) -> None:
    page = visit.page
    page.get_by_role("button", name="Switch to dark colours").click()
    visit.draw_all()
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(33, 31, 27)"
    assert page.locator("#figure-both img").is_visible()
    assert not page.locator("#figure-both .drawing").is_visible()
    assert page.locator("#figure-alone img").is_visible()
    assert page.locator("#figure-agreement img").is_visible()
    assert not page.locator(".quiet:visible, input:visible, nav:visible").all()
    assert page.locator(".card .effects").first.is_visible()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator(".card[open]").count() == 0


def test_what_a_screen_reader_needs(visit: Visit) -> None:
    page = visit.page
    assert page.locator("html").get_attribute("lang") == "en"
    for landmark in ("banner", "navigation", "main", "contentinfo"):
        assert page.get_by_role(landmark).count() == 1, landmark
    assert page.evaluate("[...document.querySelectorAll('img')].every(x => x.alt)")
    visit.draw_all()
    drawings = page.locator(".drawing:visible")
    assert drawings.evaluate_all("all => all.every(x => x.role === 'img' && x.ariaLabel)")
    tables = page.locator(".table table")
    assert tables.evaluate_all("all => all.every(x => x.caption && x.caption.textContent.trim())")
    heads = page.locator("th")
    assert heads.evaluate_all("all => all.every(x => ['col', 'row'].includes(x.scope))")


# Texts whose contrast with the page behind them is below 4.5 to 1.
FAINT = """() => {
  const channels = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((x) => x / 255)
    .map((x) => (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4))
    .reduce((sum, x, at) => sum + x * [0.2126, 0.7152, 0.0722][at], 0);
  const over = ([r, g, b, a = 1], below) => [r, g, b].map((x, at) => a * x + (1 - a) * below[at]);
  const behind = (element) => {
    if (!element) return [255, 255, 255];
    const own = channels(getComputedStyle(element).backgroundColor);
    return own[3] === 0 ? behind(element.parentElement) : over(own, behind(element.parentElement));
  };
  const faint = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim()) continue;
    if (element.closest("script, style, noscript, svg, :disabled")) continue;
    if (!element.checkVisibility()) continue;
    const [a, b] = [light(channels(getComputedStyle(element).color)), light(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) faint.add(`${element.className || element.tagName}: ${ratio.toFixed(2)}`);
  }
  return [...faint];
}"""

# Controls without a name, and boxes that scroll but cannot be reached with the keyboard.
NAMELESS = """() => {
  const controls = [...document.querySelectorAll("button, input, select, summary, a")]
    .filter((x) => x.checkVisibility())
    .filter((x) => !(x.ariaLabel || x.textContent.trim() || x.labels?.[0]?.textContent.trim()));
  const scrollers = [...document.querySelectorAll(".scroll")]
    .filter((x) => x.tabIndex !== 0 || !(x.ariaLabel || x.getAttribute("aria-labelledby")));
  return [...controls, ...scrollers].map((x) => x.outerHTML.slice(0, 120));
}"""
