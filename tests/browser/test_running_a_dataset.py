"""Running a shared dataset in a real browser: by keyboard, without scripts, and by axe."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from datasets_app.models import Dataset, Delivery, Webhook
from datasets_app.webhooks.delivering import deliver_due
from datasets_app.webhooks.managing import create_webhook, ping_webhook
from people_app.actions.roles import grant_role, grant_team_role
from people_app.actions.teams import create_team
from people_app.models import Membership, Team, User
from people_app.roles import Role
from people_app.sealing import seal_events
from tests.browser.steps import sign_in, violations
from tests.datasets_app.builders import author
from tests.datasets_app.receivers import receiver
from tests.web.builders import branch, history, shared_dataset

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SETTINGS = "/datasets/town/settings/"


@pytest.fixture
def town(live_server, settings) -> Dataset:
    settings.TESSERA_WEBHOOK_ALLOW = ["127.0.0.0/8"]
    dataset = shared_dataset("town")
    _, second = history(dataset)
    branch(dataset, "feature/night", second)
    alma = User.objects.create_user("alma", password="correct horse")
    User.objects.create_user("bob", password="correct horse")
    grant_role(user=alma, resource=dataset, role=Role.ADMIN, actor=author())
    return dataset


def said(page: Page, text: str) -> None:
    expect(page.get_by_role("status").filter(has_text=text)).to_be_visible()


def test_a_team_is_made_filled_and_given_a_role_and_the_log_tells_it(
    town: Dataset, page: Page, complaints: list[str]
) -> None:
    sign_in(page, "alma", "/datasets/town/")
    page.locator("summary", has_text="alma").press("Enter")
    page.get_by_role("link", name="Teams").press("Enter")
    page.get_by_label("Short name").fill("crew")
    page.keyboard.press("Enter")
    said(page, "crew is made.")
    page.get_by_label("User name").fill("bobo")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("Nobody here is called “bobo”.")
    expect(page.get_by_label("User name")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("User name").fill("bob")
    page.keyboard.press("Enter")
    said(page, "bob is a member of the team now.")

    page.goto("/datasets/town/members/")
    page.get_by_label("Team", exact=True).select_option("crew")
    add = page.get_by_role("region", name="Give a team a role")
    add.get_by_label("annotator").check()
    add.get_by_role("button", name="Give it").press("Enter")
    said(page, "Everybody in the team crew is annotator now.")
    row = page.get_by_role("row", name="bob")
    expect(row).to_contain_text("team crew (annotator)")

    page.get_by_role("link", name="Settings").click()
    page.get_by_role("link", name="Audit log").click()
    log = page.get_by_role("list").filter(has_text="alma")
    expect(log).to_contain_text("alma gave the team crew the role annotator on town")
    assert Membership.objects.get(team=Team.objects.get()).role == Role.ANNOTATOR
    # The browser says of itself that an answer was 422.
    assert all("422" in complaint for complaint in complaints)
    complaints.clear()


def test_a_webhook_is_made_and_tested_and_its_log_comes_by_itself(
    town: Dataset, page: Page
) -> None:
    sign_in(page, "alma", f"{SETTINGS}webhooks/")
    with receiver(204) as there:
        page.get_by_label("URL").fill(there.url)
        page.keyboard.press("Enter")
        said(page, "The webhook is made.")
        expect(page.locator(".secret code.command")).to_contain_text("whsec_")
        page.get_by_role("button", name="Send a test").click()
        said(page, "A test message is on its way")
        expect(page.locator(".secret")).to_have_count(0)
        expect(page.locator("#deliveries")).to_contain_text("waiting")
        deliver_due()
        expect(page.locator("#deliveries")).to_contain_text("204")
    page.get_by_role("link", name="ping").click()
    page.get_by_role("button", name="Send again").click()
    said(page, "The same message is on its way again.")


def test_running_a_dataset_needs_no_scripts(town: Dataset, page_without_scripts: Page) -> None:
    page = page_without_scripts
    sign_in(page, "alma", SETTINGS)
    page.get_by_text("Make it public").click()
    page.get_by_label("The people shown").check()
    page.get_by_role("button", name="Make town public").click()
    said(page, "town is public")
    page.get_by_role("button", name="Make it private").click()
    said(page, "town is private")
    page.goto("/datasets/town/members/")
    page.get_by_label("User name").fill("bob")
    page.get_by_role("button", name="Give it").click()
    row = page.get_by_role("row", name="bob")
    row.locator("summary").click()
    page.get_by_role("button", name="Remove bob").click()
    said(page, "bob has no role by name here any more.")


@pytest.mark.long
def test_axe_finds_nothing_and_no_page_is_wider_than_a_phone(town: Dataset, page: Page) -> None:
    alma = User.objects.get(username="alma")
    team = create_team(slug="crew", name="N" * 60, actor=alma)
    grant_team_role(team=team, resource=town, role=Role.READER, actor=alma)
    url = "https://example.org/" + "hook" * 60
    made = create_webhook(dataset=town, url=url, events=["tag.created"], actor=alma)
    ping_webhook(webhook=made.webhook, actor=alma)
    Delivery.objects.update(next_attempt_at=None, state="failed", problem="answered 500")
    seal_events()
    hook, delivery = Webhook.objects.get().pk, Delivery.objects.get().pk
    page.emulate_media(reduced_motion="reduce")
    sign_in(page, "alma", "/jobs/")
    found: dict[str, list[str]] = {}
    for path in (
        SETTINGS,
        "/datasets/town/members/",
        f"{SETTINGS}webhooks/",
        f"{SETTINGS}webhooks/{hook}/",
        f"{SETTINGS}webhooks/{hook}/{delivery}/",
        f"{SETTINGS}audit/",
        "/audit/?dataset=nowhere",
        "/datasets/town/splits/",
        "/datasets/town/leaks/main/",
        "/teams/",
        "/teams/crew/",
    ):
        page.set_viewport_size({"width": 1280, "height": 900})
        page.emulate_media(color_scheme="light")
        page.goto(path)
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        found |= {f"{path}: {one}": where for one, where in violations(page).items()}
        page.emulate_media(color_scheme="dark")
        in_dark = violations(page, {"type": "rule", "values": ["color-contrast"]})
        found |= {f"{path}, dark: {one}": where for one, where in in_dark.items()}
        page.set_viewport_size({"width": 420, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= 420, path
    assert found == {}
