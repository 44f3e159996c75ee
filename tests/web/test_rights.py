"""Who gets what from every page: a row per URL, a column per caller, for GET and for POST.

A new URL gets a row in `TABLE`; `test_the_table_has_every_url` fails until it has. What the pages
say beside their status is for the tests of each of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from django.conf import settings
from django.test import Client
from django.urls import get_resolver

import web.urls
from people_app.actions.roles import grant_role
from people_app.actions.teams import create_team, set_team_member
from people_app.actions.tokens import create_token
from people_app.models import User
from people_app.roles import Role, TeamRole
from tests.api.builders import person
from tests.api.one_world import one_storage, one_world, rolled_back

pytestmark = pytest.mark.django_db

STREETS = "/datasets/streets/"
CLASSES = "/taxonomies/streets-classes/"
NOBODY = "00000000-0000-0000-0000-000000000000"
WEBHOOK = f"{STREETS}settings/webhooks/{NOBODY}/"


class Statuses(NamedTuple):
    """What each caller is answered. 302 leads who is not signed in to the sign-in page."""

    anonymous: int
    stranger: int
    reader: int
    annotator: int
    reviewer: int
    admin: int


# The patterns. `s` is the answer to those who may: 422 or 409 where the empty form, and 404
# where the made-up id, is what stops them.
def known(s: int = 200) -> Statuses:
    """What everybody may see."""
    return Statuses(s, s, s, s, s, s)


def seen(s: int = 200) -> Statuses:
    """What readers see, and do."""
    return Statuses(404, 404, s, s, s, s)


def edited(s: int) -> Statuses:
    """What annotators, and those above, do."""
    return Statuses(404, 404, 403, s, s, s)


def written(s: int = 200) -> Statuses:
    """What annotators, and those above, see, and do."""
    return Statuses(302, 404, 403, s, s, s)


def owned(s: int) -> Statuses:
    """What owners and curators of a taxonomy do: the admin of "streets" is one."""
    return Statuses(404, 404, 403, 403, 403, s)


def reviewed(s: int = 200) -> Statuses:
    """What reviewers, and those above, see."""
    return Statuses(302, 404, 403, 403, s, s)


def ruled(s: int = 200) -> Statuses:
    """What admins see, and do."""
    return Statuses(302, 404, 403, 403, 403, s)


def own(s: int = 200) -> Statuses:
    """What is the caller's own."""
    return Statuses(302, s, s, s, s, s)


UNASKED = known(405)  # by this method
NOT_SET_UP = known(404)

TABLE = [
    ("/", known(), UNASKED),
    ("/sign-in/", Statuses(200, 302, 302, 302, 302, 302), Statuses(422, 302, 302, 302, 302, 302)),
    ("/sign-in/provider/", NOT_SET_UP, UNASKED),
    ("/sign-in/provider/return/", NOT_SET_UP, UNASKED),
    ("/sign-out/", UNASKED, known(302)),
    ("/theme/", UNASKED, known(400)),
    ("/account/", own(), own(422)),
    ("/jobs/", known(), UNASKED),
    ("/jobs/mine.json", known(), UNASKED),
    (f"/jobs/{NOBODY}/", known(404), UNASKED),
    (f"/jobs/{NOBODY}/cancel/", UNASKED, known(404)),
    (f"/jobs/{NOBODY}/retry/", UNASKED, known(404)),
    (STREETS, seen(), UNASKED),
    (f"{STREETS}branches/", seen(), UNASKED),
    (f"{STREETS}search/", seen(), UNASKED),
    (f"{STREETS}versions/v1/", seen(), UNASKED),
    (f"{STREETS}statistics/v1:sizes/", seen(), UNASKED),
    (f"{STREETS}statistics/v1:sizes.csv", seen(), UNASKED),
    (f"{STREETS}images/v1/", seen(), UNASKED),
    (f"{STREETS}images/v1:1/", seen(), UNASKED),
    (f"{STREETS}images/v1:1/panoptic.png", seen(), UNASKED),
    (f"{STREETS}images/v1:1/viewer.json", seen(), UNASKED),
    (f"{STREETS}compare/", seen(), UNASKED),
    (f"{STREETS}compare/v1..v3/", seen(), UNASKED),
    (f"{STREETS}compare/v1..v3:1/", seen(), UNASKED),
    (f"{STREETS}compare/v1..v3:diff.csv", seen(), UNASKED),
    (f"{STREETS}compare/v1..v3:1/viewer.json", seen(), UNASKED),
    (f"{STREETS}import/", written(), written(422)),
    (f"{STREETS}exports/", seen(), Statuses(404, 404, 422, 422, 422, 422)),
    (f"{STREETS}splits/", seen(), edited(200)),
    (f"{STREETS}leaks/v1/", seen(), seen(302)),
    (f"{STREETS}members/", reviewed(), ruled(422)),
    (f"{STREETS}settings/", ruled(), ruled()),
    (f"{STREETS}settings/audit/", ruled(), own(405)),
    (f"{STREETS}settings/webhooks/", ruled(), ruled()),
    (WEBHOOK, ruled(404), ruled(404)),
    (f"{WEBHOOK}{NOBODY}/", ruled(404), own(405)),
    (f"{WEBHOOK}{NOBODY}/again/", own(405), ruled(404)),
    ("/teams/", own(), own()),
    # The admin maintains the team, the reviewer is in it.
    (
        "/teams/crew/",
        Statuses(302, 404, 404, 404, 200, 200),
        Statuses(302, 404, 404, 404, 403, 422),
    ),
    ("/audit/", own(), own(405)),
    ("/taxonomies/", known(), own(422)),
    (CLASSES, seen(), UNASKED),
    (f"{CLASSES}versions/1/", seen(), UNASKED),
    (f"{CLASSES}versions/1/move/", UNASKED, seen(302)),  # as the roles in datasets allow
    (f"{CLASSES}classes/1/", seen(), UNASKED),
    (f"{CLASSES}draft/", seen(), owned(422)),
    (f"{CLASSES}draft/discard/", UNASKED, owned(409)),
    (f"{CLASSES}draft/preview/", seen(), UNASKED),
    (f"{CLASSES}draft/publish/", UNASKED, owned(422)),
    (f"{CLASSES}history/", seen(), UNASKED),
    (f"{CLASSES}compare/", seen(404), UNASKED),
    (f"{CLASSES}compare/1..1/", seen(), UNASKED),
    (f"{CLASSES}members/", seen(), owned(422)),
    (f"{CLASSES}mappings/", seen(), UNASKED),
    (f"{CLASSES}mappings/new/", owned(422), owned(422)),
]


class Caller(NamedTuple):
    """A browser with a session; each request is made by a new one, so that none is signed out."""

    session: str = ""
    authorization: str = ""

    def ask(self, method: str, url: str) -> Any:
        browser = Client(
            headers={"Authorization": self.authorization} if self.authorization else {}
        )
        browser.cookies[settings.SESSION_COOKIE_NAME] = self.session
        with rolled_back():
            return getattr(browser, method)(url)


@pytest.fixture(scope="module")
def _folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with one_storage(tmp_path_factory.mktemp("blobs")):
        yield


@pytest.fixture(scope="module")
def callers(_folders, django_db_setup, django_db_blocker) -> Iterator[dict[str, Caller]]:
    """Everybody in the table, and three who are as good as anonymous."""
    with one_world(django_db_blocker) as world:
        ada = person("ada")
        members = {role: person(f"a-{role}") for role in ("reader", "annotator", "reviewer")}
        for role, user in members.items():
            grant_role(user=user, resource=world.dataset, role=Role(role), actor=ada)
        crew = create_team(slug="crew", actor=ada)
        set_team_member(team=crew, user=members["reviewer"], role=TeamRole.MEMBER, actor=ada)
        gone = person("gone")
        grant_role(user=gone, resource=world.dataset, role=Role.ADMIN, actor=ada)
        was_signed_in = signed_in(gone)
        User.objects.filter(pk=gone.pk).update(is_active=False)
        people = {"stranger": person("stranger"), **members, "admin": ada}
        yield {
            "anonymous": Caller(),
            **{name: signed_in(user) for name, user in people.items()},
            "deactivated": was_signed_in,
            "forger": Caller("0123456789abcdef0123456789abcdef"),
            "program": Caller("", f"Token {create_token(user=ada).secret}"),
        }


def signed_in(user: User) -> Caller:
    browser = Client()
    browser.force_login(user)
    return Caller(browser.cookies[settings.SESSION_COOKIE_NAME].value)


@pytest.mark.parametrize(
    ("method", "url", "statuses"),
    [
        pytest.param(method, url, statuses, id=f"{method} {url}")
        for url, *both in TABLE
        for method, statuses in zip(("get", "post"), both, strict=True)
    ],
)
def test_everybody_gets_what_is_theirs(callers, method, url, statuses):
    answers = {name: caller.ask(method, url) for name, caller in callers.items()}
    assert {name: found.status_code for name, found in answers.items()} == {
        **statuses._asdict(),
        **dict.fromkeys(("deactivated", "forger", "program"), statuses.anonymous),
    }
    if statuses.anonymous == 302:
        assert answers["anonymous"]["Location"].startswith("/sign-in/")


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("url", [url for url, *_ in TABLE if "/streets" in url])
def test_no_page_tells_a_private_resource_from_none(callers, method, url):
    for name in ("anonymous", "stranger"):
        hidden = callers[name].ask(method, url)
        none = callers[name].ask(method, url.replace("streets", "nothing"))
        assert hidden.status_code == none.status_code
        assert text_of(hidden) == text_of(none)
        assert hidden.get("Location", "").replace("streets", "nothing") == none.get("Location", "")


def text_of(response: Any) -> str:
    """The page, without the form token that each has of its own."""
    text = response.getvalue().decode().replace("streets", "nothing")
    return re.sub(r'(?<=name="csrfmiddlewaretoken" value=")\w{64}', "", text)


def test_the_table_has_every_url():
    resolver = get_resolver("web.urls")
    named = {resolver.resolve(url).route for url, *_ in TABLE}
    assert named == {str(pattern.pattern) for pattern in web.urls.urlpatterns}


def test_a_superuser_is_told_that_they_may_do_everything(callers):
    page = signed_in(User.objects.create_superuser("root")).ask("get", STREETS)
    assert "<dd>admin</dd>" in page.getvalue().decode()
