"""What lists and views of taxonomies ask of the database.

The caller is signed in without a query, so that these are the view's own; readings of
taxonomies are warm.
"""

import pytest
from rest_framework.test import APIClient

from labels_app.actions.taxonomies import create_taxonomy
from tests.api.builders import API, body_of, client_of, person, png
from tests.api.taxonomy_builders import STREETS, TAXONOMIES, edit, publish
from tests.labels_app.builders import classes

COUNTS = [
    (TAXONOMIES, 2),
    (f"{STREETS}/", 3),
    (f"{STREETS}/versions/", 2),
    (f"{STREETS}/versions/2/", 2),
    (f"{STREETS}/compare/1..2/", 3),
    (f"{STREETS}/compare/2..draft/", 3),
    (f"{STREETS}/draft/", 2),
    (f"{STREETS}/history/", 3),
    (f"{STREETS}/members/", 3),
    (f"{STREETS}/mappings/", 2),
    (f"{STREETS}/mappings/small/1/", 2),
    (f"{STREETS}/mappings/proposal/?target=small", 3),
    (f"{STREETS}/pictures/{{picture}}", 3),
    (f"{API}/taxonomy-presets/", 0),
    (f"{API}/taxonomy-presets/coco/", 0),
]


@pytest.fixture
def picture(world):
    """A taxonomy with two versions, an edited draft, mappings, members and a picture."""
    ada = client_of("ada")
    publish(ada, {"op": "rename", "class": "car", "name": "automobile"})
    edit(ada, {"op": "add", "name": "bus", "kind": "thing"})
    create_taxonomy(slug="small", classes=classes("car"), actor=person("ada"))
    entries = {"road": None, "automobile": "car", "sky": None}
    for _ in range(3):
        ada.post(f"{STREETS}/mappings/", {"target": "small", "entries": entries})
    for name in ("bob", "eve"):
        person(name)
        ada.put(f"{STREETS}/members/{name}/", {"role": "curator"})
    sent = ada.generic("POST", f"{STREETS}/pictures/", png(3, 4), content_type="image/png")
    return sent.json()["picture"]


@pytest.mark.parametrize(("url", "count"), COUNTS)
def test_the_queries_of_a_request(picture, django_assert_num_queries, url, count):
    client = APIClient()
    client.force_authenticate(person("ada"))
    url = url.format(picture=picture)
    assert client.get(url).status_code == 200
    with django_assert_num_queries(count):
        body_of(client.get(url))


def test_a_list_asks_as_often_for_fifty_taxonomies(world, django_assert_num_queries):
    for number in range(50):
        create_taxonomy(slug=f"t-{number:02}", classes=classes("car"), actor=person("ada"))
    client = APIClient()
    client.force_authenticate(person("ada"))
    with django_assert_num_queries(2):
        assert len(client.get(TAXONOMIES).json()["results"]) == 50


def test_an_edit_asks_as_often_whatever_the_number_of_operations(world, django_assert_num_queries):
    ada = client_of("ada")
    edit(ada, {"op": "rename", "class": "car", "name": "car 0"})
    client = APIClient()
    client.force_authenticate(person("ada"))
    for revision, number in ((1, 1), (2, 100)):
        renames = [
            {"op": "rename", "class": 2, "name": f"car {revision}-{n}"} for n in range(number)
        ]
        body = {"expected_revision": revision, "operations": renames}
        with django_assert_num_queries(15):
            assert client.post(f"{STREETS}/draft/operations/", body).status_code == 200
