"""Who gets what from every path: a row per path and method, a column per caller.

A new endpoint gets a row per method in `TABLE`; `test_the_table_has_every_path_and_method`
fails until it has.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from django.conf import settings
from django.db import transaction
from django.test import override_settings
from django.urls import URLPattern, get_resolver
from rest_framework.test import APIClient

import api.urls
from people_app.actions.teams import create_team, set_team_member
from people_app.models import User
from people_app.roles import Role, TeamRole
from tests.api.builders import API, STREETS, build_world, client_of, member

pytestmark = pytest.mark.django_db
PARKS = f"{API}/datasets/parks"
IMAGE = f"{STREETS}/versions/v1/images/1"
COMPARE = f"{STREETS}/compare/v1..v3"
TAXONOMY = f"{API}/taxonomies/streets-classes"
NOBODY = "00000000-0000-0000-0000-000000000000"
WEBHOOK = f"{STREETS}/webhooks/{NOBODY}"
UPLOAD = f"{STREETS}/uploads/{NOBODY}"
DELIVERY = f"{WEBHOOK}/deliveries/{NOBODY}"
JOB = f"{API}/jobs/{NOBODY}"
CREW = f"{API}/teams/crew"  # the admin maintains it, the reviewer is in it


class Statuses(NamedTuple):
    """What each caller is answered. The last two are tokens of the admin."""

    anonymous: int
    stranger: int
    reader: int
    annotator: int
    reviewer: int
    admin: int
    read_only: int
    expired: int


# The patterns. `s` is the answer to those who may: 400 or 415 where the empty body, and
# 404 where the made-up id, is what stops them.
def seen(s: int = 200) -> Statuses:
    """A GET of what readers of the dataset may see."""
    return Statuses(404, 404, s, s, s, s, s, 401)


def asked(s: int) -> Statuses:
    """A POST that only reads, but costs enough to want a name."""
    return Statuses(401, 404, s, s, s, s, s, 401)


def edited(s: int) -> Statuses:
    """What annotators, and those above, do."""
    return Statuses(401, 404, 403, s, s, s, 403, 401)


def drafted(s: int = 200) -> Statuses:
    """A GET of what annotators have begun, and those above."""
    return Statuses(404, 404, 403, s, s, s, s, 401)


def ruled(s: int) -> Statuses:
    """What admins do."""
    return Statuses(401, 404, 403, 403, 403, s, 403, 401)


def overseen(s: int = 200) -> Statuses:
    """A GET of what only admins, with a token as wide, may see."""
    return Statuses(404, 404, 403, 403, 403, s, 403, 401)


def own(s: int = 200) -> Statuses:
    """A GET of what is the caller's own."""
    return Statuses(401, s, s, s, s, s, s, 401)


def made(s: int) -> Statuses:
    """What everybody with an account does."""
    return Statuses(401, s, s, s, s, s, 403, 401)


def known(s: int = 200) -> Statuses:
    """What everybody may see; a token that has ended is still refused."""
    return Statuses(s, s, s, s, s, s, s, 401)


OPEN = Statuses(200, 200, 200, 200, 200, 200, 200, 200)  # nobody is asked who they are

TABLE = [
    ("get", f"{API}/datasets/", known()),
    ("post", f"{API}/datasets/", made(400)),
    ("get", f"{STREETS}/", seen()),
    ("patch", f"{STREETS}/", ruled(200)),
    ("post", f"{STREETS}/imports/", edited(400)),
    ("post", f"{STREETS}/exports/", asked(400)),
    ("get", f"{STREETS}/uploads/", drafted()),
    ("post", f"{STREETS}/uploads/", edited(412)),  # the version of the protocol is missing
    ("get", f"{UPLOAD}/", drafted(404)),
    ("post", f"{UPLOAD}/", edited(404)),  # X-HTTP-Method-Override
    ("patch", f"{UPLOAD}/", edited(404)),
    ("delete", f"{UPLOAD}/", edited(404)),
    ("post", f"{STREETS}/pull/", seen(400)),
    ("delete", f"{STREETS}/pull/leases/{NOBODY}/", seen(204)),
    ("get", f"{STREETS}/pull/ranges/x", seen(404)),
    ("post", f"{STREETS}/blobs/fetch/", seen(400)),
    ("post", f"{STREETS}/blobs/missing/", edited(400)),
    ("post", f"{STREETS}/blobs/", edited(415)),
    ("get", f"{STREETS}/blobs/{'0' * 64}", seen(404)),
    ("put", f"{STREETS}/blobs/{'0' * 64}", edited(400)),
    ("post", f"{STREETS}/lfs/objects/batch", seen(415)),
    ("get", f"{STREETS}/versions/v1/manifest", seen()),
    ("get", f"{STREETS}/versions/", seen()),
    ("get", f"{STREETS}/versions/?branch=main", seen()),
    ("get", f"{STREETS}/versions/v1/", seen()),
    ("get", f"{STREETS}/versions/v1/stats/", seen()),
    ("get", f"{STREETS}/versions/v1/distributions/", seen()),
    ("get", f"{STREETS}/versions/v1/images/", seen()),
    ("get", f"{STREETS}/versions/v1/violations/", seen()),
    ("get", f"{STREETS}/versions/v1/classes/1/history/", seen()),
    ("get", f"{STREETS}/versions/v1/classes/1/samples/", seen()),
    ("get", f"{STREETS}/versions/v1/leaks/", seen()),
    ("post", f"{STREETS}/versions/v1/leaks/", asked(202)),
    ("get", f"{IMAGE}/segments/1/crop.webp", seen()),
    ("get", f"{IMAGE}/", seen()),
    ("get", f"{IMAGE}/history/", seen()),
    ("get", f"{IMAGE}/photo", seen()),
    ("get", f"{IMAGE}/panoptic.png", seen()),
    ("get", f"{IMAGE}/panoptic.json", seen()),
    ("get", f"{IMAGE}/semantic.png", seen()),
    ("get", f"{IMAGE}/instances.json", seen()),
    ("get", f"{IMAGE}/overlay.png", seen()),
    ("get", f"{IMAGE}/thumbnail.webp", seen()),
    ("get", f"{COMPARE}/", seen()),
    ("get", f"{COMPARE}/images/", seen()),
    ("get", f"{COMPARE}/images/1/", seen()),
    ("get", f"{COMPARE}/images/1/change.png", seen()),
    ("get", f"{STREETS}/branches/", seen()),
    ("post", f"{STREETS}/branches/", edited(400)),
    ("get", f"{STREETS}/branches/main/", seen()),
    ("patch", f"{STREETS}/branches/main/", ruled(400)),
    ("delete", f"{STREETS}/branches/feature/night/", ruled(204)),
    ("post", f"{STREETS}/branches/main/commits/", edited(400)),
    ("get", f"{STREETS}/branches/main/merge-preview/?from=v1", seen()),
    ("post", f"{STREETS}/branches/main/merges/", edited(400)),
    ("post", f"{STREETS}/branches/main/reverts/", edited(400)),
    ("post", f"{STREETS}/branches/main/migrations/", edited(400)),
    ("post", f"{STREETS}/branches/main/splits/", edited(400)),
    ("get", f"{STREETS}/members/", Statuses(404, 404, 403, 403, 200, 200, 200, 401)),
    ("put", f"{STREETS}/members/ada/", ruled(400)),
    ("delete", f"{STREETS}/members/ada/", ruled(409)),
    ("get", f"{STREETS}/teams/", Statuses(404, 404, 403, 403, 200, 200, 200, 401)),
    ("put", f"{STREETS}/teams/crew/", ruled(400)),
    ("delete", f"{STREETS}/teams/crew/", ruled(404)),
    ("get", f"{STREETS}/tags/", seen()),
    ("post", f"{STREETS}/tags/", edited(400)),
    ("get", f"{STREETS}/tags/release/1.0/", seen()),
    ("get", f"{API}/taxonomies/", known()),
    ("post", f"{API}/taxonomies/", made(400)),
    ("get", f"{TAXONOMY}/", seen()),
    ("patch", f"{TAXONOMY}/", ruled(200)),
    ("get", f"{TAXONOMY}/versions/", seen()),
    ("get", f"{TAXONOMY}/versions/1/", seen()),
    ("get", f"{TAXONOMY}/compare/1..draft/", seen()),
    ("get", f"{TAXONOMY}/history/", seen()),
    ("get", f"{TAXONOMY}/draft/", seen()),
    ("put", f"{TAXONOMY}/draft/", ruled(400)),
    ("delete", f"{TAXONOMY}/draft/?expected_revision=0", ruled(204)),
    ("post", f"{TAXONOMY}/draft/operations/", ruled(400)),
    ("post", f"{TAXONOMY}/draft/publish/", ruled(400)),
    ("post", f"{TAXONOMY}/draft/preview/", asked(200)),
    ("get", f"{TAXONOMY}/classes/1/", seen()),
    ("get", f"{TAXONOMY}/members/", Statuses(404, 404, 403, 403, 403, 200, 200, 401)),
    ("put", f"{TAXONOMY}/members/ada/", ruled(400)),
    ("delete", f"{TAXONOMY}/members/ada/", ruled(409)),
    ("get", f"{TAXONOMY}/teams/", Statuses(404, 404, 403, 403, 403, 200, 200, 401)),
    ("put", f"{TAXONOMY}/teams/crew/", ruled(400)),
    ("delete", f"{TAXONOMY}/teams/crew/", ruled(404)),
    ("get", f"{TAXONOMY}/mappings/", seen()),
    ("post", f"{TAXONOMY}/mappings/", Statuses(401, 404, 400, 400, 400, 400, 403, 401)),
    ("get", f"{TAXONOMY}/mappings/proposal/?target=streets-classes", seen()),
    ("get", f"{TAXONOMY}/mappings/other/1/", seen(404)),
    ("post", f"{TAXONOMY}/pictures/", ruled(415)),
    ("get", f"{TAXONOMY}/pictures/{'0' * 64}", seen(404)),
    ("get", f"{API}/taxonomy-presets/", known()),
    ("get", f"{API}/taxonomy-presets/voc/", known()),
    ("get", f"{STREETS}/webhooks/", overseen()),
    ("post", f"{STREETS}/webhooks/", ruled(400)),
    ("get", f"{WEBHOOK}/", overseen(404)),
    ("patch", f"{WEBHOOK}/", ruled(404)),
    ("delete", f"{WEBHOOK}/", ruled(404)),
    ("post", f"{WEBHOOK}/test/", ruled(404)),
    ("post", f"{WEBHOOK}/secret/", ruled(404)),
    ("get", f"{WEBHOOK}/deliveries/", overseen(404)),
    ("get", f"{DELIVERY}/", overseen(404)),
    ("post", f"{DELIVERY}/redeliver/", ruled(404)),
    ("get", f"{API}/audit/", own()),
    ("get", f"{API}/audit/export", own()),
    ("get", f"{API}/jobs/", own()),
    ("get", f"{JOB}/", seen(404)),
    ("post", f"{JOB}/cancel/", made(404)),
    ("post", f"{JOB}/retry/", made(404)),
    ("get", f"{JOB}/log/", seen(404)),
    ("get", f"{JOB}/download/", seen(404)),
    ("get", f"{API}/workers/", Statuses(401, 403, 403, 403, 403, 403, 403, 401)),  # superusers
    ("get", f"{API}/teams/", own()),
    ("post", f"{API}/teams/", made(400)),
    ("get", f"{CREW}/", Statuses(401, 404, 404, 404, 200, 200, 200, 401)),
    ("patch", f"{CREW}/", Statuses(401, 404, 404, 404, 403, 200, 403, 401)),
    ("delete", f"{CREW}/", Statuses(401, 404, 404, 404, 403, 204, 403, 401)),
    ("get", f"{CREW}/members/", Statuses(401, 404, 404, 404, 200, 200, 200, 401)),
    ("put", f"{CREW}/members/ada/", Statuses(401, 404, 404, 404, 403, 400, 403, 401)),
    ("delete", f"{CREW}/members/ada/", Statuses(401, 404, 404, 404, 403, 409, 403, 401)),
    ("get", f"{API}/tokens/", own()),
    ("post", f"{API}/tokens/", made(400)),
    ("delete", f"{API}/tokens/0123456789abcdef/", made(404)),
    ("get", "/api/schema/", known()),
    ("get", "/api/docs/", known()),
    ("get", "/healthz", OPEN),
    ("get", "/readyz", OPEN),
    # Roles do not matter: superusers may, and networks (tests/api/test_metrics.py).
    ("get", "/metrics", Statuses(404, 404, 404, 404, 404, 404, 404, 401)),
]


@pytest.fixture(scope="module")
def _blob_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One storage for all rows, as there is one world."""
    blobs = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(tmp_path_factory.mktemp("blobs"))},
    }
    with override_settings(STORAGES={**settings.STORAGES, "blobs": blobs}):
        yield


@pytest.fixture(scope="module")
def callers(_blob_folder, django_db_setup, django_db_blocker) -> Iterator[dict[str, APIClient]]:
    """The eight callers in one world, which is made once: each row is rolled back."""
    with django_db_blocker.unblock(), transaction.atomic():
        world = build_world()
        build_world("parks", "public")
        reviewer = member(world, Role.REVIEWER)
        build_crew(User.objects.get(username="ada"), User.objects.get(username="a-reviewer"))
        yield {
            "anonymous": APIClient(),
            "stranger": client_of("stranger"),
            "reader": member(world, Role.READER),
            "annotator": member(world, Role.ANNOTATOR),
            "reviewer": reviewer,
            "admin": client_of("ada"),
            "read_only": client_of("ada", read_only=True),
            "expired": client_of("ada", lifetime=timedelta(seconds=-1)),
        }
        transaction.set_rollback(True)


def build_crew(maintainer: User, somebody: User) -> None:
    """A team of two, without a role anywhere."""
    crew = create_team(slug="crew", actor=maintainer)
    set_team_member(team=crew, user=somebody, role=TeamRole.MEMBER, actor=maintainer)


@pytest.mark.parametrize(
    ("method", "path", "statuses"), [pytest.param(*row, id=" ".join(row[:2])) for row in TABLE]
)
def test_everybody_gets_what_is_theirs(callers, method, path, statuses):
    answers = {name: ask(client, method, path) for name, client in callers.items()}
    assert {name: found.status_code for name, found in answers.items()} == statuses._asdict()
    for refused in (found for found in answers.values() if found.status_code >= 400):
        assert refused["Content-Type"] == "application/problem+json"


def ask(client: APIClient, method: str, path: str, body: Any = None) -> Any:
    """What is answered; whatever was changed is undone."""
    with transaction.atomic():
        response = getattr(client, method)(path, None if method == "get" else body or {})
        response.getvalue()  # streams read the database, too
        transaction.set_rollback(True)
    return response


def test_the_table_has_every_path_and_method():
    resolver = get_resolver("api.urls")
    named = {(resolver.resolve(path.partition("?")[0]).route, method) for method, path, _ in TABLE}
    assert named == {
        (str(pattern.pattern), method)
        for pattern in api.urls.urlpatterns
        for method in methods_of(pattern)
    }


def methods_of(pattern: URLPattern) -> Iterator[str]:
    """The methods that the view of a path answers; HEAD and OPTIONS follow from them."""
    view = pattern.callback.cls
    if view is not api.urls.Nothing:
        yield from {"get", "post", "put", "patch", "delete"} & set(dir(view))


@pytest.mark.parametrize("path", ["", "versions/v1/images/", "compare/v1..v3/", "branches/"])
def test_a_public_dataset_is_read_by_everybody(callers, path):
    assert ask(callers["anonymous"], "get", f"{PARKS}/{path}").status_code == 200


@pytest.mark.parametrize("path", ["", "branches/", "tags/", "exports/", "branches/main/commits/"])
def test_a_public_dataset_is_changed_by_its_members_only(callers, path):
    method = "patch" if path == "" else "post"
    refused = ask(callers["anonymous"], method, f"{PARKS}/{path}")
    assert refused.status_code == 401
    assert refused["WWW-Authenticate"].startswith("Token")
    if path != "exports/":
        response = ask(callers["stranger"], method, f"{PARKS}/{path}")
        assert (response.status_code, response.json()["code"]) == (403, "permission_denied")


def test_a_superuser_sees_everything(callers):
    client = client_of(User.objects.create_superuser("root"))
    assert client.get(f"{STREETS}/").json()["role"] == "admin"
