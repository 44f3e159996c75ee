from __future__ import annotations

import pytest
from django.test import Client

from people_app.models import AuditEvent, BrowserSession, User
from tests.web.builders import Page

pytestmark = pytest.mark.django_db

SECRET = "correct horse"


def account(name: str = "mia", **fields: object) -> User:
    return User.objects.create_user(name, password=SECRET, **fields)


def sign_in(client: Client, name: str = "mia", secret: str = SECRET, following: str = "", **meta):
    form = {"username": name, "password": secret, "next": following}
    return client.post("/sign-in/", form, **meta)


def test_who_signs_in_comes_to_the_datasets(client: Client) -> None:
    account()
    assert sign_in(client).url == "/"


def test_who_signs_in_comes_back_to_where_they_were(client: Client) -> None:
    account()
    assert sign_in(client, following="/jobs/?after=x").url == "/jobs/?after=x"


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/", "http://evil.example", "//evil.example/", "///evil.example",
        "/\\evil.example", "\\\\evil.example", "javascript:alert(1)", "data:text/html,x",
        "https:evil.example", "http:///evil.example", " //evil.example", "\t//evil.example",
        "https://testserver@evil.example/", "https://testserver.evil.example/", "ftp://testserver/",
    ],
)  # fmt: skip
def test_nobody_is_led_to_another_host(client: Client, target: str) -> None:
    account()
    assert sign_in(client, following=target).url == "/"
    client.post("/sign-out/")
    response = client.post(
        "/sign-in/?" + "next=" + target.replace("\t", "%09").replace(" ", "%20"),
        {"username": "mia", "password": SECRET},
    )
    assert response.url == "/"


def test_a_wrong_password_is_told_without_telling_whether_the_name_exists(client: Client) -> None:
    account()
    account("closed", is_active=False)
    pages = []
    for name in ("mia", "nobody", "closed"):
        answer = sign_in(client, name, "wrong")
        assert answer.status_code == 422
        pages.append(Page(answer.content.decode()).text)
    assert "Please enter a correct username and password" in pages[0]
    assert len(set(pages)) == 1


@pytest.mark.parametrize("form", [{}, {"username": "mia"}, {"password": "x"}])
def test_half_a_form_is_not_counted(client: Client, form: dict[str, str]) -> None:
    for _ in range(8):
        assert client.post("/sign-in/", form).status_code == 422


def test_signing_in_needs_the_token_of_the_form() -> None:
    client = Client(enforce_csrf_checks=True)
    response = client.post("/sign-in/", {"username": "mia", "password": SECRET})
    assert response.status_code == 403


def test_signing_out_is_a_post(client: Client) -> None:
    account()
    sign_in(client)
    assert client.get("/sign-out/").status_code == 405
    assert client.post("/sign-out/").url == "/sign-in/"
    assert "Sign in" in client.get("/").content.decode()
    assert not BrowserSession.objects.exists()


def test_who_is_signed_in_is_not_asked_again(client: Client) -> None:
    account()
    sign_in(client)
    assert client.get("/sign-in/").url == "/"


def test_after_too_many_tries_the_page_says_how_long_to_wait(client: Client) -> None:
    account()
    for _ in range(5):
        sign_in(client, secret="wrong")
    refused = sign_in(client, following="/jobs/")
    assert refused.status_code == 429
    assert 1 <= int(refused["Retry-After"]) <= 60
    assert "no-store" in refused["Cache-Control"]
    page = Page(refused.content.decode())
    assert "Wait a minute" in page.text
    assert "/sign-in/?next=%2Fjobs%2F" in page.links
    assert page.inline == []
    assert client.get("/").context["user"].is_anonymous


def test_a_browser_where_somebody_signed_in_before_is_not_locked_by_others(client: Client) -> None:
    account()
    sign_in(client)
    client.post("/sign-out/")
    for _ in range(6):
        sign_in(Client(), secret="wrong")
    assert sign_in(Client()).status_code == 429
    assert sign_in(client).status_code == 302


def test_a_known_browser_is_known_to_whom_signed_in_there_and_to_no_other(client: Client) -> None:
    account()
    account("tom")
    sign_in(client)
    client.post("/sign-out/")
    for _ in range(5):
        sign_in(client, "tom", "wrong")
    assert sign_in(client, "tom").status_code == 429
    assert sign_in(client).status_code == 302


@pytest.mark.parametrize("made_up", ["", "x", "a.b:1:c", "é", "0" * 5000])
def test_a_cookie_that_nobody_signed_makes_no_known_browser(client: Client, made_up: str) -> None:
    account()
    client.cookies["tessera_known_browser"] = made_up
    for _ in range(5):
        assert sign_in(client, secret="wrong").status_code == 422
    assert sign_in(client).status_code == 429


def test_the_cookie_of_a_known_browser_is_out_of_reach_and_names_nobody(
    client: Client, settings
) -> None:
    settings.SESSION_COOKIE_SECURE = True
    account()
    cookie = sign_in(client).cookies["tessera_known_browser"]
    assert (cookie["httponly"], cookie["secure"], cookie["samesite"]) == (True, True, "Strict")
    assert cookie["path"] == "/sign-in/"
    assert "mia" not in cookie.value


def test_the_admin_has_no_sign_in_of_its_own(client: Client) -> None:
    account("root", is_staff=True, is_superuser=True)
    asked = client.get("/admin/", follow=True)
    assert asked.redirect_chain[-1][0] == "/sign-in/?next=%2Fadmin%2F"
    form = {"username": "root", "password": SECRET, "next": "/admin/"}
    assert client.post("/admin/login/?next=/admin/", form).status_code == 302
    assert client.get("/").context["user"].is_anonymous
    assert sign_in(client, "root", following="/admin/").url == "/admin/"
    assert client.get("/admin/").status_code == 200
    assert client.get("/admin/password_change/").url == "/account/"
    assert client.post("/admin/logout/").url == "/sign-in/"


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example/", "/\\evil.example"])
def test_the_way_to_the_admin_leads_to_no_other_host(client: Client, target: str) -> None:
    client.force_login(account("root", is_staff=True))
    assert client.get("/admin/login/", {"next": target}).url == "/admin/"


def test_who_is_no_operator_is_told_so_and_not_sent_in_a_circle(client: Client) -> None:
    client.force_login(account())
    assert client.get("/admin/", follow=True).status_code == 403


def test_the_log_tells_of_coming_and_going(client: Client) -> None:
    mia = account()
    sign_in(client, secret="wrong", REMOTE_ADDR="192.0.2.7")
    sign_in(client, REMOTE_ADDR="192.0.2.7")
    client.post("/sign-out/", REMOTE_ADDR="192.0.2.8")
    client.post("/sign-out/")  # nobody is signed in any more
    told = AuditEvent.objects.order_by("pk").values_list("verb", "actor", "address")
    assert list(told) == [
        ("sign_in.failed", None, "192.0.2.7"),
        ("session.started", mia.pk, "192.0.2.7"),
        ("session.ended", mia.pk, "192.0.2.8"),
    ]


def test_no_password_and_no_session_is_in_the_log(client: Client) -> None:
    account()
    sign_in(client, secret="a typo of mine")
    sign_in(client)
    told = str(list(AuditEvent.objects.values()))
    assert "a typo of mine" not in told
    assert SECRET not in told
    assert client.session.session_key not in told


def test_signing_in_throws_away_sessions_that_expired(client: Client) -> None:
    mia = account()
    BrowserSession.objects.create(
        session_key="old", session_data="", expire_date="2020-01-01T00:00Z", account_id=mia.pk
    )
    sign_in(client)
    assert not BrowserSession.objects.filter(session_key="old").exists()


def test_a_password_change_by_an_operator_is_told(client: Client) -> None:
    root, mia = account("root", is_staff=True, is_superuser=True), account()
    client.force_login(root)
    url = f"/admin/people_app/user/{mia.pk}/password/"
    wrong = {"usable_password": "true", "password1": "x", "password2": "y"}
    assert client.post(url, wrong).status_code == 200
    new = {"usable_password": "true", "password1": "purple monkey", "password2": "purple monkey"}
    assert client.post(url, new).status_code == 302
    event = AuditEvent.objects.get(verb="password.changed")
    assert (event.actor, event.object_id, event.facts["name"]) == (root, str(mia.pk), "mia")
    assert sign_in(Client(), secret="purple monkey").status_code == 302
