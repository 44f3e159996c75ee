"""The viewer under the hands of people: camera, pointers, keys, and scenes that lack something."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, Route, expect

from panoptic.label import empty_label
from store_app.erasure import mark_erased
from tests.browser.test_viewer import VIEW, after, before, label_of
from tests.browser.viewers import canvas, ids_of, open_viewer, pair, png_of, update

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# Where the image of 90 × 60 pixels lies in a view of 200 × 100, seen to scale.
LEFT, TOP = 55, 20
LISTEN = """() => {
  window.told = [];
  for (const name of ["hover", "select", "update"]) {
    document.body.addEventListener(`viewer-${name}`, ({ detail }) => {
      window.told.push({ name, ...detail });
    });
  }
}"""
LAWS = Path(__file__).with_name("viewer_laws.js").read_text()


@pytest.fixture
def town(live_server) -> None:
    photo = np.full((60, 90, 3), 120, np.uint8)
    pair(label_of(before()), label_of(after()), png_of(photo))


def told(page: Page, name: str) -> list[dict[str, Any]]:
    """What the page heard by events of this name."""
    return [one for one in page.evaluate("window.told") if one["name"] == name]


def state(page: Page, name: str) -> Any:
    return page.evaluate(f"window.viewer.state.{name}")


def test_cameras_and_states_keep_their_laws(live_server, page: Page) -> None:
    page.goto("/sign-in/")
    assert page.evaluate(LAWS) == []


def test_the_pointer_tells_the_ids_of_both_sides_and_a_click_chooses(
    town: None, page: Page
) -> None:
    open_viewer(page, size=VIEW, mode="single")
    page.evaluate(LISTEN)
    update(page, zoom=1)
    page.mouse.move(LEFT + 37.5, TOP + 30.5)
    heard = told(page, "hover")[-1]
    assert (heard["x"], heard["y"], heard["old"], heard["new"]) == (37, 30, 70_000, 1)
    assert state(page, "hovered") == {"side": "new", "id": 1}
    page.mouse.move(LEFT + 12.5, TOP + 50.5)
    page.mouse.down()
    page.mouse.up()
    heard = told(page, "select")[-1]
    assert (heard["side"], heard["id"]) == ("new", 9)
    assert heard["change"] == state(page, "selected") > 0
    page.mouse.move(3, 3)
    assert told(page, "hover")[-1]["new"] is None
    assert state(page, "hovered") is None


def test_wheel_drag_double_click_and_keys_move_the_camera(town: None, page: Page) -> None:
    open_viewer(page, size=VIEW, mode="single")
    page.evaluate(LISTEN)
    update(page, zoom=1)
    page.mouse.move(LEFT + 30, TOP + 30)
    under = "window.viewer.toImage([85, 50]).map(one => Math.round(one * 1000) / 1000)"
    held = page.evaluate(under)
    page.mouse.wheel(0, -400)
    page.wait_for_function("window.viewer.state.zoom > 1.5")
    assert page.evaluate(under) == held
    center = state(page, "center")
    page.mouse.down()
    page.mouse.move(LEFT + 40, TOP + 35, steps=3)
    page.mouse.up()
    zoom = state(page, "zoom")
    moved = [one - other for one, other in zip(center, state(page, "center"), strict=True)]
    assert moved == pytest.approx([10 / zoom, 5 / zoom])
    assert told(page, "select") == []
    page.keyboard.press("0")
    assert state(page, "zoom") is None
    page.keyboard.press("+")
    assert state(page, "zoom") > 1
    page.keyboard.press("ArrowRight")
    assert state(page, "center")[0] > 45
    page.keyboard.press("0")
    scale = 100 / 60  # of the image that fits
    page.mouse.dblclick(25 + 15 * scale, 53 * scale)
    assert state(page, "center") == [15, 53]  # of the car that was added
    assert len(told(page, "update")) > 5


def test_two_fingers_zoom(town: None, page: Page) -> None:
    open_viewer(page, size=VIEW, mode="single")
    update(page, zoom=1)
    page.evaluate(
        """() => {
          const stage = window.viewer.chrome.stage;
          stage.setPointerCapture = () => {};
          const touch = (type, pointerId, clientX) => stage.dispatchEvent(new PointerEvent(
            type, { pointerId, clientX, clientY: 50, pointerType: "touch", bubbles: true }));
          touch("pointerdown", 1, 90);
          touch("pointerdown", 2, 110);
          touch("pointermove", 1, 80);
          touch("pointermove", 2, 120);
          touch("pointerup", 1, 80);
          touch("pointerup", 2, 120);
        }"""
    )
    assert state(page, "zoom") == pytest.approx(2)
    assert state(page, "center") == pytest.approx([45, 30])


def test_handles_move_by_pointer_and_by_key(town: None, page: Page) -> None:
    open_viewer(page, size=VIEW, mode="swipe")
    page.mouse.move(100, 50)
    page.mouse.down()
    page.mouse.move(50, 50, steps=2)
    page.mouse.up()
    assert state(page, "swipe") == 0.25
    handle = page.get_by_role("slider", name="How much of the old side is shown")
    handle.press("ArrowRight")
    assert state(page, "swipe") == pytest.approx(0.27)
    update(page, mode="onion")
    page.get_by_role("slider", name="From the old side to the new one").fill("0.8")
    assert state(page, "onion") == 0.8


def test_blinking_shows_the_other_side_while_it_lasts(town: None, page: Page) -> None:
    open_viewer(page, size=VIEW, mode="single")
    new = canvas(page, colorBy="id", zoom=1)
    page.evaluate("window.viewer.blink(true)")
    assert (ids_of(canvas(page)[TOP : TOP + 60, LEFT : LEFT + 90]) == before()).all()
    page.evaluate("window.viewer.blink(false)")
    assert (canvas(page) == new).all()


def test_a_lost_context_comes_back_by_itself(town: None, page: Page) -> None:
    open_viewer(page, size=VIEW, mode="single")
    whole = canvas(page, colorBy="id", zoom=1)
    page.evaluate(
        """async () => {
          const { canvas } = window.viewer.chrome;
          const lost = canvas.getContext("webgl2").getExtension("WEBGL_lose_context");
          const heard = (name) => new Promise((go) => {
            // Not before all who listen were told: only then it may be restored.
            canvas.addEventListener(name, () => setTimeout(go), { once: true });
          });
          const [gone, back] = [heard("webglcontextlost"), heard("webglcontextrestored")];
          lost.loseContext();
          await gone;
          lost.restoreContext();
          await back;
        }"""
    )
    expect(page.get_by_text("come back by themselves")).to_be_hidden()
    assert (canvas(page) == whole).all()


def test_nothing_is_drawn_while_nothing_changes(town: None, page: Page) -> None:
    open_viewer(page, size=VIEW)
    page.wait_for_timeout(100)
    frames = page.evaluate("window.viewer.frames")
    update(page, mode="two-up", zoom=None)
    page.wait_for_timeout(200)
    assert page.evaluate("window.viewer.frames") == frames


def test_on_a_fine_screen_every_pixel_of_it_is_drawn(town: None, browser, live_server) -> None:
    context = browser.new_context(base_url=live_server.url, device_scale_factor=2)
    page = context.new_page()
    open_viewer(page, size=VIEW, mode="single")
    shown = canvas(page, colorBy="id", zoom=1)
    assert shown.shape == (200, 400, 3)
    assert (ids_of(shown[40:160:2, 110:290:2]) == after()).all()
    context.close()


@pytest.mark.parametrize(
    ("old", "new", "note"),
    [
        (None, "label", "no label"),
        ("label", "empty", "an empty label"),
        ("pixel", "point", ""),
        ("wide", "label", "different sizes"),
    ],
)
def test_what_is_missing_is_said_and_the_rest_is_drawn(
    live_server, page: Page, old: str | None, new: str, note: str
) -> None:
    labels = {
        None: None,
        "label": label_of(after()),
        "empty": empty_label(60, 90),
        "pixel": label_of(np.full((1, 1), 70_000)),
        "point": label_of(np.full((1, 1), 9)),
        "wide": label_of(np.full((60, 180), 7)),
    }
    pair(labels[old], labels[new])
    open_viewer(page, size=(400, 150))
    assert note in page.evaluate("window.viewer.chrome.root.textContent")
    assert page.evaluate("window.viewer.modes.length") == (2 if old == "wide" else 7)
    shown = ids_of(canvas(page, colorBy="id", mode="two-up"))
    held = {int(one) for one in np.unique(shown)} - {0, 1_841_173, 4_208_691}
    for one in (old, new):
        assert one in (None, "empty") or set(labels[one].segments.ids.tolist()) <= held
    for mode in page.evaluate("window.viewer.modes"):
        canvas(page, mode=mode, colorBy="class")


def test_an_erased_photograph_leaves_the_label(town: None, page: Page) -> None:
    from datasets_app.models import Photo

    mark_erased([bytes(Photo.objects.get().digest)], reason="asked")
    open_viewer(page, size=VIEW, mode="single")
    expect(page.get_by_text("The photograph was erased.").first).to_be_visible()
    assert (ids_of(canvas(page, colorBy="id", zoom=1)[20:80, 55:145]) == after()).all()


def test_an_image_that_is_too_large_is_said_to_be(town: None, page: Page) -> None:
    def enlarged(route: Route) -> None:
        body = route.fetch().json()
        route.fulfill(body=json.dumps(body | {"height": 20_000, "width": 20_000}))

    page.route("**/viewer.json", enlarged)
    open_viewer(page, size=VIEW)
    expect(page.get_by_text("20000 × 20000 pixels")).to_be_visible()


def test_an_image_longer_than_a_texture_is_folded(live_server, page: Page) -> None:
    ids = np.ones((3, 9_000), int)
    ids[1, 8_500:] = 70_000
    ids[2, 4_000:4_010] = 9
    pair(None, label_of(ids))
    # As on a machine whose textures are small.
    page.add_init_script(
        """const own = WebGL2RenderingContext.prototype.getParameter;
        WebGL2RenderingContext.prototype.getParameter = function (name) {
          return name === this.MAX_TEXTURE_SIZE ? 2048 : own.call(this, name);
        };"""
    )
    open_viewer(page, "images/v2:1", size=(600, 20), mode="single")
    shown = ids_of(canvas(page, colorBy="id", zoom=1, center=[8_600, 2]))
    assert (shown[8:11] == ids[:, 8_300:8_900]).all()
