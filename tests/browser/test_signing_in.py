"""Signing in with a provider, and the page of one's account, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from people_app.models import User
from tests.browser.steps import violations
from tests.people_app.oidc_provider import PASSWORD, Provider

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def provider(live_server, tmp_path: Path, settings) -> Iterator[Provider]:
    started = Provider.start(tmp_path, f"{live_server.url}/sign-in/provider/return/")
    settings.TESSERA_OIDC = started.settings(create_accounts=True)
    yield started
    started.stop()


def test_the_way_to_the_provider_and_back_meets_no_policy_that_forbids_it(
    provider: Provider, page: Page
) -> None:
    provider.says("cat", preferred_username="cat", email="cat@example.org", email_verified=True)
    page.goto("/account/")
    page.get_by_role("link", name="Sign in with Example Institute").click()
    page.get_by_label("Name").fill("cat")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("heading", name="cat", exact=True)).to_be_visible()
    expect(page.get_by_text("You sign in with Example Institute")).to_be_visible()
    assert page.url.endswith("/account/")


def test_a_token_is_made_and_revoked_without_scripts(page_without_scripts: Page) -> None:
    page = page_without_scripts
    _sign_in(page)
    page.get_by_label("What is it for?").fill("cluster")
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_role("heading", name="Your new token “cluster”")).to_be_visible()
    page.get_by_role("button", name="Revoke cluster").click()
    expect(page.get_by_text("The token “cluster” is revoked.")).to_be_visible()


def test_a_password_is_changed_and_axe_finds_nothing_serious(page: Page) -> None:
    _sign_in(page)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.goto("/account/")
        assert violations(page) == {}
    page.get_by_label("Present password").fill("correct horse")
    page.get_by_label("New password").fill("battery staple 7")
    page.get_by_label("The new one again").fill("battery staple 7")
    page.get_by_role("button", name="Change it").click()
    expect(page.get_by_text("Your password is changed")).to_be_visible()


def _sign_in(page: Page) -> None:
    User.objects.create_user("mia", password="correct horse")
    page.goto("/sign-in/?next=/account/")
    page.get_by_label("User name").fill("mia")
    page.get_by_label("Password").fill("correct horse")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="mia", exact=True)).to_be_visible()
