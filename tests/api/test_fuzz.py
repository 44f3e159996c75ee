"""No input of any kind gives a 500; the client raises what a view does not catch."""

import string
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.builders import API, STREETS, build_world, client_of

WEIRD = [
    "%00", "%FF%FE", "..", "...", "~", "~1", "main~99999999999999999999", "main~-1", "v0",
    "v99999999999999999999", "0" * 8, "f" * 64, "F" * 64, "0" * 200, "main~~~~", "é",
    "%F0%9F%9A%97", "a" * 3_000, "'; DROP TABLE x; --", "%25", "%2e%2e",
    "main%0A", "%ED%A0%80", "~~1", "v1~0",
]  # fmt: skip
NUMBERS = ["0", "-1", "9" * 9, "9" * 10, "9" * 30, "1e3", "0x1", "1.5", "%D9%A1", "00001"]
REVISION_PATHS = ["", "stats/", "images/", "images/1/", "images/1/panoptic.png"]
VALUES = ["%00", "%FF%FE", "-1", "9" * 30, "%D9%A1", "%F0%9F%9A%97", "'--", "a" * 3_000, ""]
PAGE = ("cursor", "limit")
IMAGE = f"{STREETS}/versions/v1/images/1"
READ = {
    f"{API}/datasets/": PAGE,
    f"{STREETS}/versions/": (*PAGE, "branch"),
    f"{STREETS}/versions/v1/images/": (*PAGE, "class", "split", "status", "prefix", "name"),
    f"{IMAGE}/history/": PAGE,
    f"{IMAGE}/semantic.png": ("ids", "void", "format"),
    f"{IMAGE}/overlay.png": ("size",),
    f"{IMAGE}/thumbnail.webp": ("size", "layer"),
    f"{IMAGE}/instances.json": ("geometry",),
    f"{STREETS}/compare/v1..v2/images/": (*PAGE, "kind", "change", "facet", "class", "order"),
    f"{STREETS}/branches/": PAGE,
    f"{STREETS}/tags/": PAGE,
    f"{API}/taxonomies/": PAGE,
    f"{API}/jobs/": (*PAGE, "state", "dataset"),
    f"{API}/teams/": PAGE,
    f"{STREETS}/members/": PAGE,
    f"{STREETS}/teams/": PAGE,
    f"{API}/tokens/": PAGE,
    "/api/schema/": ("format",),
}
WRITTEN = [
    ("post", f"{API}/datasets/"), ("patch", f"{STREETS}/"), ("post", f"{STREETS}/branches/"),
    ("patch", f"{STREETS}/branches/main/"), ("post", f"{STREETS}/branches/main/commits/"),
    ("post", f"{STREETS}/tags/"), ("post", f"{STREETS}/exports/"), ("post", f"{API}/tokens/"),
    ("post", f"{API}/teams/"),
]  # fmt: skip
FIELDS = ["slug", "title", "taxonomy", "visibility", "default_branch", "name", "head", "protected",
          "expected_head", "message", "changes", "version", "format", "filter", "options", "days",
          "scopes", "read_only"]  # fmt: skip

texts = st.text(st.characters(codec="utf-8"), max_size=20) | st.sampled_from(
    ["main", "v1", "f" * 64, "streets-classes", "coco_panoptic", "\x00", "\u2028"]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
CHANGE = ("name", "image", "label", "split", "status", "attributes", "delete")
changes = st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(CHANGE, values)), max_size=3)
bodies = st.dictionaries(st.sampled_from(FIELDS), values, max_size=5)
relaxed = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def client(db):
    build_world()
    return client_of("ada")


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


@pytest.mark.parametrize("path", READ)
def test_weird_parameters(client, path):
    for parameter in READ[path]:
        for value in VALUES:
            is_answered(client.get(f"{path}?{parameter}={value}"))


@relaxed
@given(rev=texts, parameter=st.sampled_from(["class", "split", "prefix", "name"]), value=texts)
def test_any_text_in_a_path_and_a_query(client, rev, parameter, value):
    is_answered(client.get(f"{STREETS}/versions/{quote(rev, safe='')}/images/"))
    is_answered(client.get(f"{STREETS}/versions/v1/images/", {parameter: value}))


@relaxed
@given(operation=st.sampled_from(WRITTEN), body=bodies | values)
def test_any_body(client, operation, body):
    method, path = operation
    is_answered(getattr(client, method)(path, body))


@relaxed
@given(changes=changes, head=st.sampled_from(["v3", None, "x"]))
def test_any_changes(client, changes, head):
    if head == "v3":
        head = client.get(f"{STREETS}/branches/main/").json()["head"]
    body = {"expected_head": head, "changes": changes}
    is_answered(client.post(f"{STREETS}/branches/main/commits/", body))


@relaxed
@given(
    data=st.binary(max_size=60),
    path=st.sampled_from([*(path for _, path in WRITTEN), f"{STREETS}/imports/"]),
    media_type=st.sampled_from(["application/json", "multipart/form-data; boundary=b"]),
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
