"""No edit and no path of a taxonomy gives a 500; the client raises what a view does not catch.

What the OpenAPI document knows of bodies, schemathesis sends (test_schemathesis.py). Here are edits
that nearly fit: operations with their own members, classes beside those that are there.
"""

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from labels_app.operations import OPERATIONS
from tests.api.builders import API, client_of
from tests.api.one_world import one_storage, one_world
from tests.api.taxonomy_builders import DRAFT, TAXONOMIES
from tests.api.taxonomy_builders import STREETS as TAXONOMY

pytestmark = pytest.mark.django_db

WEIRD = ["%00", "%FF%FE", "..", "...", "é", "%F0%9F%9A%97", "a" * 3_000, "'--", "%25", "-1", "0",
         "9" * 30, "%D9%A1", "main%0A", "%ED%A0%80", "1..%00", "draft..draft..draft"]  # fmt: skip
PATHS = [
    "compare/{}/", "members/{}/", "mappings/{}/1/", "mappings/streets-classes/{}/",
    "pictures/{}", "versions/{}/", "history/?cursor={}", "members/?limit={}",
    "mappings/?target={}", "mappings/proposal/?target={}",
    "mappings/proposal/?target=streets-classes&source_version={}", "draft/{}/",
]  # fmt: skip
NESTED = {
    f"{TAXONOMIES}": ("post", "title description message preset classes rules"),
    f"{DRAFT}": ("put", "expected_revision classes rules"),
    f"{DRAFT}operations/": ("post", "expected_revision operations"),
    f"{TAXONOMY}/mappings/": ("post", "target source_version entries message"),
}

texts = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    ["car", "road", "stuff", "thing", "coco", "#010203", "0" * 64, "small", "\x00", "\u2028"]
)
numbers = st.integers() | st.sampled_from([0, 1, 2, 3, 4, 2**31, 2**63, 2**64, 10**400, -1])
values = st.recursive(
    st.none() | st.booleans() | numbers | texts
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
CLASS = ("id", "color", "parent", "heading", "description", "external", "retired",
         "forwards_to", "synonyms", "attributes", "guideline", "examples", "deprecated",
         "split_into")  # fmt: skip
ATTRIBUTE = ("name", "type", "choices", "minimum", "maximum", "required", "description")
attributes = st.fixed_dictionaries(
    {"name": texts, "type": st.sampled_from(["text", "number", "boolean", "choice"])},
    optional=dict.fromkeys(ATTRIBUTE[2:], values),
)
classes = st.fixed_dictionaries(
    {"name": texts, "kind": st.sampled_from(["stuff", "thing"])},
    optional=dict.fromkeys(CLASS, values)
    | {"attributes": st.lists(attributes, max_size=2), "external": st.dictionaries(texts, numbers)},
)
rules = st.fixed_dictionaries(
    {"rule": st.sampled_from(["smallest_area", "stuff_not_crowd", "attributes_fit"]) | values},
    optional={"severity": values, "classes": values, "value": values},
)
names = st.sampled_from([*OPERATIONS, "import", "remove", "undo", "rules"])
PARTS = ("class", "classes", "name", "kind", "color", "parent", "into", "number", "preset")
known = st.sampled_from(["car", "road", "sky", 1, 2, 3, ["car", "road"], ["van", "bus"]])
operations = st.fixed_dictionaries(
    {"op": names},
    optional=dict.fromkeys(PARTS, values | known)
    | {"classes": known | st.lists(classes | values, max_size=2)},
) | names.flatmap(
    lambda name: st.fixed_dictionaries(
        {"op": st.just(name)} | dict.fromkeys(OPERATIONS.get(name, ((), ()))[0], known | values),
        optional=dict.fromkeys(OPERATIONS.get(name, ((), ()))[1], values),
    )
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


@pytest.mark.parametrize("path", PATHS)
def test_a_weird_path(client, path):
    for weird in WEIRD:
        is_answered(client.get(f"{TAXONOMY}/{path.format(weird)}"))
        is_answered(client.get(f"{TAXONOMIES}{weird}/{path.format(1)}"))
        if path.startswith("members/{}"):
            is_answered(client.delete(f"{TAXONOMY}/{path.format(weird)}"))
            is_answered(client.put(f"{TAXONOMY}/{path.format(weird)}", {"role": "reader"}))
    is_answered(client.get(f"{API}/taxonomy-presets/{path.format('x')}/"))


@relaxed
@given(text=texts, path=st.sampled_from(PATHS))
def test_any_text_in_a_path(client, text, path):
    is_answered(client.get(f"{TAXONOMY}/{path.format(quote(text, safe=''))}"))


@relaxed
@given(some=st.lists(operations, min_size=1, max_size=3))
def test_any_operations(client, some):
    revision = client.get(DRAFT).json()["revision"]
    body = {"expected_revision": revision, "operations": some}
    is_answered(client.post(f"{DRAFT}operations/", body))
    is_answered(client.get(DRAFT))


@relaxed
@given(rows=st.lists(classes | values, max_size=3), rule=rules | values, append=st.booleans())
def test_any_classes(client, rows, rule, append):
    draft = client.get(DRAFT).json()
    given = [*draft["classes"], *rows] if append else rows
    body = {"expected_revision": draft["revision"], "classes": given, "rules": [rule]}
    is_answered(client.put(DRAFT, body))
    is_answered(client.post(TAXONOMIES, {"slug": "new", "classes": rows, "rules": [rule]}))


@relaxed
@given(rows=st.lists(classes, min_size=1, max_size=3))
def test_any_classes_that_are_accepted_can_be_published(client, rows):
    revision = client.get(DRAFT).json()["revision"]
    add = [{"op": "import", "classes": rows}]
    edited = client.post(f"{DRAFT}operations/", {"expected_revision": revision, "operations": add})
    is_answered(edited)
    is_answered(
        client.post(
            f"{DRAFT}publish/",
            {"expected_revision": revision + (edited.status_code == 200), "message": "Any"},
        )
    )


@relaxed
@given(entries=st.dictionaries(texts, values, max_size=4) | st.lists(values, max_size=3))
def test_any_entries(client, entries):
    client.post(TAXONOMIES, {"slug": "small", "classes": [{"name": "car", "kind": "thing"}]})
    is_answered(client.post(f"{TAXONOMY}/mappings/", {"target": "small", "entries": entries}))


@pytest.mark.parametrize("deep", [50, 400, 900, 5_000])
@pytest.mark.parametrize("path", NESTED)
def test_a_body_that_is_nested_deep(client, path, deep):
    method, fields = NESTED[path]
    nested = "[" * deep + "]" * deep
    members = ", ".join(f'"{name}": {nested}' for name in fields.split())
    for inner in (members, f'"expected_revision": 0, "operations": [{{"op": {nested}}}]'):
        body = f'{{"slug": "deep", "target": "streets-classes", {inner}}}'.encode()
        is_answered(client.generic(method, path, body, content_type="application/json"))
