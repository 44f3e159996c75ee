"""Reviewers at the page of one image of a comparison: by keyboard, by mouse, by link, by axe."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from datasets_app.actions.commits import ImageChange
from datasets_app.actions.comparisons import get_pixel_comparison
from datasets_app.models import Dataset, Version
from labels_app.revisions import register_labels
from panoptic.codec import pack_label
from panoptic.label import label_from_id_map
from panoptic.segments import Segment
from tests.browser.steps import press, violations
from tests.datasets_app.builders import author, commit_to
from tests.web.builders import CAR, ROAD, SKY, shared_dataset

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# For a machine that does other things too.
_SLOW = 20_000
IMAGE = "/datasets/town/compare/v1..v2:1/"
STATE = "name => document.querySelector('panoptic-viewer').state[name]"


def scene(*segments: tuple[int, int, tuple[int, int, int, int]]) -> bytes:
    """Store a label of 48 × 64 pixels: id, class and box (left, top, right, bottom) of segments,
    the later ones over the earlier ones; return its digest."""
    plane = np.zeros((48, 64), np.uint32)
    for segment_id, _, (left, top, right, bottom) in segments:
        plane[top:bottom, left:right] = segment_id
    rows = [Segment(segment_id, class_id) for segment_id, class_id, _ in segments]
    packed = pack_label(label_from_id_map(plane, rows))
    register_labels([packed])
    return packed.digest


STREET = ((1, ROAD, (0, 24, 64, 48)), (2, SKY, (0, 0, 64, 20)))
BEFORE = (*STREET, (3, CAR, (4, 28, 16, 40)), (70_000, CAR, (40, 26, 56, 36)))
# Most changed pixels first: the car is a piece of the sky now, one came, the other one shrank.
AFTER = (*STREET, (3, CAR, (4, 28, 12, 40)), (9, SKY, (40, 26, 56, 36)), (5, CAR, (22, 30, 30, 38)))


@pytest.fixture
def town(live_server) -> Dataset:
    dataset = shared_dataset("town", public=True)
    versions = [
        commit_to(dataset, [ImageChange("a.png", label=scene(*segments))])
        for segments in (BEFORE, AFTER)
    ]
    compare(*versions)
    return dataset


def compare(old: Version, new: Version) -> None:
    get_pixel_comparison(old, new, actor=author())


def visit(page: Page, address: str) -> None:
    page.goto(address, timeout=_SLOW)
    ready(page)


def ready(page: Page) -> None:
    expect(page.locator(".stage.is-ready")).to_be_visible(timeout=_SLOW)


def chosen(page: Page) -> str:
    return page.locator("tr[aria-current]").get_attribute("data-change") or ""


def query(page: Page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def told(page: Page, **wanted: str) -> None:
    """Wait until the address says all this."""
    for name, value in wanted.items():
        page.wait_for_url(re.compile(rf"[?&]{name}={re.escape(value)}(&|$)"))


def place_of(page: Page, side: str, x: int, y: int) -> tuple[float, float]:
    """Where a pixel of the image is on the screen, in two-up."""
    box = page.locator("panoptic-viewer").bounding_box()
    assert box is not None
    found = page.evaluate(
        """([side, x, y]) => {
          const viewer = document.querySelector("panoptic-viewer");
          const pane = viewer.panes[side === "old" ? 0 : viewer.panes.length - 1];
          const { center, zoom } = viewer.camera;
          return [pane.x + pane.width / 2 + (x + 0.5 - center[0]) * zoom,
                  pane.y + pane.height / 2 + (y + 0.5 - center[1]) * zoom];
        }""",
        [side, x, y],
    )
    return box["x"] + found[0], box["y"] + found[1]


@pytest.mark.slow
@pytest.mark.parametrize("count", [8, pytest.param(30, marks=pytest.mark.long)])
def test_many_images_are_walked_by_keyboard_alone(live_server, page: Page, count: int) -> None:
    dataset = shared_dataset("town", public=True)
    names = [f"{number:02}.png" for number in range(1, count + 1)]
    before = scene(*BEFORE)
    # The car of the first image is the longest, so the first is the most changed.
    after = {
        name: scene(*STREET, (3, CAR, (4, 28, 62 - place, 40)), (70_000, CAR, (40, 26, 56, 28)))
        for place, name in enumerate(names)
    }
    compare(
        commit_to(dataset, [ImageChange(name, label=before) for name in names]),
        commit_to(dataset, [ImageChange(name, label=after[name]) for name in names]),
    )
    page.set_viewport_size({"width": 1024, "height": 600})  # two pictures an image are drawn
    page.goto("/datasets/town/compare/v1..v2/")
    press(page, "n")
    modes = ["two-up", "swipe", "onion", "difference", "heat", "outlines"]
    for place, name in enumerate(names):
        expect(page.get_by_role("heading", level=1)).to_have_text(name, timeout=_SLOW)
        expect(page.locator(".desk-place")).to_have_text(f"{place + 1} of {count}")
        ready(page)
        # What was chosen on the image before is still so.
        if place:
            assert page.evaluate(STATE, "mode") == modes[(place - 1) % 6]
        press(page, str(place % 6 + 1), "j")
        assert page.evaluate(STATE, "mode") == modes[place % 6]
        expect(page.locator("[data-said]")).to_contain_text("Change 1 of")
        if place < count - 1:
            told(page, seg="1", **({"mode": modes[place % 6]} if place % 6 else {}))
            press(page, "n")
    press(page, "p")
    expect(page.get_by_role("heading", level=1)).to_have_text(names[-2], timeout=_SLOW)
    ready(page)
    press(page, "u")
    expect(page).to_have_url(re.compile(r"/compare/v1\.\.v2/$"), timeout=_SLOW)


def test_j_and_k_walk_the_changes_and_the_picture_goes_there(town: Dataset, page: Page) -> None:
    visit(page, IMAGE)
    whole = page.evaluate("document.querySelector('panoptic-viewer').camera.zoom")
    press(page, "j", "j")
    assert chosen(page) == "2"
    expect(page.locator("[data-said]")).to_have_text(
        re.compile(r"^Change 2 of \d\. \w+: .+, area \S+, IoU \S+$")
    )
    assert page.evaluate(STATE, "selected") == 2
    assert page.evaluate(STATE, "zoom") > whole
    expect(page.locator("tr[aria-current] a")).to_be_focused()
    press(page, "k")
    assert chosen(page) == "1"
    press(page, "f")
    assert page.evaluate(STATE, "zoom") is None
    press(page, "Escape")
    expect(page.locator("tr[aria-current]")).to_have_count(0)
    assert page.evaluate(STATE, "selected") is None


def test_a_row_under_the_pointer_lights_its_segment_and_back(town: Dataset, page: Page) -> None:
    visit(page, IMAGE)
    page.locator('tr[data-new~="3"]').hover()
    assert page.evaluate(STATE, "hovered") == {"side": "new", "id": 3}
    page.locator("h1").hover()
    assert page.evaluate(STATE, "hovered") is None


def test_a_segment_under_the_pointer_lights_its_row_and_is_told(town: Dataset, page: Page) -> None:
    visit(page, IMAGE)
    line = page.locator("[data-pixel]")
    for side in ("old", "new"):
        page.locator("h1").hover()
        expect(page.locator("tr.is-hovered")).to_have_count(0)
        page.mouse.move(*place_of(page, side, 6, 30))
        expect(page.locator("tr.is-hovered")).to_have_count(1)
        expect(page.locator('tr[data-old~="3"]')).to_have_class(re.compile("is-hovered"))
    expect(line).to_contain_text("x 6")
    expect(line).to_contain_text("y 30")
    expect(line.locator('[data-side="old"]')).to_contain_text("car #3")
    page.mouse.move(*place_of(page, "new", 13, 30))
    expect(line.locator('[data-side="new"]')).to_contain_text("road #1")
    page.mouse.move(*place_of(page, "new", 13, 22))
    expect(line.locator('[data-side="new"]')).to_contain_text("void")


def test_a_click_into_the_picture_chooses_the_change_of_the_segment(
    town: Dataset, page: Page
) -> None:
    visit(page, IMAGE)
    page.mouse.click(*place_of(page, "new", 25, 33))
    expect(page.locator("tr[aria-current]")).to_have_attribute("data-new", re.compile(r"\b5\b"))
    told(page, seg=chosen(page))
    # Who clicks there looks there already.
    assert page.evaluate(STATE, "zoom") is None


def test_the_address_shows_the_same_to_who_opens_it(town: Dataset, page: Page) -> None:
    visit(page, IMAGE)
    press(page, "j", "5", "o", "l", "v")
    page.get_by_label("Photo").fill("1.5")
    press(page, "g")
    page.get_by_label("sky").uncheck()
    press(page, "Escape")
    told(page, seg="1", mode="heat", only="1", light="1.5", hide=str(SKY))
    state = """(({ state }) => ({ ...state, hidden: [...state.hidden] }))(
      document.querySelector("panoptic-viewer"))"""
    before = page.evaluate(state)
    visit(page, page.url)
    expect(page.locator("tr[aria-current]")).to_have_attribute("data-change", "1")
    after = page.evaluate(state)
    assert {name: after[name] for name in ("mode", "onlyChanges", "outlines", "colorBy")} == {
        name: before[name] for name in ("mode", "onlyChanges", "outlines", "colorBy")
    }
    assert (after["brightness"], after["hidden"], after["selected"]) == (1.5, [SKY], 1)
    assert after["zoom"] == pytest.approx(before["zoom"], rel=0.001)
    assert after["center"] == pytest.approx(before["center"], abs=0.1)
    expect(page.get_by_role("button", name="Heat")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("[data-hidden-count]")).to_have_text("1 hidden")


def test_an_address_that_says_nonsense_opens(town: Dataset, page: Page) -> None:
    visit(page, f"{IMAGE}?mode=odd&z=-3&c=a,b&color=x&seg=99&hide=x&layer=&kinds=odd&light=9")
    assert page.evaluate(STATE, "mode") == "two-up"
    assert page.evaluate(STATE, "brightness") == 2
    expect(page.locator("tr[aria-current]")).to_have_count(0)
    expect(page.locator("tr.change:visible")).to_have_count(page.locator("tr.change").count())


def test_the_sides_swap_and_the_view_stays(town: Dataset, page: Page) -> None:
    visit(page, IMAGE)
    press(page, "j", "4")
    told(page, seg="1", mode="difference")
    place = query(page)["c"]
    press(page, "x")
    page.wait_for_url(re.compile(r"/compare/v2\.\.v1:1/"))
    ready(page)
    assert page.evaluate(STATE, "mode") == "difference"
    assert query(page)["c"] == place
    expect(page.locator(".side-old + .swatch + span")).to_have_count(1)
    expect(page.locator("h1")).to_have_text("a.png")


def test_blink_shows_the_other_side_while_the_key_is_held(town: Dataset, page: Page) -> None:
    visit(page, IMAGE)
    pixels = """document.querySelector("panoptic-viewer").snapshot().data
      .reduce((sum, value) => (31 * sum + value) % 1000003, 0)"""
    before = page.evaluate(pixels)
    page.keyboard.down("b")
    assert page.evaluate(pixels) != before
    page.keyboard.up("b")
    assert page.evaluate(pixels) == before


def test_chips_list_the_changes_of_a_kind_alone(town: Dataset, page: Page) -> None:
    visit(page, IMAGE)
    count = page.locator("tr.change").count()
    page.get_by_role("button", name="added").click()
    expect(page.locator("tr.change:visible")).to_have_count(
        page.locator('tr[data-kind="added"]').count()
    )
    told(page, kinds="added")
    press(page, "j", "j", "j", "j")
    assert page.locator("tr[aria-current]").get_attribute("data-kind") == "added"
    page.get_by_role("button", name="added").click()
    expect(page.locator("tr.change:visible")).to_have_count(count)


def test_rows_that_did_not_come_with_the_page_come_when_they_are_needed(
    live_server, page: Page
) -> None:
    dataset = shared_dataset("town", public=True)
    grid = [(left, top) for top in range(0, 48, 4) for left in range(0, 64, 4)]
    many = scene(
        *((n, CAR, (x, y, x + 3, y + 3)) for n, (x, y) in enumerate(grid[:150], 1)),
    )
    for label in (None, many):
        commit_to(dataset, [ImageChange("a.png", label=label)])
    visit(page, f"{IMAGE}?seg=120")
    expect(page.locator("tr[aria-current]")).to_have_attribute("data-change", "120")
    expect(page.locator("tr[aria-current]")).to_be_in_viewport()
    expect(page.locator("tr.change")).to_have_count(150)


def test_the_help_lists_every_key_of_the_page(town: Dataset, page: Page) -> None:
    visit(page, IMAGE)
    press(page, "?")
    dialog = page.get_by_role("dialog")
    keys = dialog.locator("kbd").all_text_contents()
    assert set("123456bfjkxuolvg?") <= set(keys)
    expect(dialog).to_contain_text("blink: the other side while it is held")
    press(page, "2")
    assert page.evaluate(STATE, "mode") == "two-up"
    press(page, "Escape")
    expect(dialog).to_be_hidden()


def test_arrows_walk_the_list_and_tab_goes_on_to_the_picture_and_the_tools(
    town: Dataset, page: Page
) -> None:
    visit(page, IMAGE)
    page.locator("tr.change a").first.focus()
    press(page, "ArrowDown", "Enter")
    assert chosen(page) == "2"
    press(page, "End")
    expect(page.locator("tr.change a").last).to_be_focused()
    press(page, "Tab")
    expect(page.locator("panoptic-viewer")).to_be_focused()
    press(page, "Tab")
    assert page.evaluate("Boolean(document.activeElement.closest('[data-tools]'))")


def test_the_page_serves_who_runs_no_scripts(town: Dataset, page_without_scripts: Page) -> None:
    page = page_without_scripts
    page.goto(IMAGE)
    page.get_by_role("link", name="reshaped").first.click()
    expect(page.locator("tr[aria-current]")).to_have_count(1)
    expect(page.get_by_alt_text("old: label over the photograph")).to_be_visible()
    expect(page.locator(".stills rect.is-lit")).to_have_count(3)
    expect(page.get_by_role("toolbar")).to_be_hidden()


def test_what_does_not_come_is_said_and_can_be_asked_for_again(
    town: Dataset, page: Page, complaints: list[str]
) -> None:
    page.route("**/viewer.json", lambda route: route.fulfill(status=503, body="busy"))
    page.goto(IMAGE)
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("503")
    expect(page.get_by_alt_text("new: label over the photograph")).to_be_visible()
    page.unroute("**/viewer.json")
    page.get_by_role("button", name="Load it again").click()
    expect(alert).to_be_hidden()
    ready(page)
    assert page.evaluate("document.querySelector('panoptic-viewer').idAt('new', 25, 33)") == 5
    # The browser says of itself that an answer was 503.
    assert all("503" in complaint for complaint in complaints)
    complaints.clear()


def test_keys_of_the_page_work_after_a_colouring_was_picked_by_mouse(
    town: Dataset, page: Page
) -> None:
    visit(page, IMAGE)
    menu = page.get_by_label("Colour by")
    menu.dispatch_event("pointerdown")
    menu.select_option("change")
    press(page, "j")
    assert chosen(page) == "1"
    assert page.evaluate(STATE, "colorBy") == "change"


def test_the_page_needs_no_scrolling(town: Dataset, page: Page) -> None:
    for width, height in ((1280, 800), (1024, 768), (820, 1180), (3840, 2160)):
        page.set_viewport_size({"width": width, "height": height})
        visit(page, IMAGE)
        whole = page.evaluate("(e => [e.scrollWidth, e.scrollHeight])(document.documentElement)")
        assert whole == [width, height]
        box = page.locator("panoptic-viewer").bounding_box()
        assert box is not None
        assert box["height"] > height * 0.36


def test_the_page_weighs_little_and_nothing_of_it_jumps_while_it_comes(
    town: Dataset, page: Page
) -> None:
    weights: dict[str, int] = {}
    shifts = """new Promise(resolve => {
      let sum = 0;
      new PerformanceObserver(list => list.getEntries().forEach(one => { sum += one.value; }))
        .observe({ type: "layout-shift", buffered: true });
      setTimeout(() => resolve(sum), 300);
    })"""
    page.on(
        "response",
        lambda answer: (
            weights.update({answer.url: len(answer.body())})
            if answer.request.resource_type != "image" and not answer.url.endswith(".png")
            else None
        ),
    )
    visit(page, IMAGE)
    page.wait_for_load_state("networkidle")
    assert sum(weights.values()) < 300_000, weights
    assert page.evaluate(shifts) < 0.01


@pytest.mark.long
def test_axe_finds_nothing_serious(live_server, page: Page) -> None:
    dataset = shared_dataset("town", public=True)
    sides = {"a.png": (BEFORE, AFTER), "b.png": (BEFORE, BEFORE), "c.png": (BEFORE, None)}
    for side in (0, 1):
        labels = {name: segments[side] for name, segments in sides.items()}
        commit_to(
            dataset,
            [
                ImageChange(name, label=segments and scene(*segments))
                for name, segments in labels.items()
            ],
        )
    page.emulate_media(reduced_motion="reduce")
    found: dict[str, list[str]] = {}
    for number in (1, 2, 3):
        page.emulate_media(color_scheme="light")
        visit(page, f"/datasets/town/compare/v1..v2:{number}/?seg=1&mode=difference")
        press(page, "g")
        found |= violations(page)
        page.emulate_media(color_scheme="dark")
        found |= {f"dark: {rule}": where for rule, where in violations(page).items()}
        press(page, "Escape", "?")
        found |= {f"keys: {rule}": where for rule, where in violations(page).items()}
    assert found == {}
