"""Reviewers at the list of a comparison: by keyboard, without scripts, in both colours, by axe."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from datasets_app.actions.commits import ImageChange
from datasets_app.models import Dataset
from tests.browser.steps import violations
from tests.datasets_app.builders import commit_to, put_label
from tests.web.builders import CAR, ROAD, SKY, history, shared_dataset

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

URL = "/datasets/town/compare/v1..v3/"


@pytest.fixture
def town(live_server) -> Dataset:
    shared = shared_dataset("town", public=True)
    history(shared)
    drawings = {1: "3333 1222", 2: "3333 1122", 3: "3333 1111"}
    commit_to(
        shared,
        [
            ImageChange(f"more/{number}.png", label=put_label(drawing, {1: ROAD, 2: CAR, 3: SKY}))
            for number, drawing in drawings.items()
            if "2" in drawing
        ],
    )
    return shared


@pytest.mark.long
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(town: Dataset, page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    for url in (
        URL,
        f"{URL}?class=2&unit=segments&flow=0-2&order=share",
        f"{URL}?change=nonsense",
        "/datasets/town/compare/",
        "/datasets/town/compare/v3..main/",
    ):
        page.goto(url)
        assert violations(page) == {}, url


def test_the_list_is_walked_and_an_image_opened_by_keyboard_alone(
    town: Dataset, page: Page
) -> None:
    page.goto(URL)
    names = page.locator("#images h3").all_inner_texts()
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(page.get_by_role("link", name=names[1])).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=names[1])).to_be_visible()


def test_x_swaps_the_sides_and_keeps_swapping(town: Dataset, page: Page) -> None:
    page.goto(URL)
    page.keyboard.press("x")
    page.wait_for_url(re.compile(r"v3\.\.v1/$"))
    page.keyboard.press("x")
    page.wait_for_url(re.compile(r"v1\.\.v3/$"))


def test_chips_put_together_a_filter_and_clear_it(town: Dataset, page: Page) -> None:
    page.goto(URL)
    chips = page.get_by_role("navigation", name="Filter the changed images")
    chips.locator("a", has_text="added").first.click()
    chips.locator("a", has_text="removed").first.click()
    page.wait_for_url(re.compile(r"\?kind=added&kind=removed"))
    expect(page.locator("#images-title")).to_contain_text("4 of 5")
    page.keyboard.press("c")
    expect(page.locator("#images-title")).not_to_contain_text("of")


def test_a_cell_of_the_flow_lists_its_images(town: Dataset, page: Page) -> None:
    page.goto(URL)
    page.locator("td[title='2 pixels: car → road'] a").click()
    expect(page.locator("#images h3")).to_have_text(["a.png"])


def test_without_scripts_filters_orders_and_files_work(
    town: Dataset, page_without_scripts: Page
) -> None:
    page = page_without_scripts
    page.goto(URL)
    page.get_by_role("navigation", name="What comes first").get_by_text("segments").click()
    page.wait_for_url(re.compile(r"order=segments"))
    page.get_by_role("navigation", name="What is counted").get_by_text("segments").click()
    page.wait_for_url(re.compile(r"unit=segments"))
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    assert download.value.suggested_filename == "town-v1-v3.csv"


def test_a_downloaded_page_shows_its_pictures_and_complains_of_nothing(
    town: Dataset, page: Page, complaints: list[str], tmp_path: Path
) -> None:
    page.goto(URL)
    with page.expect_download() as download:
        page.get_by_role("button", name="HTML page").click()
    file = tmp_path / "diff.html"
    download.value.save_as(file)
    page.goto(file.as_uri())
    expect(page.get_by_role("heading", level=1)).to_contain_text("v1 → v3")
    loaded = "images => images.map(image => image.naturalWidth > 0)"
    assert set(page.locator("img").evaluate_all(loaded)) == {True}
    # The inline style was let in: without it the body would be as wide as the window.
    assert page.evaluate("getComputedStyle(document.body).maxWidth") != "none"
    assert complaints == []


def test_nothing_sticks_out_of_the_window(town: Dataset, page: Page) -> None:
    for width in (820, 1280, 3840):
        page.set_viewport_size({"width": width, "height": 900})
        for url in (f"{URL}?class=2", "/datasets/town/compare/", "/datasets/town/compare/v3..v3/"):
            page.goto(url)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, url


def test_each_stop_of_the_keyboard_shows_where_it_is(town: Dataset, page: Page) -> None:
    page.goto(URL)
    ring = (
        "() => { const at = document.activeElement; const style = getComputedStyle(at);"
        " const cover = getComputedStyle(at, '::after');"
        " return style.outlineStyle !== 'none' || cover.outlineStyle !== 'none'; }"
    )
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            break
        assert page.evaluate(ring), page.evaluate("document.activeElement.outerHTML")
