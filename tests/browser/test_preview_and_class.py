"""The preview of a draft and the page of a class, in a real browser: by keyboard, and by axe."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from playwright.sync_api import Page, expect

from datasets_app.actions.commits import ImageChange
from datasets_app.jobs.running import run_job
from datasets_app.models import Dataset, Job, JobState
from datasets_app.unions import counting
from people_app.actions.roles import grant_role
from people_app.models import User
from people_app.roles import Role
from tests.browser.steps import press, sign_in, violations
from tests.browser.test_curating import edit, publish, tab_to
from tests.datasets_app.builders import author, commit_to, put_label
from tests.web.builders import CAR, ROAD, SKY, branch, history, shared_dataset

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

BROKEN = "[...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src)"
JOIN = {"op": "merge", "classes": [ROAD, SKY], "into": ROAD}


@pytest.fixture
def town(live_server) -> Dataset:
    dataset = shared_dataset("town")
    first, _ = history(dataset)
    branch(dataset, "feature/night", first)
    cora = User.objects.create_user("cora", password="correct horse")
    grant_role(user=cora, resource=dataset, role=Role.ANNOTATOR, actor=author())
    grant_role(user=cora, resource=dataset.taxonomy, role=Role.OWNER, actor=author())
    return dataset


def address(town: Dataset, path: str) -> str:
    return f"/taxonomies/{town.taxonomy.slug}/{path}"


def enrich(town: Dataset) -> None:
    """Give the car all that a class can have, and the road a heading."""
    edit(
        town.taxonomy,
        {"op": "add", "name": "vehicle", "kind": "thing"},
        {"op": "reparent", "class": CAR, "parent": "vehicle"},
        {
            "op": "edit",
            "class": CAR,
            "guideline": "With its mirrors.",
            "synonyms": ["auto"],
            "attributes": [{"name": "doors", "type": "number", "minimum": 2, "required": True}],
        },
    )
    publish(town.taxonomy)


def test_from_the_draft_to_the_preview_and_on_to_publishing_by_keyboard(
    town: Dataset, page: Page
) -> None:
    edit(town.taxonomy, JOIN)
    sign_in(page, "cora", address(town, "draft/"))
    press(page, "v")
    expect(page.get_by_role("heading", level=1)).to_contain_text("What version 2 would do")
    tab_to(page, "town feature/night")
    press(page, "Space")
    tab_to(page, "Look at these")
    press(page, "Enter")
    expect(page.get_by_role("rowheader", name="town feature/night").first).to_be_visible()
    press(page, "p")
    expect(page.get_by_role("heading", name="Publish version 2")).to_be_in_viewport()


def test_pictures_before_and_after_come_by_themselves(town: Dataset, page: Page) -> None:
    edit(town.taxonomy, JOIN)
    sign_in(page, "cora", address(town, "draft/preview/"))
    page.get_by_role("heading", name="Classes before and after").scroll_into_view_if_needed()
    expect(page.get_by_role("img", name="as the draft reads them").first).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert page.evaluate(BROKEN) == []


def test_what_is_counted_appears_where_it_was_missing(town: Dataset, page: Page) -> None:
    # Of three images two have a road and one a sky: the sums do not say how many have either.
    road, sky, car = (put_label("11 11", {1: one}) for one in (ROAD, SKY, CAR))
    labels = {"x.png": road, "y.png": road, "z.png": sky, "w.png": car}
    commit_to(town, [ImageChange(name, label=label) for name, label in labels.items()])
    edit(town.taxonomy, JOIN)
    with (
        patch.object(counting, "IMAGES_AT_ONCE", 0),
        patch("datasets_app.jobs.queue._start", lambda job: None),
    ):
        sign_in(page, "cora", address(town, "draft/preview/"))
        expect(page.get_by_role("heading", name="Counting")).to_be_visible()
        row = page.locator("table.effects").first.get_by_role("row", name="town main")
        expect(row).to_contain_text("counting")
        job = Job.objects.get()
        Job.objects.update(state=JobState.RUNNING, done=1, total=3)
        expect(page.get_by_text("1 of 3")).to_be_visible()
        Job.objects.update(state=JobState.QUEUED)
        run_job(str(job.pk))
        expect(page.get_by_text("Everything is counted.")).to_be_visible()
        expect(row).not_to_contain_text("counting")


def test_the_plot_and_the_segments_come_by_themselves(town: Dataset, page: Page) -> None:
    sign_in(page, "cora", address(town, f"classes/{CAR}/"))
    expect(page.get_by_role("img", name="Segments of car in town")).to_be_visible()
    page.get_by_role("heading", name="What it looks like").scroll_into_view_if_needed()
    expect(page.get_by_role("img", name="car in d.png")).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert page.evaluate(BROKEN) == []


def test_a_class_is_walked_through_by_keyboard(town: Dataset, page: Page) -> None:
    enrich(town)
    sign_in(page, "cora", address(town, ""))
    tab_to(page, "More about car")
    press(page, "Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("car")
    expect(page.get_by_role("img", name="Segments of car in town")).to_be_visible()
    tab_to(page, "count")
    page.keyboard.type("pix")
    press(page, "Enter")
    expect(page.get_by_role("img", name="Pixels of car in town")).to_be_visible()
    tab_to(page, "The numbers as a table")
    press(page, "Enter")
    expect(page.get_by_role("cell", name="Mend the car")).to_be_visible()
    tab_to(page, "vehicle")
    press(page, "Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("vehicle")
    press(page, "e")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Draft of version 3")


def test_both_pages_serve_who_runs_no_scripts(town: Dataset, page_without_scripts: Page) -> None:
    page = page_without_scripts
    edit(town.taxonomy, JOIN)
    sign_in(page, "cora", address(town, "draft/preview/"))
    page.get_by_label("town feature/night").check()
    page.get_by_role("button", name="Look at these").click()
    page.get_by_role("link", name="Show images before and after").first.click()
    expect(page.get_by_role("img", name="as the draft reads them").first).to_be_visible()
    page.goto(address(town, f"classes/{CAR}/"))
    page.get_by_role("link", name="Show the plot").click()
    expect(page.get_by_role("img", name="Segments of car")).to_be_visible()
    page.get_by_label("count", exact=True).select_option("images")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_role("img", name="Images of car")).to_be_visible()
    page.get_by_role("link", name="Show some segments").click()
    expect(page.get_by_role("img", name="car in d.png")).to_be_visible()


@pytest.mark.long
@pytest.mark.parametrize(
    "path", ["draft/preview/", "draft/preview/?on=town/main&on=town/feature/night"]
)
def test_axe_finds_nothing_serious_on_the_preview(town: Dataset, page: Page, path: str) -> None:
    enrich(town)
    edit(
        town.taxonomy,
        JOIN,
        {"op": "retire", "class": CAR},
        {"op": "rename", "class": "vehicle", "name": "conveyance"},
    )
    assert found_by_axe(page, address(town, path)) == {}


@pytest.mark.long
def test_axe_finds_nothing_serious_on_a_preview_of_nothing(town: Dataset, page: Page) -> None:
    assert found_by_axe(page, address(town, "draft/preview/")) == {}


@pytest.mark.long
@pytest.mark.parametrize("query", ["", "?show=segments"])
def test_axe_finds_nothing_serious_on_a_class(town: Dataset, page: Page, query: str) -> None:
    enrich(town)
    assert found_by_axe(page, address(town, f"classes/{CAR}/{query}")) == {}


@pytest.mark.long
def test_axe_finds_nothing_serious_on_a_retired_class(town: Dataset, page: Page) -> None:
    edit(town.taxonomy, JOIN)
    publish(town.taxonomy)
    assert found_by_axe(page, address(town, f"classes/{SKY}/")) == {}


@pytest.mark.long
@pytest.mark.parametrize("width", [400, 820, 1280, 3840])
def test_neither_page_is_wider_than_its_screen(town: Dataset, page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 1000})
    line = town.taxonomy
    edit(line, {"op": "rename", "class": CAR, "name": "automobile" * 19})
    publish(line)
    edit(line, {"op": "rename", "class": ROAD, "name": "street " * 20}, {**JOIN})
    sign_in(page, "cora", address(town, "draft/preview/"))
    for path in ("draft/preview/", f"classes/{CAR}/?show=plot", f"classes/{CAR}/?show=segments"):
        page.goto(address(town, path))
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def found_by_axe(page: Page, path: str) -> dict[str, list[str]]:
    """Return what axe finds on a page in light and in dark, when all of it has come."""
    page.emulate_media(reduced_motion="reduce")
    sign_in(page, "cora", "/jobs/")
    page.goto(path)
    page.wait_for_load_state("networkidle")
    found = violations(page)
    page.emulate_media(color_scheme="dark")
    return found | {f"dark: {rule}": where for rule, where in violations(page).items()}
