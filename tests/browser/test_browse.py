"""People who look for images: the grid, its filter, one image, search; by keyboard and by axe."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from datasets_app.actions.commits import ImageChange
from datasets_app.models import Dataset
from tests.browser.steps import press, violations
from tests.datasets_app.builders import commit_to, names, put_label
from tests.web.builders import CAR, ROAD, SKY, branch, history, photo, shared_dataset

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# For a machine that does other things too.
_SLOW = 20_000
GRID = "/datasets/town/images/main/"
STATE = "name => document.querySelector('panoptic-viewer').state[name]"


@pytest.fixture
def wide(live_server) -> Dataset:
    """300 images without pictures; every 50th is for validation."""
    dataset = shared_dataset("town", public=True)
    commit_to(
        dataset,
        [
            ImageChange(f"{number:04}.png", split="" if number % 50 else "val")
            for number in range(300)
        ],
    )
    return dataset


@pytest.fixture
def town(live_server) -> Dataset:
    """Two images: a road with two cars below a sky, and a car alone."""
    dataset = shared_dataset("town", public=True)
    drawing = "\n".join(["3" * 48] * 12 + ["1" * 8 + "2" * 8 + "1" * 16 + "4" * 8 + "1" * 8] * 24)
    label = put_label(drawing, {1: ROAD, 2: CAR, 3: SKY, 4: CAR})
    commit_to(
        dataset,
        [
            ImageChange("a.png", label=label, split="val"),
            ImageChange("b.png", label=put_label("22 22", {2: CAR}), image=photo(9)),
        ],
    )
    return dataset


def test_a_long_list_is_scrolled_with_few_cells_in_the_page(wide: Dataset, page: Page) -> None:
    page.goto(GRID)
    expect(page.locator("[data-place]")).to_contain_text("of 300")
    page.evaluate("window.scrollTo(0, document.documentElement.scrollHeight)")
    expect(page.get_by_role("link", name="0299.png")).to_be_visible(timeout=_SLOW)
    assert page.locator(".cell").count() < 100
    expect(page).to_have_url(re.compile(r"from=\d+"))


def test_a_link_into_the_middle_shows_the_middle(wide: Dataset, page: Page) -> None:
    page.goto(f"{GRID}?from=120")
    expect(page.get_by_role("link", name="0120.png")).to_be_in_viewport(timeout=_SLOW)
    page.reload()
    expect(page.get_by_role("link", name="0120.png")).to_be_in_viewport(timeout=_SLOW)


def test_arrows_walk_the_images_and_enter_opens_one(wide: Dataset, page: Page) -> None:
    page.goto(GRID)
    page.wait_for_load_state("networkidle")
    press(page, "ArrowDown")
    expect(page.get_by_role("link", name="0000.png")).to_be_focused()
    press(page, "ArrowRight", "ArrowRight", "ArrowLeft")
    expect(page.get_by_role("link", name="0001.png")).to_be_focused()
    press(page, "End")
    expect(page.get_by_role("link", name="0299.png")).to_be_focused(timeout=_SLOW)
    press(page, "Home")
    expect(page.get_by_role("link", name="0000.png")).to_be_focused(timeout=_SLOW)
    press(page, "Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("0000.png")


def test_a_filter_that_matches_rarely_goes_on_by_itself(wide: Dataset, page: Page) -> None:
    commit_to(wide, names("0003.png", "0290.png", label=put_label("2", {2: CAR})))
    page.goto(f"{GRID}?q=-status:reviewed+count>0")
    expect(page.get_by_role("link", name="0290.png")).to_be_visible(timeout=_SLOW)
    expect(page.locator("[data-place]")).to_have_text("1–2 · 2 images found")


def test_fields_and_text_edit_one_filter(wide: Dataset, page: Page) -> None:
    page.goto(GRID)
    page.get_by_label("Split").select_option("val")
    expect(page.get_by_label("Filter", exact=True)).to_have_value("split:val")
    expect(page).to_have_url(re.compile(r"\?q=split:val$"))
    press(page, "/")
    page.keyboard.press("End")
    page.keyboard.type(" prefix:02")
    press(page, "Enter")
    expect(page.get_by_label("Name begins")).to_have_value("02")
    expect(page.locator(".cell")).to_have_count(2)
    page.get_by_role("link", name="Clear").click()
    expect(page.get_by_label("Filter", exact=True)).to_have_value("")
    expect(page.locator("[data-place]")).to_contain_text("of 300")


def test_what_is_wrong_in_a_filter_is_marked(wide: Dataset, page: Page, complaints) -> None:
    page.goto(f"{GRID}?q=split:val+class:unicorn")
    expect(page.get_by_text("no class 'unicorn'")).to_be_visible()
    assert page.evaluate("getSelection().toString()") == "class:unicorn"
    complaints.clear()  # the answer is 400, which browsers complain of


def test_layer_and_size_change_in_place_and_stay_in_the_address(town: Dataset, page: Page) -> None:
    page.goto(GRID)
    press(page, "3")
    picture = page.locator(".cell img").first
    expect(picture).to_have_attribute("src", re.compile("layer=label"))
    page.get_by_label("Size of the pictures").fill("5")
    expect(page).to_have_url(re.compile("show=label&size=5"))
    page.reload()
    expect(page.locator("#grid")).to_have_class(re.compile("size-5"))
    expect(page.locator(".cell img").first).to_have_attribute("src", re.compile("layer=label"))


def test_without_scripts_the_grid_has_pages(wide: Dataset, page_without_scripts: Page) -> None:
    page = page_without_scripts
    page.goto(GRID)
    page.get_by_role("link", name="Next page").click()
    expect(page.get_by_role("link", name="0060.png")).to_be_visible()
    page.get_by_label("Split").select_option("val")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_label("Filter", exact=True)).to_have_value("split:val")
    expect(page.locator(".cell")).to_have_count(6)


# ---- one image --------------------------------------------------------------


def open_image(page: Page, address: str = "/datasets/town/images/main:1/") -> None:
    page.goto(address)
    expect(page.locator(".stage.is-ready")).to_be_visible(timeout=_SLOW)


def test_a_segment_is_chosen_in_the_table_and_in_the_picture(town: Dataset, page: Page) -> None:
    open_image(page)
    page.locator('tr[data-segment="4"] .pick').click()
    assert page.evaluate(STATE, "selectedSegment") == {"side": "new", "id": 4}
    assert page.evaluate(STATE, "zoom") is not None
    expect(page).to_have_url(re.compile("seg=4"))
    press(page, "Escape")
    assert page.evaluate(STATE, "selectedSegment") is None
    press(page, "f")
    box = page.locator("panoptic-viewer").bounding_box()
    assert box is not None
    # The middle of the sky: the upper sixth of the picture.
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 6)
    expect(page.locator('tr[data-segment="3"]')).to_have_class("is-hovered")
    expect(page.locator("[data-pixel]")).to_contain_text("sky #3")
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 6)
    expect(page.locator('tr[data-segment="3"]')).to_have_attribute("aria-current", "true")


def test_views_and_segments_are_walked_by_keys(town: Dataset, page: Page) -> None:
    open_image(page)
    press(page, "2")
    assert page.evaluate(STATE, "colorBy") == "instance"
    expect(page.get_by_role("button", name="Instance")).to_have_attribute("aria-pressed", "true")
    press(page, "3", "j", "j")
    expect(page.locator("tr[aria-current]")).to_have_attribute("data-segment", "3")
    expect(page).to_have_url(re.compile("color=panoptic.*seg=3"))
    page.reload()
    expect(page.locator("tr[aria-current]")).to_have_attribute("data-segment", "3", timeout=_SLOW)
    assert page.evaluate(STATE, "colorBy") == "panoptic"
    expect(page.locator("a[rel=next]")).to_have_attribute("href", re.compile("color=panoptic"))
    press(page, "n")
    expect(page.get_by_role("heading", level=1)).to_have_text("b.png")
    expect(page.get_by_role("button", name="Panoptic")).to_have_attribute("aria-pressed", "true")


def test_an_image_without_a_label_is_a_photograph(live_server, page: Page) -> None:
    dataset = shared_dataset("town", public=True)
    history(dataset)
    open_image(page, "/datasets/town/images/v2:3/")
    expect(page.get_by_text("Nobody has labelled this image")).to_be_visible()


def test_without_scripts_an_image_shows_its_pictures(
    town: Dataset, page_without_scripts: Page
) -> None:
    page = page_without_scripts
    page.goto("/datasets/town/images/main:2/")
    for name in ("Photograph", "Semantic", "Instance", "Panoptic"):
        expect(page.get_by_role("img", name=name)).to_be_visible()


# ---- all pages --------------------------------------------------------------


def test_a_slash_searches_the_dataset(town: Dataset, page: Page) -> None:
    page.goto("/datasets/town/")
    press(page, "/")
    page.keyboard.type("b.p")
    press(page, "Enter")
    expect(page.get_by_role("link", name="b.png")).to_be_visible()


@pytest.mark.long
def test_no_page_is_wider_than_its_window(town: Dataset, page: Page) -> None:
    branch(town, "feature/night", town.versions.get(number=1))
    for path in ("?all=1", "branches/", "search/?q=a", "images/main/", "images/main:1/"):
        page.goto(f"/datasets/town/{path}")
        page.wait_for_load_state("networkidle")
        for width in (820, 1280, 3840):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (path, width)


@pytest.mark.long
def test_axe_finds_nothing_serious_in_light_and_dark(town: Dataset, page: Page) -> None:
    branch(town, "feature/night", town.versions.get(number=1))
    page.emulate_media(reduced_motion="reduce")
    for path in ("?all=1", "branches/", "search/?q=a", "images/main/", "images/main:1/"):
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.goto(f"/datasets/town/{path}")
            page.wait_for_load_state("networkidle")
            if "main:1" in path:
                expect(page.locator(".stage.is-ready")).to_be_visible(timeout=_SLOW)
            assert violations(page) == {}, (path, scheme)


@pytest.mark.long
def test_pages_weigh_little_without_their_images(wide: Dataset, page: Page) -> None:
    sizes: list[int] = []
    page.on(
        "response",
        lambda answer: (
            sizes.append(len(answer.body())) if "image" not in answer.headers["content-type"] else 0
        ),
    )
    for path in ("?all=1", "branches/", "images/main/", "images/main:1/"):
        sizes.clear()
        page.goto(f"/datasets/town/{path}")
        page.wait_for_load_state("networkidle")
        assert sum(sizes) < 300_000, path
