"""Signing in with a provider, over HTTP, with a provider that checks what it gets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.test import Client

from people_app.actions.identities import link_identity
from people_app.models import AuditEvent, SignInCount, User
from tests.people_app.builders import person
from tests.people_app.oidc_provider import Provider

pytestmark = pytest.mark.django_db

BEGIN, RETURN = "/sign-in/provider/", "/sign-in/provider/return/"


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    started = Provider.start(tmp_path_factory.mktemp("provider"), f"http://testserver{RETURN}")
    yield started
    started.stop()


@pytest.fixture(autouse=True)
def _static_folder(settings, tmp_path: Path) -> None:
    settings.STATIC_ROOT = tmp_path


@pytest.fixture
def configure(settings, provider: Provider):
    """Say how signing in with the provider is set up."""

    def change(**changes: object) -> None:
        settings.TESSERA_OIDC = provider.settings(**changes)

    change()
    return change


@pytest.fixture
def sign_in(client: Client, provider: Provider, configure):
    """Go to the provider, sign in there as somebody, and come back."""

    def go(name: str, following: str = ""):
        query = f"?{urlencode({'next': following})}" if following else ""
        return client.get(provider.sign_in(client.get(f"{BEGIN}{query}").url, name))

    return go


def link(provider: Provider, name: str, sign_in) -> User:
    """An account here of somebody whom the provider knows by the same name."""
    provider.says(name)
    user = person(name)
    sign_in(name)  # refused; only the provider knows the subject that it gives them
    refused = AuditEvent.objects.filter(verb="sign_in.failed").latest("pk")
    link_identity(user=user, issuer=provider.issuer, subject=refused.facts["name"], actor=None)
    return user


def told(client: Client, answer) -> str:
    """What the sign-in page says to whom an answer leads back to it."""
    assert answer.url.startswith("/sign-in/")
    return client.get(answer.url).content.decode()


def who(client: Client) -> str | None:
    return client.session.get("_auth_user_id")


def test_who_is_linked_signs_in_and_goes_on_to_where_they_were(sign_in, provider, client):
    ada = link(provider, "ada", sign_in)
    assert sign_in("ada", "/jobs/?after=x").url == "/jobs/?after=x"
    assert who(client) == str(ada.pk)
    event = AuditEvent.objects.latest("pk")
    assert (event.verb, event.actor, event.facts["how"]) == ("session.started", ada, "oidc")


def test_who_has_no_account_is_told_so_and_where_they_wanted_to_go_is_kept(
    sign_in, provider, client
):
    provider.says("bob", preferred_username="bob")
    refused = sign_in("bob", "/jobs/")
    assert refused.url == "/sign-in/?next=%2Fjobs%2F"
    assert "no account here for you yet" in told(client, refused)
    assert who(client) is None
    failed = AuditEvent.objects.get(verb="sign_in.failed")
    assert (failed.actor, failed.facts) == (None, {"name": "bob", "how": "oidc"})


def test_what_the_provider_says_makes_a_new_account_where_the_operator_wants_that(
    sign_in, provider, configure, client
):
    configure(create_accounts=True)
    provider.says("cat", preferred_username="cat", email="cat@example.org", email_verified=True)
    assert sign_in("cat").url == "/"
    made = User.objects.get()
    assert (made.username, made.email, str(made.pk)) == ("cat", "cat@example.org", who(client))


def test_nobody_is_led_to_another_host(sign_in, provider, configure):
    configure(create_accounts=True)
    provider.says("dan")
    assert sign_in("dan", "https://evil.example/").url == "/"


def test_the_way_there_has_state_nonce_and_a_challenge(client, provider, configure):
    one, two = (parse_qs(urlsplit(client.get(BEGIN).url).query) for _ in range(2))
    assert one["response_type"] == ["code"]
    assert one["code_challenge_method"] == ["S256"]
    for name in ("state", "nonce", "code_challenge"):
        assert len(one[name][0]) >= 43
        assert one[name] != two[name]
    assert "client_secret" not in one


def test_the_browser_keeps_its_way_where_scripts_and_other_sites_do_not_reach_it(
    client, configure, settings
):
    settings.SESSION_COOKIE_SECURE = True
    cookie = client.get(BEGIN).cookies["tessera_oidc"]
    assert (cookie["httponly"], cookie["secure"], cookie["samesite"]) == (True, True, "Lax")
    assert cookie["path"] == "/sign-in/"


def test_a_code_signs_in_once_and_only_in_the_browser_that_asked_for_it(
    client, provider, configure
):
    configure(create_accounts=True)
    provider.says("eve")
    back = provider.sign_in(client.get(BEGIN).url, "eve")
    kept = client.cookies["tessera_oidc"].value
    victim = Client()
    assert "begun elsewhere" in told(victim, victim.get(back))
    victim.get(BEGIN)  # their own way has another state
    assert "begin again" in told(victim, victim.get(back))
    assert who(victim) is None
    client.session.save()
    before = client.session.session_key
    signed_in = client.get(back)
    assert signed_in.cookies["tessera_oidc"].value == ""
    assert who(client)
    assert client.session.session_key != before
    client.post("/sign-out/")
    client.cookies["tessera_oidc"] = kept
    assert "made no sense" in told(client, client.get(back))
    assert who(client) is None


def test_who_gives_up_over_there_is_told_so_and_no_text_of_the_url_is_shown(client, configure):
    state = parse_qs(urlsplit(client.get(BEGIN).url).query)["state"][0]
    said = {"error": "access_denied", "error_description": "Call 555-1234", "state": state}
    page = told(client, client.get(RETURN, said))
    assert "given up" in page
    assert "555" not in page


def test_made_up_codes_are_counted_by_address_and_not_sent_for_ever(client, provider, configure):
    state = parse_qs(urlsplit(client.get(BEGIN).url).query)["state"][0]
    kept = client.cookies["tessera_oidc"].value

    def bring() -> int:
        client.cookies["tessera_oidc"] = kept
        return client.get(RETURN, {"code": "made-up", "state": state}).status_code

    assert bring() == 302
    SignInCount.objects.filter(kind="address").update(failures=29)
    assert [bring(), bring()] == [302, 429]


@pytest.mark.parametrize("query", [{}, {"state": "x"}, {"state": "\x00", "code": "\x00"}])
def test_coming_back_without_having_gone_leads_to_the_beginning(client, configure, query):
    assert "begin again" in told(client, client.get(RETURN, query))


def test_the_button_is_there_only_where_there_is_a_provider(client, configure, settings):
    assert "Sign in with Example Institute" in client.get("/sign-in/").content.decode()
    settings.TESSERA_OIDC = None
    assert "/sign-in/provider/" not in client.get("/sign-in/").content.decode()
    assert [client.get(path).status_code for path in (BEGIN, RETURN)] == [404, 404]


def test_a_provider_that_is_away_is_told_of_in_words(client, configure):
    configure(issuer="http://127.0.0.1:9")
    assert "could not be reached" in told(client, client.get(BEGIN))


def test_an_issuer_that_calls_itself_otherwise_is_refused(client, configure, provider):
    configure(issuer=provider.issuer.replace("127.0.0.1", "localhost"))
    assert "made no sense" in told(client, client.get(BEGIN))
