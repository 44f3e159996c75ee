"""Who gets what from every path: a row per path and method, a column per caller."""

import pytest
from django.urls import get_resolver

import api.urls
from tests.api.builders import API, STREETS, build_world, client_of

CALLERS = ("anonymous", "stranger", "reader", "annotator", "admin")
IMAGE = f"{STREETS}/versions/v1/images/1"
COMPARE = f"{STREETS}/compare/v1..v3"
TAXONOMY = f"{API}/taxonomies/streets-classes"
WEBHOOK = f"{STREETS}/webhooks/00000000-0000-0000-0000-000000000000"
JOB = f"{API}/jobs/00000000-0000-0000-0000-000000000000"

# A private dataset. 400: the caller may, and the body is wrong.
TABLE = [
    ("get", f"{API}/datasets/", 200, 200, 200, 200, 200),
    ("post", f"{API}/datasets/", 401, 400, 400, 400, 400),
    ("get", f"{STREETS}/", 404, 404, 200, 200, 200),
    ("patch", f"{STREETS}/", 401, 404, 403, 403, 200),
    ("post", f"{STREETS}/imports/", 401, 404, 403, 415, 415),
    ("post", f"{STREETS}/exports/", 401, 404, 400, 400, 400),
    ("get", f"{STREETS}/versions/", 404, 404, 200, 200, 200),
    ("get", f"{STREETS}/versions/?branch=main", 404, 404, 200, 200, 200),
    ("get", f"{STREETS}/versions/v1/", 404, 404, 200, 200, 200),
    ("get", f"{STREETS}/versions/v1/stats/", 404, 404, 200, 200, 200),
    ("get", f"{STREETS}/versions/v1/images/", 404, 404, 200, 200, 200),
    ("get", f"{STREETS}/versions/v1/violations/", 404, 404, 200, 200, 200),
    ("get", f"{STREETS}/versions/v1/classes/1/history/", 404, 404, 200, 200, 200),
    ("get", f"{STREETS}/versions/v1/classes/1/samples/", 404, 404, 200, 200, 200),
    ("get", f"{STREETS}/versions/v1/leaks/", 404, 404, 200, 200, 200),
    ("post", f"{STREETS}/versions/v1/leaks/", 401, 404, 202, 202, 202),
    ("get", f"{IMAGE}/segments/1/crop.webp", 404, 404, 200, 200, 200),
    ("get", f"{IMAGE}/", 404, 404, 200, 200, 200),
    ("get", f"{IMAGE}/history/", 404, 404, 200, 200, 200),
    ("get", f"{IMAGE}/photo", 404, 404, 200, 200, 200),
    ("get", f"{IMAGE}/panoptic.png", 404, 404, 200, 200, 200),
    ("get", f"{IMAGE}/panoptic.json", 404, 404, 200, 200, 200),
    ("get", f"{IMAGE}/semantic.png", 404, 404, 200, 200, 200),
    ("get", f"{IMAGE}/instances.json", 404, 404, 200, 200, 200),
    ("get", f"{IMAGE}/overlay.png", 404, 404, 200, 200, 200),
    ("get", f"{IMAGE}/thumbnail.webp", 404, 404, 200, 200, 200),
    ("get", f"{COMPARE}/", 404, 404, 200, 200, 200),
    ("get", f"{COMPARE}/images/", 404, 404, 200, 200, 200),
    ("get", f"{COMPARE}/images/1/", 404, 404, 200, 200, 200),
    ("get", f"{COMPARE}/images/1/change.png", 404, 404, 200, 200, 200),
    ("get", f"{STREETS}/branches/", 404, 404, 200, 200, 200),
    ("post", f"{STREETS}/branches/", 401, 404, 403, 400, 400),
    ("get", f"{STREETS}/branches/main/", 404, 404, 200, 200, 200),
    ("patch", f"{STREETS}/branches/main/", 401, 404, 403, 403, 400),
    ("delete", f"{STREETS}/branches/feature/night/", 401, 404, 403, 403, 204),
    ("post", f"{STREETS}/branches/main/commits/", 401, 404, 403, 400, 400),
    ("get", f"{STREETS}/branches/main/merge-preview/?from=v1", 404, 404, 200, 200, 200),
    ("post", f"{STREETS}/branches/main/merges/", 401, 404, 403, 400, 400),
    ("post", f"{STREETS}/branches/main/reverts/", 401, 404, 403, 400, 400),
    ("post", f"{STREETS}/branches/main/migrations/", 401, 404, 403, 400, 400),
    ("post", f"{STREETS}/branches/main/splits/", 401, 404, 403, 400, 400),
    ("get", f"{STREETS}/members/", 404, 404, 403, 403, 200),
    ("put", f"{STREETS}/members/ada/", 401, 404, 403, 403, 400),
    ("delete", f"{STREETS}/members/ada/", 401, 404, 403, 403, 409),
    ("get", f"{STREETS}/tags/", 404, 404, 200, 200, 200),
    ("post", f"{STREETS}/tags/", 401, 404, 403, 400, 400),
    ("get", f"{STREETS}/tags/release/1.0/", 404, 404, 200, 200, 200),
    ("get", f"{API}/taxonomies/", 200, 200, 200, 200, 200),
    ("get", f"{API}/taxonomies/streets-classes/", 404, 404, 200, 200, 200),
    ("get", f"{API}/taxonomies/streets-classes/versions/", 404, 404, 200, 200, 200),
    ("get", f"{API}/taxonomies/streets-classes/versions/1/", 404, 404, 200, 200, 200),
    ("post", f"{API}/taxonomies/", 401, 400, 400, 400, 400),
    ("patch", f"{TAXONOMY}/", 401, 404, 403, 403, 200),
    ("get", f"{TAXONOMY}/compare/1..draft/", 404, 404, 200, 200, 200),
    ("get", f"{TAXONOMY}/history/", 404, 404, 200, 200, 200),
    ("get", f"{TAXONOMY}/draft/", 404, 404, 200, 200, 200),
    ("put", f"{TAXONOMY}/draft/", 401, 404, 403, 403, 400),
    ("delete", f"{TAXONOMY}/draft/?expected_revision=0", 401, 404, 403, 403, 204),
    ("post", f"{TAXONOMY}/draft/operations/", 401, 404, 403, 403, 400),
    ("post", f"{TAXONOMY}/draft/publish/", 401, 404, 403, 403, 400),
    ("post", f"{TAXONOMY}/draft/preview/", 401, 404, 200, 200, 200),
    ("get", f"{TAXONOMY}/classes/1/", 404, 404, 200, 200, 200),
    ("get", f"{TAXONOMY}/members/", 404, 404, 403, 403, 200),
    ("put", f"{TAXONOMY}/members/ada/", 401, 404, 403, 403, 400),
    ("delete", f"{TAXONOMY}/members/ada/", 401, 404, 403, 403, 409),
    ("get", f"{TAXONOMY}/mappings/", 404, 404, 200, 200, 200),
    ("post", f"{TAXONOMY}/mappings/", 401, 404, 400, 400, 400),
    ("get", f"{TAXONOMY}/mappings/proposal/?target=streets-classes", 404, 404, 200, 200, 200),
    ("get", f"{TAXONOMY}/mappings/other/1/", 404, 404, 404, 404, 404),
    ("post", f"{TAXONOMY}/pictures/", 401, 404, 403, 403, 415),
    ("get", f"{TAXONOMY}/pictures/{'0' * 64}", 404, 404, 404, 404, 404),
    ("get", f"{API}/taxonomy-presets/", 200, 200, 200, 200, 200),
    ("get", f"{API}/taxonomy-presets/voc/", 200, 200, 200, 200, 200),
    ("get", f"{STREETS}/webhooks/", 404, 404, 403, 403, 200),
    ("post", f"{STREETS}/webhooks/", 401, 404, 403, 403, 400),
    ("get", f"{WEBHOOK}/", 404, 404, 403, 403, 404),
    ("patch", f"{WEBHOOK}/", 401, 404, 403, 403, 404),
    ("delete", f"{WEBHOOK}/", 401, 404, 403, 403, 404),
    ("post", f"{WEBHOOK}/test/", 401, 404, 403, 403, 404),
    ("post", f"{WEBHOOK}/secret/", 401, 404, 403, 403, 404),
    ("get", f"{WEBHOOK}/deliveries/", 404, 404, 403, 403, 404),
    ("get", f"{WEBHOOK}/deliveries/00000000-0000-0000-0000-000000000000/", 404, 404, 403, 403, 404),
    (
        "post",
        f"{WEBHOOK}/deliveries/00000000-0000-0000-0000-000000000000/redeliver/",
        401,
        404,
        403,
        403,
        404,
    ),
    ("get", f"{API}/audit/", 401, 200, 200, 200, 200),
    ("get", f"{API}/audit/export", 401, 200, 200, 200, 200),
    ("get", f"{API}/jobs/", 401, 200, 200, 200, 200),
    ("get", f"{JOB}/", 404, 404, 404, 404, 404),
    ("post", f"{JOB}/cancel/", 401, 404, 404, 404, 404),
    ("get", f"{JOB}/download/", 404, 404, 404, 404, 404),
    ("get", f"{API}/tokens/", 401, 200, 200, 200, 200),
    ("post", f"{API}/tokens/", 401, 400, 400, 400, 400),
    ("delete", f"{API}/tokens/0123456789abcdef/", 401, 404, 404, 404, 404),
    ("get", "/api/schema/", 200, 200, 200, 200, 200),
    ("get", "/api/docs/", 200, 200, 200, 200, 200),
    ("get", "/healthz", 200, 200, 200, 200, 200),
    ("get", "/readyz", 200, 200, 200, 200, 200),
]
CASES = [
    pytest.param(method, path, caller, status, id=f"{method} {path} {caller}")
    for method, path, *statuses in TABLE
    for caller, status in zip(CALLERS, statuses, strict=True)
]


@pytest.mark.parametrize(("method", "path", "caller", "status"), CASES)
def test_everybody_gets_what_is_theirs(world, request, method, path, caller, status):
    client = request.getfixturevalue(caller)
    response = getattr(client, method)(path, **({} if method == "get" else {"data": {}}))
    assert response.status_code == status
    if response.status_code >= 400:
        assert response["Content-Type"] == "application/problem+json"


def test_the_table_has_every_path():
    resolver = get_resolver("api.urls")
    named = {resolver.resolve(path.partition("?")[0]).route for _, path, *_ in TABLE}
    everything = {
        str(pattern.pattern)
        for pattern in api.urls.urlpatterns
        if pattern.callback.cls is not api.urls.Nothing
    }
    assert everything == named


@pytest.mark.parametrize("path", ["", "versions/v1/images/", "compare/v1..v3/", "branches/"])
def test_a_public_dataset_is_read_by_everybody(db, anonymous, path):
    build_world("parks", "public")
    assert anonymous.get(f"{API}/datasets/parks/{path}").status_code == 200


@pytest.mark.parametrize("path", ["", "branches/", "tags/", "exports/", "branches/main/commits/"])
def test_a_public_dataset_is_changed_by_its_members_only(db, anonymous, path):
    build_world("parks", "public")
    method = "patch" if path == "" else "post"
    url = f"{API}/datasets/parks/{path}"
    refused = getattr(anonymous, method)(url, {})
    assert refused.status_code == 401
    assert refused["WWW-Authenticate"].startswith("Token")
    if path != "exports/":
        response = getattr(client_of("stranger"), method)(url, {})
        assert (response.status_code, response.json()["code"]) == (403, "permission_denied")


def test_a_dataset_that_is_not_there_looks_like_one_that_may_not_be_seen(stranger):
    hidden, missing = (stranger.get(f"{API}/datasets/{slug}/") for slug in ("streets", "nothing"))
    assert hidden.status_code == missing.status_code == 404
    assert hidden.json()["code"] == missing.json()["code"]


def test_a_superuser_sees_everything(world):
    client = client_of(type(world.versions[0].author).objects.create_superuser("root"))
    assert client.get(f"{STREETS}/").json()["role"] == "admin"
