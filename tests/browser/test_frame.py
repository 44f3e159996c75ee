"""What is around every page, in a real browser: the bar, the tabs, the choice of colours."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.web.builders import history, shared_dataset

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

TELEPHONE = {"width": 390, "height": 800}


@pytest.fixture
def town(live_server) -> None:
    history(shared_dataset("town", public=True))


def test_on_a_telephone_the_links_come_when_asked_for_and_go_by_escape(
    town: None, page: Page
) -> None:
    page.set_viewport_size(TELEPHONE)
    page.goto("/")
    jobs = page.get_by_role("link", name="Jobs")
    expect(jobs).to_be_hidden()
    page.get_by_role("button", name="Menu").press("Enter")
    expect(jobs).to_be_visible()
    page.keyboard.press("Escape")
    expect(jobs).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    jobs.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Jobs")


def test_the_tab_that_is_open_is_in_view_on_a_telephone(town: None, page: Page) -> None:
    page.set_viewport_size(TELEPHONE)
    page.goto("/datasets/town/exports/")
    expect(page.get_by_role("link", name="Exports", exact=True)).to_be_in_viewport(ratio=1)


def test_the_first_tab_stop_leads_to_the_content(town: None, page: Page) -> None:
    page.goto("/datasets/town/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_dark_is_chosen_without_scripts_and_stays(town: None, page_without_scripts: Page) -> None:
    page = page_without_scripts
    page.emulate_media(color_scheme="light")
    page.goto("/datasets/town/")
    page.get_by_role("button", name="Dark").click()
    expect(page).to_have_url("/datasets/town/")
    expect(page.locator("html")).to_have_css("color-scheme", "dark")
    page.goto("/")
    expect(page.get_by_role("button", name="Dark")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("html")).to_have_css("color-scheme", "dark")
