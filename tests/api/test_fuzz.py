"""No input of any kind gives a 500; the client raises what a view does not catch.

What the OpenAPI document knows of requests, schemathesis sends (test_schemathesis.py). Here is what
it cannot know: names that lead nowhere, bytes that are no text, headers of others.
"""

import string
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from tests.api.builders import API, STREETS, client_of
from tests.api.one_world import one_storage, one_world
from tests.api.taxonomy_builders import DRAFT, TAXONOMIES

pytestmark = pytest.mark.django_db

WEIRD = [
    "%00", "%FF%FE", "..", "...", "~", "~1", "main~99999999999999999999", "main~-1", "v0",
    "v99999999999999999999", "0" * 8, "f" * 64, "F" * 64, "0" * 200, "main~~~~", "é",
    "%F0%9F%9A%97", "a" * 3_000, "'; DROP TABLE x; --", "%25", "%2e%2e",
    "main%0A", "%ED%A0%80", "~~1", "v1~0",
]  # fmt: skip
NUMBERS = ["0", "-1", "9" * 9, "9" * 10, "9" * 30, "1e3", "0x1", "1.5", "%D9%A1", "00001"]
REVISION_PATHS = ["", "stats/", "distributions/", "images/", "images/1/", "images/1/panoptic.png"]
VALUES = ["%00", "%FF%FE", "-1", "9" * 30, "%D9%A1", "%F0%9F%9A%97", "'--", "a" * 3_000, ""]
IMAGES = f"{STREETS}/versions/v1/images/"
PARAMETERS = ("cursor", "limit", "class", "split", "status", "prefix", "name", "taxonomy", "odd")
POSTED = [
    f"{API}/datasets/", f"{STREETS}/branches/", f"{STREETS}/branches/main/commits/",
    f"{STREETS}/tags/", f"{STREETS}/exports/", f"{STREETS}/imports/", f"{API}/tokens/",
    TAXONOMIES, f"{DRAFT}operations/", f"{DRAFT}publish/", f"{TAXONOMIES}streets-classes/pictures/",
]  # fmt: skip
MEDIA_TYPES = [
    "application/json", "multipart/form-data; boundary=b", "image/png", "image/webp",
    "application/x-tessera-pack",
]  # fmt: skip

texts = st.text(st.characters(codec="utf-8"), max_size=20) | st.sampled_from(
    ["main", "v1", "f" * 64, "streets-classes", "coco_panoptic", "\x00", "\u2028"]
)
relaxed = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def _blob_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with one_storage(tmp_path_factory.mktemp("blobs")):
        yield


@pytest.fixture(scope="module")
def client(_blob_folder, django_db_setup, django_db_blocker) -> Iterator[APIClient]:
    with one_world(django_db_blocker):
        yield client_of("ada")


def is_answered(response):
    assert response.status_code < 500, response.content
    if response.status_code >= 400:
        assert response["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("rest", REVISION_PATHS)
def test_a_weird_revision(client, rest):
    for rev in WEIRD:
        is_answered(client.get(f"{STREETS}/versions/{rev}/{rest}"))


def test_a_weird_comparison(client):
    for rev in WEIRD:
        for spec in (f"{rev}..v1", f"v1...{rev}", f"{rev}..{rev}"):
            is_answered(client.get(f"{STREETS}/compare/{spec}/"))
            is_answered(client.get(f"{STREETS}/compare/{spec}/images/1/"))


def test_a_weird_name(client):
    for name in WEIRD:
        for path in (f"branches/{name}/", f"tags/{name}/", f"versions/?branch={name}"):
            is_answered(client.get(f"{STREETS}/{path}"))
        body = {"expected_head": None, "changes": []}
        is_answered(client.post(f"{STREETS}/branches/{name}/commits/", body))
        is_answered(client.delete(f"{STREETS}/branches/{name}/"))
        is_answered(client.get(f"{API}/taxonomies/{name}/versions/1/"))
        is_answered(client.get(f"{API}/datasets/{name}/"))
        is_answered(client.delete(f"{API}/tokens/{name}/"))


def test_a_weird_number(client):
    for number in NUMBERS:
        for rest in ("", "history/", "panoptic.png", "photo"):
            is_answered(client.get(f"{STREETS}/versions/v1/images/{number}/{rest}"))
        is_answered(client.get(f"{STREETS}/compare/v1..v2/images/{number}/"))
        is_answered(client.get(f"{API}/taxonomies/streets-classes/versions/{number}/"))
        is_answered(client.get(f"{API}/jobs/{number}/"))


def test_weird_parameters(client):
    for parameter in PARAMETERS:
        for value in VALUES:
            is_answered(client.get(f"{IMAGES}?{parameter}={value}"))


@relaxed
@given(rev=texts, name=texts)
def test_any_text_in_a_path(client, rev, name):
    is_answered(client.get(f"{STREETS}/versions/{quote(rev, safe='')}/images/"))
    is_answered(client.get(f"{STREETS}/branches/{quote(name, safe='')}/"))


@relaxed
@given(
    data=st.binary(max_size=80)
    | st.sampled_from([b"[", b"{", b'{"classes":', b"\x89PNG\r\n\x1a\n"]),
    path=st.sampled_from(POSTED),
    media_type=st.sampled_from(MEDIA_TYPES),
)
def test_any_bytes(client, data, path, media_type):
    is_answered(client.generic("POST", path, data, content_type=media_type))


@relaxed
@given(
    header=st.sampled_from(["If-None-Match", "Idempotency-Key", "Accept", "Content-Type", "Range"]),
    value=st.text(string.printable.strip() + "é \x7f", max_size=30),
)
def test_any_header(client, header, value):
    is_answered(client.get(f"{STREETS}/versions/v1/images/1/", headers={header: value}))
    body = {"expected_head": None, "changes": [{"name": "x"}]}
    headers = {} if header == "Content-Type" else {header: value}
    is_answered(client.post(f"{STREETS}/branches/main/commits/", body, headers=headers))
