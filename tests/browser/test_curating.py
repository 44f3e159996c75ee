"""Curators at work in a real browser: by keyboard alone, with and without scripts, and by axe."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from datasets_app.models import Branch, Dataset
from labels_app.actions.drafts import edit_draft, get_draft, publish_draft
from labels_app.models import Taxonomy
from people_app.actions.roles import grant_role
from people_app.models import User
from people_app.roles import Role
from tests.browser.steps import press, sign_in, violations
from tests.datasets_app.builders import author, taxonomy
from tests.web.builders import CAR, ROAD, history, shared_dataset

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def cora(live_server) -> User:
    return User.objects.create_user("cora", password="correct horse")


@pytest.fixture
def town(live_server, cora: User) -> Dataset:
    dataset = shared_dataset("town")
    history(dataset)
    grant_role(user=cora, resource=dataset, role=Role.ANNOTATOR, actor=author())
    grant_role(user=cora, resource=dataset.taxonomy, role=Role.OWNER, actor=author())
    return dataset


def tab_to(page: Page, name: str, *, back: bool = False) -> None:
    """Press Tab until what has the focus is labelled so; the mouse is not touched."""
    focused = "el => el.labels?.[0]?.textContent || el.getAttribute('aria-label') || el.textContent"
    for _ in range(80):
        page.keyboard.press("Shift+Tab" if back else "Tab")
        text = page.evaluate(f"({focused})(document.activeElement)")
        if " ".join(text.split()).startswith(name):
            return
    raise AssertionError(f"Tab never reached {name}")


def walk_to(page: Page, name: str) -> None:
    """Find a class of the list and go to it, by keys."""
    press(page, "/", "Control+a")
    page.keyboard.type(name)
    press(page, "Enter")
    expect(page.locator("a.class-name:focus")).to_have_text(name)


def said(page: Page, text: str) -> None:
    expect(page.get_by_role("status")).to_contain_text(text)


def test_a_taxonomy_is_made_curated_and_published_by_keyboard_alone(cora: User, page: Page) -> None:
    sign_in(page, "cora", "/taxonomies/")
    tab_to(page, "Slug")
    page.keyboard.type("animals")
    tab_to(page, "a well-known list")
    page.keyboard.type("PASCAL")
    tab_to(page, "Make it")
    press(page, "Enter")
    said(page, "animals begins with 20 classes.")
    press(page, "e")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Draft of version 2")

    walk_to(page, "aeroplane")
    press(page, "r")
    expect(page.get_by_label("New name")).to_be_focused()
    press(page, "Control+a")
    page.keyboard.type("plane")
    press(page, "Enter")
    said(page, "aeroplane is called plane.")
    expect(page.locator("a.class-name:focus")).to_have_text("plane")

    press(page, "/", "Control+a", "Delete", "ArrowDown")
    walk_to(page, "cow")
    press(page, "Space")
    walk_to(page, "sheep")
    press(page, "Space", "m")
    expect(page.get_by_label("become the class")).to_be_focused()
    press(page, "Tab")
    page.keyboard.type("cattle")
    press(page, "Enter")
    said(page, "became cattle.")

    walk_to(page, "boat")
    press(page, "f")
    expect(page.get_by_role("button", name="Make it stuff")).to_be_focused()
    press(page, "Enter")
    said(page, "boat was a thing and is stuff now")

    press(page, "u")
    expect(
        page.locator("#panel").get_by_role("button", name="Take back cow and sheep")
    ).to_be_focused()
    press(page, "Enter")
    said(page, "is a class again")

    press(page, "p", "Enter")
    tab_to(page, "What changed, and why")
    page.keyboard.type("Planes, and boats that nobody counts")
    tab_to(page, "Publish version 2")
    press(page, "Enter")
    said(page, "Version 2 is published.")
    line = Taxonomy.objects.get(slug="animals")
    names = {spec.name: spec.kind for spec in get_draft(line).classes if not spec.retired}
    assert "plane" in names
    assert "aeroplane" not in names
    assert "cow" in names
    assert names["boat"] == "stuff"

    tab_to(page, "History", back=True)
    press(page, "Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("History")
    tab_to(page, "Undo version 2")
    press(page, "Enter")
    said(page, "plane is called aeroplane.")


def test_arrows_walk_space_ticks_enter_opens_and_escape_comes_back(
    town: Dataset, page: Page
) -> None:
    sign_in(page, "cora", f"/taxonomies/{town.taxonomy.slug}/draft/")
    press(page, "/", "ArrowDown", "ArrowDown")
    expect(page.locator("a.class-name:focus")).to_have_text("car")
    press(page, "Space")
    expect(page.get_by_label("Tick car")).to_be_checked()
    press(page, "End")
    expect(page.locator("a.class-name:focus")).to_have_text("sky")
    press(page, "Home", "ArrowUp", "Enter")
    expect(page.get_by_label("Name", exact=True)).to_have_value("road")
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    press(page, "Escape")
    expect(page.locator("a.class-name:focus")).to_have_text("road")


def test_the_list_is_one_stop_of_the_tab_key(town: Dataset, page: Page) -> None:
    sign_in(page, "cora", f"/taxonomies/{town.taxonomy.slug}/draft/")
    stops = "document.querySelectorAll('#class-list a:not([tabindex=\"-1\"])').length"
    assert page.evaluate(stops) == 1


def test_the_keys_of_the_editor_are_listed(town: Dataset, page: Page) -> None:
    sign_in(page, "cora", f"/taxonomies/{town.taxonomy.slug}/draft/")
    press(page, "?")
    for text in ("add a class", "rename the class", "merge the ticked classes", "find a class"):
        expect(page.get_by_role("dialog")).to_contain_text(text)


def test_who_comes_second_sees_both_sides_and_does_theirs_on_top(
    town: Dataset, page: Page, complaints: list[str]
) -> None:
    sign_in(page, "cora", f"/taxonomies/{town.taxonomy.slug}/draft/")
    walk_to(page, "road")
    press(page, "f")
    expect(page.get_by_role("button", name="Make it a thing")).to_be_focused()
    edit_draft(
        taxonomy=town.taxonomy,
        expected_revision=0,
        operations=[{"op": "rename", "class": CAR, "name": "automobile"}],
        actor=author(),
    )
    press(page, "Enter")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Rename car to automobile")
    expect(alert).to_contain_text("Flip road")
    expect(page.get_by_role("button", name="Do mine on top")).to_be_focused()
    press(page, "Enter")
    said(page, "road was stuff and is a thing now")
    kinds = [change.kind.value for change in get_draft(town.taxonomy).changes]
    assert kinds == ["flipped", "renamed"]
    # The browser says of itself that an answer was 409.
    assert all("409" in complaint for complaint in complaints)
    complaints.clear()


def test_a_refusal_stands_beside_the_form_with_what_was_written(
    town: Dataset, page: Page, complaints: list[str]
) -> None:
    sign_in(page, "cora", f"/taxonomies/{town.taxonomy.slug}/draft/")
    walk_to(page, "car")
    press(page, "r")
    page.get_by_label("New name").fill("road")
    press(page, "Enter")
    expect(page.get_by_role("alert")).to_contain_text("road")
    expect(page.get_by_label("New name")).to_have_value("road")
    assert all("422" in complaint for complaint in complaints)
    complaints.clear()


def test_the_editor_serves_who_runs_no_scripts(town: Dataset, page_without_scripts: Page) -> None:
    page = page_without_scripts
    sign_in(page, "cora", f"/taxonomies/{town.taxonomy.slug}/draft/")
    page.get_by_label("Tick road").check()
    page.get_by_label("Tick sky").check()
    page.get_by_role("button", name="Merge").click()
    page.get_by_label("or a new one, named").fill("rest")
    page.locator("#panel").get_by_role("button", name="Merge").click()
    said(page, "road and sky became rest.")
    page.get_by_role("link", name="car").click()
    page.get_by_label("Description", exact=True).fill("With wheels")
    page.get_by_role("button", name="Save car").click()
    page.get_by_label("What changed, and why").fill("Less is more")
    page.get_by_label("town main").check()
    page.get_by_role("button", name="Publish version 2").click()
    said_all = page.get_by_role("status")
    expect(said_all.first).to_have_text("Version 2 is published.")
    head = Branch.objects.select_related("head__taxonomy_version").get(dataset=town).head
    assert head is not None
    assert head.taxonomy_version.number == 2


@pytest.mark.long
@pytest.mark.parametrize(
    "paths",
    [
        ("/taxonomies/", "/taxonomies/SLUG/", "/taxonomies/SLUG/members/"),
        ("/taxonomies/SLUG/history/", "/taxonomies/SLUG/compare/1..2/"),
        ("/taxonomies/SLUG/mappings/", "/taxonomies/SLUG/mappings/new/?to=OTHER"),
        ("/taxonomies/SLUG/draft/", "/taxonomies/SLUG/draft/?class=2"),
        ("/taxonomies/SLUG/draft/?do=add", "/taxonomies/SLUG/draft/?do=merge&class=2"),
        ("/taxonomies/SLUG/draft/?do=split&class=2", "/taxonomies/SLUG/draft/?do=rules"),
    ],
)
def test_axe_finds_nothing_serious_in_light_and_dark(
    town: Dataset, page: Page, paths: tuple[str, ...]
) -> None:
    line, other = town.taxonomy, taxonomy("1:car 2:road/stuff").taxonomy
    edit(line, {"op": "rename", "class": CAR, "name": "automobile"})
    publish(line)
    edit(
        line,
        {"op": "edit", "class": CAR, "guideline": "Mirrors too", "synonyms": ["auto"]},
        {"op": "split", "class": CAR, "into": ["van", "sedan"]},
        {"op": "retire", "class": ROAD},
        {"op": "rules", "rules": [{"rule": "stuff_not_crowd", "severity": "warning"}]},
    )
    page.emulate_media(reduced_motion="reduce")
    sign_in(page, "cora", "/jobs/")
    found: dict[str, list[str]] = {}
    for path in paths:
        page.goto(path.replace("SLUG", line.slug).replace("OTHER", other.slug))
        page.emulate_media(color_scheme="light")
        found |= {f"{path}: {one}": where for one, where in violations(page).items()}
        page.emulate_media(color_scheme="dark")
        in_dark = violations(page, {"type": "rule", "values": ["color-contrast"]})
        found |= {f"{path}, dark: {one}": where for one, where in in_dark.items()}
    assert found == {}


@pytest.mark.long
@pytest.mark.parametrize("width", [820, 1280, 3840])
def test_no_page_is_wider_than_its_screen(town: Dataset, page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 1000})
    line = town.taxonomy
    edit(line, {"op": "rename", "class": CAR, "name": "automobile" * 10})
    publish(line)
    edit(line, {"op": "flip", "class": ROAD})
    sign_in(page, "cora", "/taxonomies/")
    for path in ("", "draft/", f"draft/?class={CAR}", "history/", "members/", "mappings/"):
        page.goto(f"/taxonomies/{line.slug}/{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def edit(line: Taxonomy, *operations: dict[str, object]) -> None:
    revision = get_draft(line).revision
    edit_draft(taxonomy=line, expected_revision=revision, operations=operations, actor=author())


def publish(line: Taxonomy) -> None:
    revision = get_draft(line).revision
    publish_draft(taxonomy=line, expected_revision=revision, message="Why not", actor=author())
