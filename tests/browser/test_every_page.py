"""Every page in a real browser, in light and in dark: what no page may do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from playwright.sync_api import Page
from playwright.sync_api import TimeoutError as StillBusy

from tests.browser.steps import sign_in
from tests.web.every_page import NAME, full_town, opened_pages

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

WIDTHS = (3840, 820, 390)  # 4K, a tablet, a telephone
MOST_SHIFT = 0.1  # what is held for good
_BUSY_MILLISECONDS = 5_000
_EVERY_RULE = {
    "type": "tag",
    "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"],
}
_CONTRAST = {"type": "rule", "values": ["color-contrast"]}

_WATCH_SHIFTS = """
window.shifted = 0;
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) if (!one.hadRecentInput) window.shifted += one.value;
}).observe({ type: "layout-shift", buffered: true });
"""
# A screen that was just resized takes some frames to settle.
_WIDTH_WHEN_DRAWN = """async (width) => {
  const seen = () => document.documentElement.scrollWidth;
  for (let frame = 0; frame < 60 && (innerWidth !== width || seen() > width); frame += 1) {
    await new Promise(requestAnimationFrame);
  }
  return seen();
}"""
# What can have the focus, and shows no ring when it has. A ring may be drawn around what is in
# front of it: a label, a row of a table or list, a card.
_WITHOUT_RING = """() => {
  const ringed = (element, part) => {
    const style = getComputedStyle(element, part);
    return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1;
  };
  const seen = (element) =>
    [null, "::before", "::after"].some((part) => ringed(element, part)) ||
    [element.closest("label"), element.closest("tr, li"), element.parentElement]
      .some((one) => one && ringed(one, null));
  const focused = "a[href], button, input, select, textarea, summary, [tabindex='0']";
  return [...document.querySelectorAll(focused)]
    .filter((one) => one.checkVisibility({ visibilityProperty: true }) && !one.disabled)
    .filter((one) => { one.focus(); return document.activeElement === one && !seen(one); })
    .map((one) => one.outerHTML.slice(0, 100));
}"""


def test_no_page_fails_its_readers(live_server, page: Page) -> None:
    """The console and the policy are watched by `page`, which fails where they complain."""
    town = full_town()
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    page.add_init_script(_WATCH_SHIFTS)
    strangers, others = [], []
    for one in opened_pages(town):
        (strangers if one.is_for_strangers else others).append(one.path)
    found = [fault for path in strangers for fault in faults_of(page, path)]
    sign_in(page, NAME, "/teams/")
    found += [fault for path in others for fault in faults_of(page, path)]
    assert not found, "\n".join(found)


def faults_of(page: Page, path: str) -> Iterator[str]:
    """What is wrong with a page, a sentence each."""
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(path)
    _settle(page)
    # By the debugger, which the policy of the page does not bind.
    page.evaluate(AXE_FILE_PATH.read_text())
    yield from (f"{path}: axe: {rule}: {where}" for rule, where in _serious(page, _EVERY_RULE))
    yield from _moved(page, path)
    yield from _without_ring(page, path)
    yield from _too_wide(page, path)
    page.emulate_media(color_scheme="dark")
    yield from (f"{path}, dark: {rule}: {where}" for rule, where in _serious(page, _CONTRAST))


def _serious(page: Page, rules: dict[str, object]) -> list[tuple[str, list[str]]]:
    answer = page.evaluate("rules => axe.run(document, {runOnly: rules})", rules)
    return [
        (one["id"], [node["html"][:120] for node in one["nodes"]])
        for one in answer["violations"]
        if one["impact"] in ("serious", "critical")
    ]


def _moved(page: Page, path: str) -> Iterator[str]:
    shifted = page.evaluate("window.shifted")
    if shifted >= MOST_SHIFT:
        yield f"{path} moves by {shifted:.3f} while it comes"


def _without_ring(page: Page, path: str) -> Iterator[str]:
    page.keyboard.press("Tab")  # by keyboard, so that rings are shown
    for element in page.evaluate(_WITHOUT_RING):
        yield f"{path}: no ring around {element}"


def _too_wide(page: Page, path: str) -> Iterator[str]:
    for width in WIDTHS:
        # Low: only the width is asked for, and pictures are drawn by the processor here.
        page.set_viewport_size({"width": width, "height": 300})
        wide = page.evaluate(_WIDTH_WHEN_DRAWN, width)
        if wide > width:
            yield f"{path} is {wide} wide on {width}"


def _settle(page: Page) -> None:
    """Wait for what a page asks for after it came; some of them never stop asking."""
    if page.locator("[hx-get], panoptic-viewer").count() == 0:
        return
    with suppress(StillBusy):
        page.wait_for_load_state("networkidle", timeout=_BUSY_MILLISECONDS)
