"""Statistics in a real browser: axe in light and dark, every width, no scripts, few bytes."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from datasets_app import distributions_counting
from datasets_app.distributions import run_distributions_job
from datasets_app.jobs.kinds import silent
from datasets_app.models import Dataset, Job, JobState, VersionDistributions
from tests.browser.steps import violations
from tests.web.builders import history, shared_dataset

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]

HERE = "/datasets/town/statistics/v2:"
PAGES = (
    "/datasets/town/versions/v2/",
    "/datasets/town/versions/v2/?with=v1&of=segments",
    f"{HERE}sizes/?with=v1",
    f"{HERE}instances/?class=2",
    f"{HERE}places/?with=v1",
    f"{HERE}together/?with=v1&of=share",
    f"{HERE}history/?class=2&class=1",
    f"{HERE}sizes/?split=",
)


@pytest.fixture
def town(live_server) -> Dataset:
    place = shared_dataset("town", public=True)
    history(place)
    return place


@pytest.mark.long
def test_axe_finds_nothing_and_no_page_is_wider_than_its_screen(town: Dataset, page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    found: dict[str, list[str]] = {}
    for path in PAGES:
        page.set_viewport_size({"width": 1280, "height": 900})
        page.emulate_media(color_scheme="light")
        page.goto(path)
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        found |= {f"{path}: {one}": where for one, where in violations(page).items()}
        page.emulate_media(color_scheme="dark")
        found |= {f"{path}, dark: {one}": where for one, where in violations(page).items()}
        for width in (420, 820, 3840):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    assert found == {}


def test_a_class_is_chosen_and_another_version_put_beside(town: Dataset, page: Page) -> None:
    page.goto(f"{HERE}sizes/")
    page.locator("select[name=class]").select_option("car")
    expect(page.get_by_role("heading", name="car")).to_be_visible()
    page.get_by_label("Beside").fill("v1")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Hatched: v1")).to_be_visible()
    expect(page.locator("select[name=class]")).to_have_value("2")
    page.get_by_role("link", name="Per image").click()
    expect(page.get_by_text("Hatched: v1")).to_be_visible()


def test_a_page_that_waits_goes_on_when_the_job_is_done(
    town: Dataset, page: Page, monkeypatch
) -> None:
    monkeypatch.setattr(distributions_counting, "LABELS_AT_ONCE", 0)
    page.goto(f"{HERE}sizes/")
    VersionDistributions.objects.all().delete()
    Job.objects.update(state=JobState.RUNNING)
    page.goto(f"{HERE}sizes/")
    expect(page.get_by_role("heading", name="Counting the labels")).to_be_visible()
    run_distributions_job(Job.objects.get(), silent)
    expect(page.get_by_role("heading", name="Class by class")).to_be_visible()


def test_the_pages_serve_who_runs_no_scripts(town: Dataset, page_without_scripts: Page) -> None:
    page = page_without_scripts
    page.goto(f"{HERE}places/")
    page.locator("select[name=class]").select_option("sky")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("heading", name="sky")).to_be_visible()
