"""A pair of 4096 × 4096 pixels with 5,000 segments: what it costs to look around in it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from playwright.sync_api import Page

from tests.browser.test_viewer import COUNTING, label_of
from tests.browser.viewers import open_viewer, pair, update

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
]

SIDE, GRID = 4096, 71  # 71 × 71 segments are 5,041
# Waits until what was asked for is drawn; then the script time of that frame, in milliseconds.
DRAWN = """async () => {
  for (let k = 0; k < 2; k += 1) await new Promise(requestAnimationFrame);
  return window.viewer.drawMilliseconds;
}"""


def test_five_thousand_segments_are_looked_at_without_an_upload(
    live_server, page: Page, record_property: Callable[[str, object], None]
) -> None:
    cells = np.arange(SIDE) * GRID // SIDE
    old = (cells[:, None] * GRID + cells[None, :] + 60_000).astype(np.uint32)
    new = old.copy()
    for top in range(0, SIDE, 512):
        new[top : top + 40, top : top + 90] = 70_000 + top
    pair(label_of(old), label_of(new))
    page.set_default_timeout(120_000)
    page.add_init_script(COUNTING)
    open_viewer(page, size=(480, 240))
    assert page.evaluate("[window.viewer.renderer, window.viewer.scene.changes.length > 0]") == [
        "webgl2", True,
    ]  # fmt: skip
    page.evaluate("window.uploads = 0")
    spent = {}
    for mode in ("two-up", "swipe", "onion", "difference", "heat", "outlines"):
        update(page, mode=mode)
        spent[mode] = page.evaluate(DRAWN)
    update(page, mode="two-up", colorBy="change", onlyChanges=True)
    spent["filter"] = page.evaluate(DRAWN)
    page.mouse.move(100, 100)
    page.mouse.move(160, 130, steps=5)
    spent["hover"] = page.evaluate(DRAWN)
    page.mouse.wheel(0, -600)
    spent["zoom"] = page.evaluate(DRAWN)
    page.mouse.down()
    page.mouse.move(120, 100, steps=5)
    page.mouse.up()
    spent["pan"] = page.evaluate(DRAWN)
    assert page.evaluate("window.uploads") == 0
    record_property("milliseconds of script per frame", spent)
    # A frame sets uniforms; the first of a mode also asks for its program.
    assert max(spent[name] for name in ("hover", "zoom", "pan")) < 50, spent
