"""What an attacker tries on the pages, the API and the admin, and what each answer forbids."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.core.cache import cache
from django.test import Client, override_settings
from django.urls import URLPattern, get_resolver, resolve

from datasets_app.models import Job
from people_app.models import BrowserSession, Token, User
from tests.config.test_deploy import run
from tests.web.builders import Page, history, shared_dataset

pytestmark = pytest.mark.django_db

SECRET = "correct horse"
EVIL = "https://evil.example"


def account(name: str = "mia", **fields: object) -> User:
    return User.objects.create_user(name, password=SECRET, **fields)


def signed_in(user: User | None = None, **options: bool) -> Client:
    client = Client(**options)
    client.force_login(user or account())
    return client


def sign_in(client: Client, **meta: str):
    return client.post("/sign-in/", {"username": "mia", "password": SECRET}, **meta)


# Sessions.


def test_a_session_that_somebody_planted_is_not_the_one_that_is_signed_in(client: Client) -> None:
    account()
    client.session.save()  # the attacker's, set in the browser of the victim
    planted = client.session.session_key
    client.cookies["sessionid"] = planted
    sign_in(client)
    assert client.session.session_key != planted
    assert not BrowserSession.objects.filter(pk=planted).exists()


def test_a_made_up_session_is_nobodys_and_is_not_taken_over(client: Client) -> None:
    account()
    client.cookies["sessionid"] = "a" * 32
    sign_in(client)
    assert client.session.session_key != "a" * 32


def test_who_signs_in_over_somebody_else_has_nothing_of_theirs(client: Client) -> None:
    client.force_login(account("tom"))
    session = client.session
    session["of tom"] = 1
    session.save()
    account()
    client.post("/sign-out/")
    sign_in(client)
    assert "of tom" not in client.session


def test_a_session_that_was_signed_out_is_over_also_for_who_copied_it(client: Client) -> None:
    account()
    sign_in(client)
    copy = Client()
    copy.cookies["sessionid"] = client.cookies["sessionid"].value
    assert copy.get("/account/").status_code == 200
    client.post("/sign-out/")
    assert copy.get("/account/").status_code == 302


def test_a_closed_account_is_signed_out_everywhere(client: Client) -> None:
    mia = account()
    sign_in(client)
    _, secret = mia.auth_token_set.model.objects.create(user=mia)
    User.objects.update(is_active=False)
    assert client.get("/account/").status_code == 302
    asked = Client().get("/api/v1/tokens/", HTTP_AUTHORIZATION=f"Token {secret}")
    assert asked.status_code == 401


def test_the_cookie_of_a_session_is_out_of_reach_of_scripts_and_other_sites(
    client: Client,
) -> None:
    account()
    cookie = sign_in(client).cookies["sessionid"]
    assert (cookie["httponly"], cookie["samesite"], cookie["domain"]) == (True, "Lax", "")


_PRODUCTION_COOKIES = """
import django; django.setup()
from django.conf import settings
from django.test import Client, override_settings
print(settings.SESSION_COOKIE_SECURE, settings.SESSION_COOKIE_HTTPONLY,
      settings.SESSION_COOKIE_SAMESITE, settings.CSRF_COOKIE_SECURE)
page = Client().get("/sign-in/", HTTP_HOST="labels.example.org", HTTP_X_FORWARDED_PROTO="https")
cookie = page.cookies["csrftoken"]
print(page.status_code, cookie["secure"], cookie["samesite"])
"""


@pytest.mark.slow
def test_cookies_in_production_travel_by_https_only(tmp_path: Path) -> None:
    changes = {"PYTHONWARNINGS": "ignore"}
    lines = run(tmp_path, "-c", _WITH_PLAIN_FILES + _PRODUCTION_COOKIES, **changes).stdout
    assert lines.splitlines() == ["True True Lax True", "200 True Lax"]


# The manifest of static files is made by collectstatic; a page needs it only for its links.
_WITH_PLAIN_FILES = """
from django.conf import settings
settings.STORAGES["staticfiles"] = {
    "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
"""


# Forms and requests that other sites make.

_SAMPLES = {
    "SlugConverter": "town", "RevConverter": "v1", "RevisionConverter": "v1",
    "SpecConverter": "v1..v2", "NumberConverter": 1, "ImageNumberConverter": 1,
    "ViewConverter": "semantic", "UUIDConverter": uuid.UUID(int=7), "StringConverter": "x",
    "IntConverter": 1, "PathConverter": "x",
}  # fmt: skip


def paths(urlconf: str) -> Iterator[str]:
    """A path for each pattern of a module of URLs."""
    for pattern in get_resolver(urlconf).url_patterns:
        assert isinstance(pattern, URLPattern)
        if pattern.pattern.converters or hasattr(pattern.pattern, "_route"):
            route = str(pattern.pattern)
            for name, converter in pattern.pattern.converters.items():
                # Of a closed list of words, the first.
                sample = _SAMPLES.get(type(converter).__name__, converter.regex.split("|")[0])
                start = route.index("<")
                end = route.index(">", start)
                assert route[start:end].endswith(name)
                route = f"{route[:start]}{converter.to_url(sample)}{route[end + 1 :]}"
            yield f"/{route}"


def test_a_form_of_another_site_is_refused_by_every_page() -> None:
    client = signed_in(account(is_superuser=True, is_staff=True), enforce_csrf_checks=True)
    found = {path: client.post(path).status_code for path in paths("web.urls")}
    assert len(found) > 25
    assert set(found.values()) == {403}, {k: v for k, v in found.items() if v != 403}


@pytest.mark.parametrize(
    "path",
    ["/sign-in/", "/sign-out/", "/account/", "/admin/logout/", "/admin/people_app/user/add/",
     "/admin/people_app/signincount/"],
)  # fmt: skip
def test_a_form_without_its_token_is_refused_with_a_page(path: str) -> None:
    client = signed_in(account(is_superuser=True, is_staff=True), enforce_csrf_checks=True)
    answer = client.post(path)
    assert answer.status_code == 403
    assert "Not allowed" in answer.content.decode()


def test_a_request_with_a_session_to_the_api_needs_the_token_of_the_form() -> None:
    client = signed_in(account(is_superuser=True), enforce_csrf_checks=True)
    found = [path for path in paths("api.urls") if path.startswith("/api/v1/")]
    # Some paths take no sample, such as those that hold a digest.
    found = [path for path in found if resolve(path).func.cls.__name__ != "Nothing"]
    assert len(found) > 60
    for path in found:
        for method in ("post", "put", "patch", "delete"):
            answer = getattr(client, method)(path)
            assert (answer.status_code, path) == (403, path)
            assert "CSRF" in answer.json()["detail"]


def test_a_token_of_a_program_needs_no_form() -> None:
    mia = account()
    _, secret = Token.objects.create(user=mia)
    answer = Client(enforce_csrf_checks=True).post(
        "/api/v1/tokens/", {"name": "x"}, "application/json", HTTP_AUTHORIZATION=f"Token {secret}"
    )
    assert answer.status_code == 201


@pytest.mark.parametrize(
    ("origin", "status"),
    [(EVIL, 403), ("null", 403), ("http://testserver.evil.example", 403),
     ("http://testserver:81", 403), ("https://testserver", 403), ("http://testserver", 302),
     ("https://labels.example.org", 302)],
)  # fmt: skip
def test_a_form_from_another_origin_is_refused_even_with_its_token(
    origin: str, status: int, settings
) -> None:
    settings.CSRF_TRUSTED_ORIGINS = ["https://labels.example.org"]
    account()
    client = Client(enforce_csrf_checks=True)
    token = client.get("/sign-in/").cookies["csrftoken"].value
    form = {"username": "mia", "password": SECRET, "csrfmiddlewaretoken": token}
    assert client.post("/sign-in/", form, HTTP_ORIGIN=origin).status_code == status


def test_over_https_a_form_without_origin_needs_a_referrer_of_this_site() -> None:
    account()
    client = Client(enforce_csrf_checks=True)
    token = client.get("/sign-in/", secure=True).cookies["csrftoken"].value
    form = {"username": "mia", "password": SECRET, "csrfmiddlewaretoken": token}
    for meta in ({}, {"HTTP_REFERER": f"{EVIL}/"}):
        assert client.post("/sign-in/", form, secure=True, **meta).status_code == 403
    here = {"HTTP_REFERER": "https://testserver/sign-in/"}
    assert client.post("/sign-in/", form, secure=True, **here).status_code == 302


def test_no_other_site_reads_an_answer(client: Client) -> None:
    answer = client.get("/api/v1/datasets/", HTTP_ORIGIN=EVIL)
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


# Hosts.


@pytest.mark.parametrize(
    "host",
    ["evil.example", "testserver.evil.example", "testserver@evil.example", "a b", "testserver:x",
     "[::1", "-", "evil.example:80", "testserver/x", "testserver\\x", "täst"],
)  # fmt: skip
def test_a_host_that_is_not_ours_gets_400_and_no_link_to_itself(host: str, settings) -> None:
    settings.ALLOWED_HOSTS = ["testserver"]
    client = Client(HTTP_HOST=host)
    for path in ("/", "/sign-in/", "/nothing/", "/admin/"):
        page = client.get(path)
        assert page.status_code == 400
        assert "This request makes no sense" in page.content.decode()
        assert "evil" not in page.content.decode()
    answer = client.get("/api/v1/datasets/")
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")


def test_a_host_that_a_proxy_is_said_to_have_seen_plays_no_part(client: Client) -> None:
    answer = client.get("/api/v1/datasets?x=1", HTTP_X_FORWARDED_HOST="evil.example")
    assert answer["Location"] == "http://testserver/api/v1/datasets/?x=1"


# Who forgot their password.


@pytest.mark.parametrize("path", ["/password_reset/", "/password-reset/", "/reset/", "/forgot/"])
def test_nothing_resets_passwords_and_so_nothing_tells_who_has_one(
    client: Client, path: str
) -> None:
    account(email="mia@example.org")
    for mail in ("mia@example.org", "nobody@example.org"):
        assert client.post(path, {"email": mail}).status_code == 404
    assert "asks an operator" in Page(client.get("/sign-in/").content.decode()).text


# What every answer says to browsers.


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*given: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(type(Job.objects), "visible_to", fail)


def _unknown_host(path: str) -> Callable[[Client], object]:
    return lambda client: client.get(path, HTTP_HOST="evil.example")


def _without_form_token(client: Client) -> object:
    client.handler.enforce_csrf_checks = True
    return client.post("/sign-in/")


def _tries(client: Client) -> object:
    for _ in range(5):
        Client().post("/sign-in/", {"username": "tom", "password": "x"})
    client.logout()
    return client.post("/sign-in/", {"username": "tom", "password": "x"})


def _requests(client: Client) -> object:
    cache.clear()
    with override_settings(TESSERA_RATE_LIMITS={"user": "1/day"}):
        client.get("/api/v1/datasets/")
        answer = client.get("/api/v1/datasets/")
    cache.clear()
    return answer


ANSWERS: dict[str, tuple[int, str | Callable[[Client], object]]] = {
    "a page": (200, "/"),
    "the sign-in page": (302, "/sign-in/"),
    "a page of a dataset": (200, "/datasets/town/images/v2:1/"),
    "the account": (200, "/account/"),
    "an answer of the API": (200, "/api/v1/datasets/"),
    "an error of the API": (404, "/api/v1/datasets/nowhere/"),
    "nothing in the API": (404, "/api/v1/nothing/"),
    "a photograph": (200, "/api/v1/datasets/town/versions/v2/images/1/photo"),
    "a thumbnail": (200, "/api/v1/datasets/town/versions/v2/images/1/thumbnail.webp"),
    "a picture": (200, "/datasets/town/images/v2:1/semantic.png"),
    "the document of the API": (200, "/api/schema/"),
    "health": (200, "/healthz"),
    "the admin": (200, "/admin/"),
    "a form of the admin": (200, "/admin/people_app/user/add/"),
    "a page that is not there": (404, "/nothing/"),
    "a redirect": (301, "/api/v1/datasets"),
    "a method that is none": (405, lambda client: client.post("/datasets/town/")),
    "a form of another site": (403, _without_form_token),
    "a host that is not ours": (400, _unknown_host("/")),
    "the same in the API": (400, _unknown_host("/api/v1/datasets/")),
    "too many tries": (429, _tries),
    "too many requests": (429, _requests),
    "a bug": (500, "/jobs/"),
    "a bug of the API": (500, "/api/v1/jobs/"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_every_answer_forbids_what_nothing_here_needs(name: str, settings, request) -> None:
    settings.ALLOWED_HOSTS = ["testserver"]
    client = signed_in(account(is_staff=True, is_superuser=True), raise_request_exception=False)
    status, ask = ANSWERS[name]
    if "town" in str(ask):
        history(shared_dataset("town"))
    if status == 500:
        request.getfixturevalue("broken")
    answer = client.get(ask) if isinstance(ask, str) else ask(client)
    assert answer.status_code == status
    policy = answer["Content-Security-Policy"]
    for word in ("default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'",
                 "form-action 'self'", "script-src 'self'", "style-src 'self'"):  # fmt: skip
        assert word in policy
    assert "unsafe" not in policy
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in answer["Permissions-Policy"]
    assert "geolocation=()" in answer["Permissions-Policy"]
    if answer["Content-Type"].startswith("text/html") and not name.endswith("admin"):
        assert Page(answer.content.decode()).inline == []


def test_only_the_page_of_the_documentation_styles_elements_one_by_one(client: Client) -> None:
    policy = client.get("/api/docs/")["Content-Security-Policy"].split("; ")
    assert "style-src 'self' 'unsafe-inline'" in policy
    assert "script-src 'self'" in policy
