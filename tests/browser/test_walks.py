"""A real browser walks through the pages and must find nothing to complain of."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from datasets_app.actions.comparisons import compute_pixel_comparison
from datasets_app.models import Dataset, Job, JobState, Version
from datasets_app.models.pixel_comparison import PixelComparison
from labels_app.reading import reading_of
from panoptic.diff import ALGORITHM_VERSION
from tests.browser.steps import press
from tests.web.builders import branch, history, member, shared_dataset

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def town(live_server) -> tuple[Dataset, Version, Version]:
    dataset = shared_dataset("town", public=True)
    return dataset, *history(dataset)


def test_who_signs_in_sees_what_is_shared_with_them(live_server, page: Page) -> None:
    dataset = shared_dataset("secret")
    history(dataset)
    member(dataset)
    page.goto("/")
    expect(page.get_by_role("heading", name="No dataset here yet")).to_be_visible()
    page.get_by_role("link", name="Sign in").click()
    page.get_by_label("User name").fill("mia")
    page.get_by_label("Password").fill("correct horse")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="The secret").click()
    expect(page.get_by_role("heading", name="The secret")).to_be_visible()
    page.locator("summary", has_text="mia").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_from_the_log_to_the_changed_images_by_keyboard(town, page: Page) -> None:
    page.goto("/datasets/town/")
    page.get_by_role("link", name="Changes").focus()
    press(page, "Enter")
    expect(page.get_by_role("heading", name="What changed")).to_be_visible()
    press(page, "n")
    expect(page.get_by_role("heading", level=1)).to_have_text("b.png")
    press(page, "n")
    expect(page.get_by_role("heading", level=1)).to_have_text("d.png")
    press(page, "p")
    expect(page.get_by_role("heading", level=1)).to_have_text("b.png")
    press(page, "u")
    expect(page.get_by_role("heading", name="What changed")).to_be_visible()


def test_a_question_mark_lists_the_keys_of_the_page(town, page: Page) -> None:
    page.goto("/datasets/town/images/v2:3/")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("next image")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_keys_are_letters_while_somebody_writes(town, page: Page) -> None:
    page.goto("/datasets/town/images/v2/")
    page.keyboard.press("/")
    page.keyboard.type("n?")
    expect(page.get_by_label("Filter", exact=True)).to_have_value("n?")


def test_a_menu_shows_its_choice_at_once(town, page: Page) -> None:
    dataset, first, _ = town
    branch(dataset, "feature/night", first)
    page.goto("/datasets/town/")
    page.get_by_label("Branch").select_option("feature/night")
    expect(page.get_by_text("Mend the car")).to_have_count(0)
    expect(page.get_by_text("Begin")).to_be_visible()


def test_a_comparison_in_the_making_turns_into_the_comparison_by_itself(town, page: Page) -> None:
    dataset, first, second = town
    job = Job.objects.create(
        kind="compare", dataset=dataset, state=JobState.RUNNING, done=1, total=4
    )
    PixelComparison.objects.create(
        old=first,
        new=second,
        algorithm=ALGORITHM_VERSION,
        reading=reading_of(second.taxonomy_version).label_reading.digest,
        job=job,
    )
    page.goto("/datasets/town/compare/v1..v2/")
    expect(page.get_by_text("1 of 4")).to_be_visible()
    Job.objects.filter(pk=job.pk).update(done=3)
    expect(page.get_by_text("3 of 4")).to_be_visible()
    compute_pixel_comparison(first, second)
    expect(page.get_by_role("heading", name="Changed images")).to_be_visible()


def test_no_picture_is_broken_and_no_box_moves_when_they_come(town, page: Page) -> None:
    for url in ("/", "/datasets/town/images/v2/", "/datasets/town/images/v2:1/"):
        page.goto(url)
        page.wait_for_load_state("networkidle")
        broken = "[...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src)"
        assert page.evaluate(broken) == []


def test_pages_serve_who_runs_no_scripts(town, page_without_scripts: Page) -> None:
    page = page_without_scripts
    dataset, first, _ = town
    branch(dataset, "feature/night", first)
    page.goto("/datasets/town/")
    page.get_by_label("Branch").select_option("feature/night")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("Mend the car")).to_have_count(0)
    page.goto("/datasets/town/compare/")
    page.get_by_label("Old", exact=True).fill("v1")
    page.get_by_label("New", exact=True).fill("v2")
    page.get_by_role("button", name="Compare").click()
    page.get_by_role("link", name="a.png").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("a.png")


@pytest.mark.long
@pytest.mark.parametrize("width", [820, 1280, 3840])
def test_no_page_is_wider_than_its_screen(town, page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 1000})
    for url in (
        "/",
        "/datasets/town/",
        "/datasets/town/versions/v2/",
        "/datasets/town/images/v2/",
        "/datasets/town/images/v2:1/",
        "/datasets/town/compare/v1..v2/",
        "/datasets/town/compare/v1..v2:1/",
    ):
        page.goto(url)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, url
